package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/peterbourgon/ff/v3/ffcli"
)

// usage writes everything a command can be told: flags, environment, defaults.
func usage(c *ffcli.Command) string {
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
	c.FlagSet.VisitAll(func(f *flag.Flag) { rows = append(rows, flagRow(f)) })
	if len(rows) > 0 {
		fmt.Fprintf(&b, "\nflags, before or after the words (each can be set in the environment too, but flags win):\n")
		w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
		for _, row := range rows {
			fmt.Fprintln(w, row)
		}
		w.Flush()
	}
	return strings.TrimRight(b.String(), "\n")
}

func flagRow(f *flag.Flag) string {
	kind, text := flag.UnquoteUsage(f)
	dashes := "--"
	if len(f.Name) == 1 {
		dashes = "-"
	}
	if f.DefValue != "" {
		text += fmt.Sprintf(" (default %s)", f.DefValue)
	}
	return fmt.Sprintf("  %s%s %s\t%s\t%s", dashes, f.Name, kind, envName(f.Name), text)
}

// envName returns the environment variable for a flag. NATS settings have the
// names that the NATS tools use. The others begin with SEQD_: Kubernetes injects
// names like ETCD_PORT by itself.
func envName(flagName string) string {
	name := strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
	if strings.HasPrefix(name, "NATS_") && name != "NATS_PORT" {
		return name
	}
	return "SEQD_" + name
}

// setFromEnv sets the flags of fs that the environment names.
//
// ff could do it, but knows one prefix for all.
func setFromEnv(fs *flag.FlagSet) error {
	var err error
	fs.VisitAll(func(f *flag.Flag) {
		value := os.Getenv(envName(f.Name))
		if value == "" || err != nil {
			return
		}
		if e := fs.Set(f.Name, value); e != nil {
			err = usageError(fmt.Sprintf("environment variable %s: %v", envName(f.Name), e))
		}
	})
	return err
}

// settle gives the flags of fs, which has been parsed, their values by rank: the
// command line wins over the environment, and that over what load sets, which
// reads a file. load, which may be nil, sees what the others say of where the
// file is.
func settle(fs *flag.FlagSet, load func() error) error {
	given := map[string]string{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = f.Value.String() })
	if err := overlay(fs, given); err != nil || load == nil {
		return err
	}
	if err := load(); err != nil {
		return err
	}
	return overlay(fs, given)
}

// overlay sets what the environment names, and then what was given.
func overlay(fs *flag.FlagSet, given map[string]string) error {
	if err := setFromEnv(fs); err != nil {
		return err
	}
	for name, value := range given {
		if err := fs.Set(name, value); err != nil {
			return usageError(fmt.Sprintf("flag --%s: %v", name, err))
		}
	}
	return nil
}
