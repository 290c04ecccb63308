package completion

import (
	"flag"
	"strings"

	"github.com/peterbourgon/ff/v3/ffcli"

	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
)

// command is what may stand behind a command's words.
type command struct {
	path  string // "seqd admin ls"
	below []word
	flags []option
	files bool // it takes the name of a file
}

// word is a command below another, with what it is for.
type word struct{ name, text string }

// option is a flag.
type option struct {
	name   string // as it is written, with its dashes
	text   string
	takes  bool     // a value
	values []string // those that it may be; nil: others too
	files  bool     // it is a file or a folder
}

// commandsOf returns root and all commands below it. Behind help stand commands
// too, as they stand behind root.
func commandsOf(root *ffcli.Command) (all []command) {
	add(&all, root, root.Name)
	for _, c := range all {
		if rest, ok := strings.CutPrefix(c.path, root.Name); ok && len(c.below) > 0 {
			all = append(all, command{path: root.Name + " help" + rest, below: c.below})
		}
	}
	return all
}

func add(all *[]command, c *ffcli.Command, path string) {
	entry := command{path: path, files: takesFile(c.ShortUsage)}
	for _, sub := range c.Subcommands {
		entry.below = append(entry.below, word{sub.Name, sub.ShortHelp})
	}
	c.FlagSet.VisitAll(func(f *flag.Flag) {
		kind, text := flag.UnquoteUsage(f)
		entry.flags = append(entry.flags, option{
			name:   cmdline.Dashed(f.Name),
			text:   text,
			takes:  !cmdline.IsSwitch(f),
			values: cmdline.Choices(f),
			files:  kind == "FILE" || kind == "FOLDER",
		})
	})
	entry.flags = append(entry.flags, option{name: "-h", text: "show what the command can be told"})
	if path != "seqd help" { // it is added with the words that stand behind it
		*all = append(*all, entry)
	}
	for _, sub := range c.Subcommands {
		add(all, sub, path+" "+sub.Name)
	}
}

// takesFile reports whether a command takes the name of a file as a word.
func takesFile(usage string) bool {
	before := ""
	for _, w := range strings.Fields(usage) {
		if (w == "FILE" || w == "[FILE]") && !strings.HasPrefix(strings.Trim(before, "["), "-") {
			return true
		}
		before = w
	}
	return false
}
