//go:build !lean

package main

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/peterbourgon/ff/v3/ffcli"

	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
)

// asked is a command line whose last word is to be completed.
type asked []string

// shells complete lines, many in one process: each prints what it offers for a line,
// a word a line, and then a line with an end.
var shells = map[string]func(script string, lines []asked) (program string, args []string){
	"bash": func(script string, lines []asked) (string, []string) {
		var b strings.Builder
		fmt.Fprintf(&b, "source %s\n", script)
		for _, words := range lines {
			fmt.Fprintf(&b, "COMP_WORDS=(%s); COMP_CWORD=%d; _seqd; printf '%%s\\n' \"${COMPREPLY[@]}\" end\n", quotedAll(words), len(words)-1)
		}
		return "bash", []string{"-c", b.String()}
	},
	"zsh": func(script string, lines []asked) (string, []string) {
		var b strings.Builder
		// What zsh's own completion does with what it is given is not ours: here it
		// prints the words that begin as the last one does.
		b.WriteString("setopt noglob\ncompdef() { : }\ncompadd() { shift; beginning \"$@\" }\n_files() { beginning *(N) \"a.yaml\" }\n" +
			"_describe() { local w; for w in ${(P)2}; do beginning \"${w%%:*}\"; done }\n" +
			"beginning() { local w; for w in \"$@\"; do [[ $w == ${words[CURRENT]}* ]] && print -r -- \"$w\"; done }\n")
		fmt.Fprintf(&b, "source %s\n", script)
		for _, words := range lines {
			fmt.Fprintf(&b, "words=(%s); CURRENT=%d; _seqd; print end\n", quotedAll(words), len(words))
		}
		return "zsh", []string{"-f", "-c", b.String()}
	},
	"fish": func(script string, lines []asked) (string, []string) {
		var b strings.Builder
		fmt.Fprintf(&b, "source %s\n", script)
		for _, words := range lines {
			fmt.Fprintf(&b, "complete -C %s | string replace -r '\\t.*' ''; echo end\n", "'"+strings.Join(words, " ")+"'")
		}
		return "fish", []string{"--no-config", "-c", b.String()}
	},
}

func quotedAll(words []string) string {
	var all []string
	for _, w := range words {
		all = append(all, "'"+w+"'")
	}
	return strings.Join(all, " ")
}

// complete returns what a shell offers for each line.
func complete(t *testing.T, shell string, lines []asked) [][]string {
	t.Helper()
	if _, err := exec.LookPath(shell); err != nil {
		t.Skipf("%s is not installed", shell)
	}
	script := filepath.Join(t.TempDir(), "seqd."+shell)
	got := runSeqd(t, "completion", shell)
	if got.code != exitOK || got.stderr != "" {
		t.Fatalf("got %+v", got)
	}
	put(t, script, got.stdout)
	program, args := shells[shell](script, lines)
	cmd := exec.Command(program, args...)
	cmd.Dir = t.TempDir()
	put(t, filepath.Join(cmd.Dir, "a.yaml"), "")
	cmd.Env = append(os.Environ(), "HOME="+cmd.Dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var answers [][]string
	var answer []string
	for _, word := range strings.Fields(string(out)) {
		if word != "end" {
			answer = append(answer, word)
			continue
		}
		answers, answer = append(answers, answer), nil
	}
	if len(answers) != len(lines) {
		t.Fatalf("%d answers to %d lines:\n%s", len(answers), len(lines), out)
	}
	return answers
}

func TestCompletion(t *testing.T) {
	tests := []struct {
		line asked
		want []string
	}{
		{asked{"seqd", "ad"}, []string{"admin"}},
		{asked{"seqd", "admin", "j"}, []string{"jump"}},
		{asked{"seqd", "help", "admin", "j"}, []string{"jump"}},
		{asked{"seqd", "completion", ""}, []string{"bash", "zsh", "fish"}},
		{asked{"seqd", "next", "--mo"}, []string{"--mode"}},
		{asked{"seqd", "next", "demo", "admin", "--mode", "s"}, []string{"strong"}},
		{asked{"seqd", "stamp", "--on-bad", ""}, []string{"stop", "skip"}},
		{asked{"seqd", "worker", "--log-level", ""}, []string{"debug", "info", "warn", "error"}},
		{asked{"seqd", "worker", "--config", "a."}, []string{"a.yaml"}},
		{asked{"seqd", "admin", "import", "a."}, []string{"a.yaml"}},
		{asked{"seqd", "bench", "--callers", ""}, nil},
		{asked{"seqd", "--v"}, []string{"--version"}},
	}
	var lines []asked
	for _, test := range tests {
		lines = append(lines, test.line)
	}
	for shell := range shells {
		t.Run(shell, func(t *testing.T) {
			for i, got := range complete(t, shell, lines) {
				want := tests[i].want
				slices.Sort(got)
				if want = slices.Sorted(slices.Values(want)); !slices.Equal(got, want) {
					t.Errorf("%q: got %q, want %q", lines[i], got, want)
				}
			}
		})
	}
}

// bash has a word of its own for the equals sign.
func TestCompletionBehindAnEqualsSign(t *testing.T) {
	for i, got := range complete(t, "bash", []asked{{"seqd", "next", "--mode", "=", "w"}, {"seqd", "next", "--mode", "="}}) {
		if want := [][]string{{"weak"}, {"strong", "weak"}}[i]; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Every command and every flag that there is comes up, and nothing else.
func TestCompletionIsWhole(t *testing.T) {
	all := commands(seqd(io.Discard, io.Discard).Root)
	names := slices.Sorted(maps.Keys(all))
	var lines []asked
	for _, name := range names {
		words := append(asked{"seqd"}, strings.Fields(name)...)
		lines = append(lines, append(words[:len(words):len(words)], "-"), append(words[:len(words):len(words)], "--"), append(words[:len(words):len(words)], ""))
	}
	for shell := range shells {
		t.Run(shell, func(t *testing.T) {
			answers := complete(t, shell, lines)
			for i, name := range names {
				got := slices.Concat(answers[3*i], answers[3*i+1])
				got = slices.DeleteFunc(got, func(w string) bool { return w[0] != '-' }) // fish finds a - in check-config
				want := []string{"-h"}
				if name == "help" {
					want = nil // its words are commands
				}
				all[name].FlagSet.VisitAll(func(f *flag.Flag) { want = append(want, cmdline.Dashed(f.Name)) })
				slices.Sort(got)
				got = slices.Compact(got)
				if slices.Sort(want); !slices.Equal(got, want) {
					t.Errorf("flags of %q: got %q, want %q", name, got, want)
				}
				want = nil
				for _, sub := range below(all, name) {
					want = append(want, sub.Name)
				}
				slices.Sort(want)
				if got := slices.Sorted(slices.Values(answers[3*i+2])); len(want) > 0 && !slices.Equal(got, want) {
					t.Errorf("commands of %q: got %q, want %q", name, got, want)
				}
			}
		})
	}
}

// below returns the commands that may stand behind one.
func below(all map[string]*ffcli.Command, name string) []*ffcli.Command {
	if name == "help" {
		name = ""
	}
	return all[name].Subcommands
}
