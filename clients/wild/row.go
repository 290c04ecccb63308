package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// patience is how long a row may take. Most of it goes into what it installs.
const patience = 15 * time.Minute

// A row is a folder of a section. It may print several rows of the table.
type row struct {
	section section
	name    string
}

func (r row) folder() string { return filepath.Join(r.section.folder, r.name) }
func (r row) seen() string   { return filepath.Join(r.folder(), "seen") }

// rows returns those that exist, in the order of the page.
func rows() ([]row, error) {
	var all []row
	for _, s := range sections {
		found, err := filepath.Glob(filepath.Join(s.folder, "*", "run"))
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			all = append(all, row{s, filepath.Base(filepath.Dir(f))})
		}
	}
	return all, nil
}

// choose returns the rows with these names, and all rows if there are none.
func choose(all []row, names []string) ([]row, error) {
	if len(names) == 0 {
		return all, nil
	}
	var chosen []row
	for _, name := range names {
		i := slices.IndexFunc(all, func(r row) bool { return r.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no row %q: each is a folder with a file run, below the folder of its section", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// run copies the row's folder to .installed, runs it there, and returns what it printed,
// which parses.
func (r row) run(ctx context.Context, env []string) (string, error) {
	at, err := filepath.Abs(filepath.Join(".installed", r.name))
	if err != nil {
		return "", err
	}
	if err := os.CopyFS(at+".new", os.DirFS(r.folder())); err != nil {
		return "", err
	}
	defer os.RemoveAll(at + ".new")
	if err := replace(at+".new", at); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", `source "$WILD_ROWS"; source ./run`)
	cmd.Dir = at
	cmd.Env = append(os.Environ(), env...)
	cmd.Env = append(cmd.Env, "WILD_ROW="+r.name, "WILD_SUBJECT=seq.wild."+r.name)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what a row has started ends with it
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	err = cmd.Run()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	if err != nil {
		return "", fmt.Errorf("run %s: %w; it printed\n%s", r.name, err, &out)
	}
	if _, err := r.parse(out.String()); err != nil {
		return "", fmt.Errorf("run %s: %w; it printed\n%s", r.name, err, &out)
	}
	return out.String(), nil
}

// replace moves each file of one folder to where it stands in the other, which keeps
// the files that it has besides: the packages that were installed.
func replace(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		}
		return os.Rename(path, filepath.Join(to, name))
	})
}

// Facts are what a row of a table says, by key, and its notes.
type facts struct {
	values map[string]string
	notes  []string
}

// parse returns the rows of the table that were printed, at least one.
func (r row) parse(printed string) ([]facts, error) {
	var all []facts
	for line := range strings.Lines(printed) {
		line = strings.TrimRight(line, "\n")
		key, value, ok := strings.Cut(line, ": ")
		_, known := r.section.column(key)
		switch {
		case !ok || value == "" || !known && key != keyGone && key != keyNote:
			return nil, fmt.Errorf("line %q is no fact of %s: it must be a key of sections.go, a colon, a blank and a value", line, r.section.folder)
		case key == keyRow:
			all = append(all, facts{values: map[string]string{}})
		case len(all) == 0:
			return nil, fmt.Errorf("line %q comes before the first %q", line, keyRow+": …")
		}
		at := &all[len(all)-1]
		if key == keyNote {
			at.notes = append(at.notes, value)
			continue
		}
		if _, twice := at.values[key]; twice {
			return nil, fmt.Errorf("fact %q comes twice", key)
		}
		at.values[key] = value
	}
	if len(all) == 0 {
		return nil, errors.New("nothing was printed")
	}
	for _, f := range all {
		for _, c := range r.section.columns {
			if f.values[c.key] == "" && !c.optional && f.values[keyGone] == "" {
				return nil, fmt.Errorf("row %q has no fact %q", f.values[keyRow], c.key)
			}
		}
	}
	return all, nil
}
