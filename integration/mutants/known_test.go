package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// KNOWN-BUGS.md names what would find each bug: that must exist.
func TestKnownBugsNameWhatExists(t *testing.T) {
	page, err := os.ReadFile("../KNOWN-BUGS.md")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, m := range mutants {
		names[m.name] = true
	}
	tests := sources(t, "../..", "_test.go")
	rows := sources(t, "../faults", ".go")
	n := 0
	for _, line := range strings.Split(string(page), "\n") {
		for _, m := range regexp.MustCompile("`(Test[A-Za-z0-9]+)`").FindAllStringSubmatch(line, -1) {
			n++
			if !strings.Contains(tests, "func "+m[1]+"(t *testing.T)") {
				t.Errorf("there is no %s", m[1])
			}
		}
		for _, m := range regexp.MustCompile(`(?:^|[^A-Za-z0-9_])_([^_|]+)_(?:[^A-Za-z0-9_]|$)`).FindAllStringSubmatch(line, -1) {
			n++
			if !names[m[1]] && !strings.Contains(rows, `"`+m[1]+`"`) {
				t.Errorf("%q is no mutant and no row", m[1])
			}
		}
	}
	if n < 80 {
		t.Errorf("only %d names were found", n)
	}
}

// sources returns the text of all files below dir whose names end so.
func sources(t *testing.T, dir, end string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == ".venv"):
			return filepath.SkipDir
		case !strings.HasSuffix(path, end):
			return nil
		}
		b, err := os.ReadFile(path)
		all.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
