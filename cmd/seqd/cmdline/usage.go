package cmdline

import (
	"flag"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/peterbourgon/ff/v3/ffcli"
)

// usage says everything a command can be told: flags, environment, defaults.
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
	var rows []string
	settings := false
	c.FlagSet.VisitAll(func(f *flag.Flag) {
		settings = settings || p.Variable(c.FlagSet, f.Name) != ""
		rows = append(rows, p.flagRow(c.FlagSet, f))
	})
	if len(rows) > 0 {
		head := "flags"
		if len(c.Subcommands) == 0 {
			head += ", before or after the words"
		}
		if settings {
			head += " (where a variable is named it sets the same, unless it is empty; flags win)"
		}
		fmt.Fprintf(&b, "\n%s:\n", head)
		w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
		for _, row := range rows {
			fmt.Fprintln(w, row)
		}
		w.Flush()
	}
	return strings.TrimRight(b.String(), "\n")
}

// flagRow is what the help says of a flag. A default that is zero is not shown: it
// stands for a flag that was not given, and there is none that starts at 0 or true.
func (p *Program) flagRow(fs *flag.FlagSet, f *flag.Flag) string {
	kind, text := flag.UnquoteUsage(f)
	if f.DefValue != "" && f.DefValue != "0" && f.DefValue != "false" {
		text += fmt.Sprintf(" (default %s)", f.DefValue)
	}
	return fmt.Sprintf("  %s %s\t%s\t%s", Dashed(f.Name), kind, p.Variable(fs, f.Name), text)
}

// Dashed returns a flag as it is written on the command line.
func Dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}
