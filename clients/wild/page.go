package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// pages are what is made.
var pages = []string{"README.md", "NATS.md"}

// made returns a page's text with each section's table made anew, of the files seen. What
// stands outside of "<!-- FOLDER -->" and "<!-- /FOLDER -->" was written by hand.
func made(page, text string, all []row) (string, error) {
	for _, s := range sections {
		if s.pageName() != page {
			continue
		}
		begin, end := "<!-- "+s.folder+" -->\n", "<!-- /"+s.folder+" -->"
		before, rest, ok := strings.Cut(text, begin)
		_, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			return "", fmt.Errorf("%s has no place for the section %s: write %q and %q", page, s.folder, begin, end)
		}
		table, err := s.table(all)
		if err != nil {
			return "", err
		}
		text = before + begin + table + end + after
	}
	return text, nil
}

// table returns the section's table, what could not be had, and what to write.
func (s section) table(all []row) (string, error) {
	var table, notes, gone, write strings.Builder
	titles := make([]string, len(s.columns))
	for i, c := range s.columns {
		titles[i] = c.title
	}
	fmt.Fprintf(&table, "\n| %s |\n|%s\n", strings.Join(titles, " | "), strings.Repeat("---|", len(titles)))
	for _, r := range all {
		if r.section.folder != s.folder {
			continue
		}
		printed, err := os.ReadFile(r.seen())
		if errors.Is(err, fs.ErrNotExist) {
			continue // it has not run yet
		}
		if err != nil {
			return "", err
		}
		found, err := r.parse(string(printed))
		if err != nil {
			return "", fmt.Errorf("%s: %w", r.seen(), err)
		}
		for _, f := range found {
			name := f.values[keyRow]
			for _, note := range f.notes {
				fmt.Fprintf(&notes, "- %s: %s\n", name, note)
			}
			if tried := f.values[keyGone]; tried != "" {
				fmt.Fprintf(&gone, "- %s: %s\n", name, tried)
				continue
			}
			f.values[keyRow] = fmt.Sprintf("[%s](%s)", name, filepath.ToSlash(r.folder()))
			for _, c := range s.columns {
				fmt.Fprintf(&table, "| %s ", strings.ReplaceAll(cell(f.values[c.key]), "|", `\|`))
			}
			table.WriteString("|\n")
		}
		lines, err := r.write()
		if err != nil {
			return "", err
		}
		write.WriteString(lines)
	}
	if notes.Len() > 0 {
		table.WriteString("\n" + notes.String())
	}
	if gone.Len() > 0 {
		table.WriteString("\nNot to be had:\n\n" + gone.String())
	}
	return table.String() + "\n" + write.String(), nil
}

func cell(value string) string {
	if value == "" {
		return "–"
	}
	return value
}

// write returns the lines of the row's programs that show what to write, below its name.
func (r row) write() (string, error) {
	files, err := filepath.Glob(filepath.Join(r.folder(), "*.*"))
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for _, file := range files {
		lines, err := marked(file)
		if err != nil {
			return "", err
		}
		if len(lines) == 0 {
			continue
		}
		if text.Len() == 0 {
			fmt.Fprintf(&text, "### %s\n\n", r.name)
		}
		language := map[string]string{".py": "python", ".rs": "rust"}[filepath.Ext(file)]
		if language == "" {
			language = strings.TrimPrefix(filepath.Ext(file), ".")
		}
		fmt.Fprintf(&text, "```%s\n%s```\n\n", language, strings.Join(lines, ""))
	}
	return text.String(), nil
}

// marked returns a file's lines between "[write]" and "[/write]", without the
// indentation that all of them share.
func marked(file string) ([]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var lines []string
	in, ever := false, false
	for scan := bufio.NewScanner(f); scan.Scan(); {
		switch line := scan.Text(); {
		case strings.Contains(line, "[/write]"):
			in = false
		case strings.Contains(line, "[write]"):
			if ever {
				lines = append(lines, "\n")
			}
			in, ever = true, true
		case in:
			lines = append(lines, line+"\n")
		}
	}
	if in {
		return nil, fmt.Errorf("%s: [write] has no [/write]", file)
	}
	blank := func(line string) bool { return strings.TrimSpace(line) == "" }
	for len(lines) > 0 && blank(lines[0]) {
		lines = lines[1:] // a formatter wants it behind the mark
	}
	for len(lines) > 0 && blank(lines[len(lines)-1]) {
		lines = lines[:len(lines)-1] // and before the next one
	}
	return dedent(lines), nil
}

func dedent(lines []string) []string {
	shared := -1
	for _, line := range lines {
		if blank := len(line) - len(strings.TrimLeft(line, " \t")); strings.TrimSpace(line) != "" && (shared < 0 || blank < shared) {
			shared = blank
		}
	}
	out := slices.Clone(lines)
	for i, line := range out {
		if strings.TrimSpace(line) != "" {
			out[i] = line[shared:]
		}
	}
	return out
}
