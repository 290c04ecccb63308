//go:build !lean

package main

import (
	"context"
	"flag"
	"io"
	"strings"
	"testing"

	"github.com/peterbourgon/ff/v3/ffcli"

	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
	"github.com/seqd-io/seqd/cmd/seqd/version"
)

// commands returns every command, by its words: "admin peek".
func commands(c *ffcli.Command, words ...string) map[string]*ffcli.Command {
	all := map[string]*ffcli.Command{strings.Join(words, " "): c}
	for _, sub := range c.Subcommands {
		for name, c := range commands(sub, append(words[:len(words):len(words)], sub.Name)...) {
			all[name] = c
		}
	}
	return all
}

// `seqd bench compar` ran a load, and `seqd health x` and `seqd version x` took no
// notice of the word. Whatever a command does not understand is an error before
// it does anything, and help is help everywhere.
func TestEveryCommand(t *testing.T) {
	for name, c := range commands(seqd(io.Discard, io.Discard).Root) {
		t.Run(name, func(t *testing.T) {
			words := strings.Fields(name)
			with := func(more ...string) result {
				t.Helper()
				// Were it to go on, it would end at once.
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				stdout, stderr := newOutput(), newOutput()
				code := seqd(stdout, stderr).Run(ctx, append(words[:len(words):len(words)], more...))
				return result{code, stdout.String(), stderr.String()}
			}
			refused := func(want string, more ...string) {
				t.Helper()
				try := "\ntry: " + strings.TrimSpace("seqd "+name) + " -h\n"
				if got := with(more...); got.code != exitUsage || got.stdout != "" || !strings.Contains(got.stderr, want) || !strings.HasSuffix(got.stderr, try) {
					t.Errorf("%q: got %+v, want exit 2, nothing on stdout, %q and %q", more, got, want, try)
				}
			}
			refused("-bogus", "--bogus")
			refused("", "a", "b", "c", "d") // no command takes as many words
			if name == "" || name == "admin" {
				refused("which command?")
				refused(`unknown command "compar"`, "compar")
			}
			if name == "bench" {
				refused(`"compar" is no command of bench`, "compar")
				refused(`"compar" is no command of bench`, "compar", "--json")
				refused("KEY is missing", "--duration", "1ms", "compar")
			}
			if name == "decode" {
				refused("STORE and KEY and NUMBER are missing; for example: seqd decode orders invoice INV-2026-000042")
				refused("NUMBER is missing", "demo", "key")
			}
			switch name {
			case "worker", "dev", "stamp", "top", "doctor", "bench compare", "health", "version":
				refused(`unexpected word "x"`, "x")
			case "next", "admin peek", "admin raise":
				refused("STORE and KEY are missing; for example: seqd " + name)
				refused("KEY is missing; for example: seqd "+name, "demo")
				refused(`unexpected word "x"`, "demo", "key", "x")
			}
			c.FlagSet.VisitAll(func(f *flag.Flag) {
				if b, ok := f.Value.(interface{ IsBoolFlag() bool }); !ok || !b.IsBoolFlag() {
					refused("-"+f.Name, cmdline.Dashed(f.Name)) // without its value
				} else if name != "" {
					refused("write "+cmdline.Dashed(f.Name)+"=false", cmdline.Dashed(f.Name), "false")
				}
				for _, sub := range c.Subcommands {
					if name != "" {
						continue
					}
					got := runSeqd(t, cmdline.Dashed(f.Name), sub.Name)
					if got.code != exitUsage || got.stdout != "" || !strings.Contains(got.stderr, "stands before "+sub.Name) {
						t.Errorf("%s %s: got %+v", cmdline.Dashed(f.Name), sub.Name, got)
					}
				}
			})

			help := with("-h")
			if help.code != exitOK || help.stderr != "" || !strings.HasPrefix(help.stdout, "usage: "+strings.TrimSpace("seqd "+name)) {
				t.Errorf("-h: got %+v", help)
			}
			for _, args := range [][]string{{"--help"}, {"-help"}} {
				if got := with(args...); got != help {
					t.Errorf("%q: got %+v, want what -h prints", args, got)
				}
			}
			if got := runSeqd(t, append([]string{"help"}, words...)...); got != help {
				t.Errorf("help %s: got %+v, want what -h prints", name, got)
			}
			for _, sentinel := range []string{"(default 0)", "(default -1)", "(default false)", "(default )", "(default none)", "9223372036854775807"} {
				if strings.Contains(help.stdout, sentinel) {
					t.Errorf("help shows %q:\n%s", sentinel, help.stdout)
				}
			}
		})
	}
}

// Flags that stood before a command below were lost: `seqd bench --json compare`
// printed a table.
func TestFlagsBeforeACommand(t *testing.T) {
	got := runSeqd(t, "bench", "--json", "compare")
	if got.code != exitUsage || !strings.Contains(got.stderr, "--json stands before compare") {
		t.Errorf("got %+v", got)
	}
}

// Words that look like help but are words, and help behind words.
func TestHelpAmongWords(t *testing.T) {
	if got := runSeqd(t, "next", "demo", "key", "-h"); got.code != exitOK || !strings.HasPrefix(got.stdout, "usage: seqd next") {
		t.Errorf("got %+v", got)
	}
	got := runSeqd(t, "next", "--nats-url", "nats://127.0.0.1:1", "--timeout", "100ms", "demo", "--", "-h")
	if got.code != exitFailed || got.stdout != "" {
		t.Errorf("a key -h: got %+v", got)
	}
}

func TestVersion(t *testing.T) {
	want := result{exitOK, "seqd " + version.String() + "\n", ""}
	for _, word := range []string{"version", "--version", "-version", "-v"} {
		if got := runSeqd(t, word); got != want {
			t.Errorf("%s: got %+v, want %+v", word, got, want)
		}
	}
	if got := runSeqd(t, "--version", "x"); got.code != exitUsage || got.stdout != "" {
		t.Errorf("got %+v", got)
	}
}

func TestCheckConfigTakesOneFile(t *testing.T) {
	for want, args := range map[string][]string{
		"the name of FILE is empty": {""},
		"are two files":             {"a.yaml", "--config", "b.yaml"},
		`unexpected word "b.yaml"`:  {"a.yaml", "b.yaml"},
	} {
		got := runSeqd(t, append([]string{"check-config"}, args...)...)
		if got.code != exitUsage || got.stdout != "" || !strings.Contains(got.stderr, want) {
			t.Errorf("%q: got %+v, want %q", args, got, want)
		}
	}
}

// seqd worker --config "$FILE", where FILE is not set, served every store by the
// defaults.
func TestConfigOfNoName(t *testing.T) {
	for _, command := range []string{"worker", "doctor", "check-config", "dev", "admin ls"} {
		args := append(strings.Fields(command), "--config", "")
		if got := runSeqd(t, args...); got.code != exitUsage || !strings.Contains(got.stderr, "--config names no file") {
			t.Errorf("%s: got %+v", command, got)
		}
	}
}

// Health asked http://8280/readyz, and waited for nothing where the timeout was 0.
func TestHealthTakesAddresses(t *testing.T) {
	for want, args := range map[string][]string{
		"--http-addr must be HOST:PORT":  {"--http-addr", "8280"},
		"--http-addr is none":            {"--http-addr", "none"},
		"--timeout must be more than 0":  {"--timeout", "0s"},
		"--timeout must be more than 0,": {"--timeout", "-1s"},
	} {
		if got := runSeqd(t, append([]string{"health"}, args...)...); got.code != exitUsage || !strings.Contains(got.stderr, want) {
			t.Errorf("%q: got %+v, want %q", args, got, want)
		}
	}
}

// Every command that people call shows first how it is called, in lines that name
// commands and flags which there are.
func TestHelpBeginsWithAnExample(t *testing.T) {
	all := commands(seqd(io.Discard, io.Discard).Root)
	for name, c := range all {
		if name == "version" || name == "help" || strings.HasPrefix(name, "completion ") {
			continue
		}
		rest, ok := strings.CutPrefix(c.LongHelp, "example:\n")
		if !ok {
			t.Errorf("the help of %q begins with %q", name, c.LongHelp)
			continue
		}
		examples, _, _ := strings.Cut(rest, "\n\n")
		for line := range strings.Lines(examples) {
			line, _, _ = strings.Cut(strings.TrimSpace(line), "#")
			words := strings.Fields(line)
			if words[0] != "seqd" {
				continue // what must be there before
			}
			called := commandIn(all, words[1:])
			if name != "" && name != "admin" && called.FlagSet.Name() != c.FlagSet.Name() {
				t.Errorf("the example of %q is one of %q", name, called.FlagSet.Name())
			}
			for _, w := range words {
				if strings.HasPrefix(w, "-") && called.FlagSet.Lookup(strings.TrimLeft(w, "-")) == nil {
					t.Errorf("%q: there is no %s", line, w)
				}
			}
		}
	}
}

// commandIn returns the command that words name.
func commandIn(all map[string]*ffcli.Command, words []string) *ffcli.Command {
	for n := min(2, len(words)); n > 0; n-- {
		if c := all[strings.Join(words[:n], " ")]; c != nil {
			return c
		}
	}
	return all[""]
}

// The settings that people use stand before those of NATS and etcd that few need,
// and the help says what wins over the file.
func TestHelpShowsFirstWhatPeopleUse(t *testing.T) {
	help := runSeqd(t, "worker", "-h").stdout
	at := -1
	for _, want := range []string{"example:", "  --config FILE  ", "  --nats-url ", "  --etcd-endpoints ", "  --http-addr ", "more about NATS:", "--nats-creds ", "more about etcd:", "--etcd-password ", "the variable wins over the configuration file"} {
		now := strings.Index(strings.ReplaceAll(help, "\n", " "), want)
		if now <= at {
			t.Errorf("%q stands at %d, and what comes before it at %d", want, now, at)
		}
		at = now
	}
}
