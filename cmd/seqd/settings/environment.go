package settings

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/peterbourgon/ff/v3/ffcli"

	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
)

// The environment holds settings: where things are, who we are there, and how a
// process runs that nobody watches. What one call asks for, prints, changes or
// confirms stands on its command line alone: a variable that is left over from
// another call, or was meant for another command, must not decide it.

// services are the commands all of whose flags are settings.
var services = []string{"seqd worker", "seqd dev", "seqd stamp"}

// workerSettings are the names of the flags that a worker has.
var workerSettings = sync.OnceValue(func() map[string]bool {
	fs, cfg := flag.NewFlagSet("", flag.ContinueOnError), Default()
	cfg.Flags(fs)
	names := map[string]bool{"config": true}
	fs.VisitAll(func(f *flag.Flag) { names[f.Name] = true })
	return names
})

// Variable returns the environment variable that sets a flag of a command, "" for
// one that the command line alone can set. NATS settings have the names that the
// NATS tools use. The others begin with SEQD_: Kubernetes injects names like
// ETCD_PORT by itself.
func Variable(fs *flag.FlagSet, name string) string {
	if fs.Name() == "seqd" || !slices.Contains(services, fs.Name()) && !workerSettings()[name] && !strings.HasPrefix(name, "nats-") {
		return ""
	}
	return variable(name)
}

// variable returns the name that a flag has in the environment, if it is a setting.
func variable(flagName string) string {
	name := strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
	if strings.HasPrefix(name, "NATS_") && name != "NATS_PORT" {
		return name
	}
	return "SEQD_" + name
}

// setFromEnv sets the flags of fs that the environment names. A line end after a
// value is none of it: it comes with values that were read from files.
//
// ff could do it, but knows one prefix for all.
func setFromEnv(fs *flag.FlagSet) error {
	var err error
	fs.VisitAll(func(f *flag.Flag) {
		value, ok := fromEnv(fs, f.Name)
		if !ok || err != nil {
			return
		}
		if e := fs.Set(f.Name, value); e != nil {
			err = cmdline.UsageError(fmt.Sprintf("environment variable %s: %s", Variable(fs, f.Name), cmdline.MustBe(f, value, e)))
		}
	})
	return err
}

// fromEnv returns what the environment says of a flag. A variable that is empty
// says nothing.
func fromEnv(fs *flag.FlagSet, name string) (value string, ok bool) {
	variable := Variable(fs, name)
	if variable == "" {
		return "", false
	}
	value = strings.TrimRight(os.Getenv(variable), "\r\n")
	return value, value != ""
}

// NoteUnread says of a variable that looks as if it set one of run's flags, and is
// no command's setting, that it does not.
func NoteUnread(root, run *ffcli.Command, stderr io.Writer) {
	if run == root {
		return
	}
	settings := Variables(root)
	run.FlagSet.VisitAll(func(f *flag.Flag) {
		if name := variable(f.Name); os.Getenv(name) != "" && settings[name] == nil {
			fmt.Fprintf(stderr, "seqd: the variable %s is not read: write %s on the command line\n", name, cmdline.Dashed(f.Name))
		}
	})
}

// Variables returns the variables that c and the commands below it read, each
// with the commands that do.
func Variables(c *ffcli.Command) map[string][]string {
	all := map[string][]string{}
	c.FlagSet.VisitAll(func(f *flag.Flag) {
		if name := Variable(c.FlagSet, f.Name); name != "" {
			all[name] = append(all[name], c.FlagSet.Name())
		}
	})
	for _, sub := range c.Subcommands {
		for name, commands := range Variables(sub) {
			all[name] = append(all[name], commands...)
		}
	}
	return all
}

// SettleFlags gives the flags of fs, which has been parsed, their values where no
// file has a say: the command line wins over the environment.
func SettleFlags(fs *flag.FlagSet) error { return settle(fs, nil) }

// settle does the same where load has a say, which reads a file and may be nil: the
// environment wins over what load sets. load sees what the others say of where the
// file is.
func settle(fs *flag.FlagSet, load func() error) error {
	given := map[string]string{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = f.Value.String() })
	if file, ok := given["config"]; ok && file == "" { // as from a variable of a script that is not set
		return cmdline.UsageError("--config names no file: leave it out for the defaults")
	}
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
			return cmdline.UsageError(fmt.Sprintf("%s: %v", cmdline.Dashed(name), err))
		}
	}
	return nil
}
