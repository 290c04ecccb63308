// Command man writes the manual pages of seqd: one for the program and one for each
// of its commands, from what they print with -h. A page therefore never says
// anything else than the help does.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	seqd := flag.String("seqd", "seqd", "the `PROGRAM` to ask for its help")
	date := flag.String("date", "", "the `DATE` that the pages bear")
	out := flag.String("o", ".", "the `FOLDER` to write to")
	flag.Parse()
	w := writer{program: *seqd, date: *date, folder: *out}
	if err := w.run(); err != nil {
		fmt.Fprintln(os.Stderr, "man:", err)
		os.Exit(1)
	}
}

// writer writes a program's pages into a folder.
type writer struct {
	program, date, folder string
	version               string
}

func (w *writer) run() error {
	if err := os.MkdirAll(w.folder, 0o755); err != nil {
		return err
	}
	version, err := exec.Command(w.program, "version").Output()
	if err != nil {
		return fmt.Errorf("%s version: %w", w.program, err)
	}
	w.version = strings.TrimSpace(string(version))
	return w.write(nil, "issues unique, increasing ids over NATS, from counters in etcd")
}

// write writes the page of the command with these words, and those of the commands
// below it.
func (w *writer) write(words []string, short string) error {
	help, err := exec.Command(w.program, append(words, "-h")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s -h: %w", w.program, strings.Join(words, " "), err)
	}
	h, err := parse(string(help))
	if err != nil {
		return fmt.Errorf("%s %s -h: %w", w.program, strings.Join(words, " "), err)
	}
	name := strings.Join(append([]string{"seqd"}, words...), "-")
	var related []string
	if len(words) > 0 {
		related = append(related, strings.Join(append([]string{"seqd"}, words[:len(words)-1]...), "-"))
	}
	for _, c := range h.commands() {
		below := append(words[:len(words):len(words)], c.term)
		related = append(related, strings.Join(append([]string{"seqd"}, below...), "-"))
		if err := w.write(below, c.text); err != nil {
			return err
		}
	}
	p := page{name: name, short: cmp.Or(short, name), date: w.date, version: w.version, related: related}
	return os.WriteFile(filepath.Join(w.folder, name+".1"), []byte(p.roff(h)), 0o644)
}
