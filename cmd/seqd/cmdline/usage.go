package cmdline

import (
	"cmp"
	"flag"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/peterbourgon/ff/v3/ffcli"
)

// usage says everything a command can be told: flags, environment, defaults. A
// command's LongHelp begins with an example.
func (p *Program) usage(c *ffcli.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "usage: %s\n", c.ShortUsage)
	if c.LongHelp != "" {
		fmt.Fprintf(&b, "\n%s\n", c.LongHelp)
	}
	if len(c.Subcommands) > 0 {
		fmt.Fprintf(&b, "\ncommands:\n")
		w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
		for _, sub := range c.Subcommands {
			fmt.Fprintf(w, "  %s\t%s\n", sub.Name, sub.ShortHelp)
		}
		w.Flush()
	}
	p.flags(&b, c)
	return strings.TrimRight(b.String(), "\n")
}

// flags writes the flags of a command, in groups, and which of several values wins.
func (p *Program) flags(b *strings.Builder, c *ffcli.Command) {
	groups := make([][]*flag.Flag, len(heads))
	settings, file := false, false
	c.FlagSet.VisitAll(func(f *flag.Flag) {
		settings = settings || p.Variable(c.FlagSet, f.Name) != ""
		file = file || f.Name == "config"
		g := group(f.Name)
		groups[g] = append(groups[g], f)
	})
	w := tabwriter.NewWriter(b, 0, 4, 2, ' ', 0)
	for g, flags := range groups {
		if len(flags) == 0 {
			continue
		}
		slices.SortStableFunc(flags, func(x, y *flag.Flag) int { return cmp.Compare(rank(x.Name), rank(y.Name)) })
		fmt.Fprintf(w, "\n%s:\n", heads[g])
		for _, f := range flags {
			fmt.Fprintln(w, p.flagRow(c.FlagSet, f))
		}
	}
	w.Flush()
	switch {
	case file:
		b.WriteString("\n" + ranksWithFile)
	case settings:
		b.WriteString("\n" + ranks)
	}
}

const (
	ranks = "Where a variable is named, it sets the same as the flag. The flag wins over the variable.\n" +
		"A variable that is empty counts as not set.\n"
	ranksWithFile = "Where a variable is named, it sets the same as the flag. The flag wins over the variable, and\n" +
		"the variable wins over the configuration file. A variable that is empty counts as not set.\n"
)

// heads name the groups of flags, in their order.
var heads = []string{"flags", "more about NATS", "more about etcd"}

// everyday are the flags about NATS and etcd that most people need. They stand
// before a command's others, after the file's.
var everyday = []string{"config", "nats-url", "nats-context", "etcd-endpoints"}

// group returns in which group a flag is.
func group(name string) int {
	switch {
	case slices.Contains(everyday, name), strings.HasSuffix(name, "-port"):
		return 0
	case strings.HasPrefix(name, "nats-"):
		return 1
	case strings.HasPrefix(name, "etcd-"):
		return 2
	}
	return 0
}

// rank orders the flags of a group, where their names do not.
func rank(name string) int {
	if i := slices.Index(everyday, name); i >= 0 {
		return i
	}
	return len(everyday)
}

// flagRow is what the help says of a flag. A default that is zero is not shown: it
// stands for a flag that was not given, and there is none that starts at 0 or true.
func (p *Program) flagRow(fs *flag.FlagSet, f *flag.Flag) string {
	_, text := flag.UnquoteUsage(f)
	if f.DefValue != "" && f.DefValue != "0" && f.DefValue != "0s" && f.DefValue != "false" {
		text += fmt.Sprintf(" (default %s)", f.DefValue)
	}
	return fmt.Sprintf("  %s %s\t%s\t%s", Dashed(f.Name), Kind(f), p.Variable(fs, f.Name), text)
}

// Dashed returns a flag as it is written on the command line.
func Dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}
