package main

import (
	"errors"
	"regexp"
	"strings"
)

// help is what a command prints with -h, in parts.
type help struct {
	usage    string
	about    []string // lines
	sections []section
}

// section is a heading with what stands indented below it.
type section struct {
	title string
	note  string // what the heading says besides its title
	lines []string
}

// entry is a line in columns: what it is about, the variable that sets the same, and
// what it does.
type entry struct {
	term, variable, text string
}

var (
	errNoUsage = errors.New("does not begin with its usage")
	heading    = regexp.MustCompile(`^([a-zA-Z][a-zA-Z -]*)(.*):$`)
	columns    = regexp.MustCompile(`^ +(\S+(?: \S+)*)(?:  +|\t)(\S.*)$`)
	variable   = regexp.MustCompile(`^([A-Z][A-Z0-9]*_[A-Z0-9_]+)  +(\S.*)$`)
)

// parse reads a help. A heading is a line of its own that ends with a colon, after an
// empty one, and begins with a small letter or has three words at most. What is indented
// below it is its section. Text that is not indented describes the command; behind the
// commands or flags it is a note about these.
func parse(text string) (help, error) {
	var h help
	lines := strings.Split(strings.TrimSpace(text), "\n")
	usage, found := strings.CutPrefix(lines[0], "usage: ")
	if !found {
		return h, errNoUsage
	}
	h.usage = usage
	const about = -1
	in, empty := about, false // in which section, and whether the line before is empty
	begin := func(s section) {
		h.sections = append(h.sections, s)
		in = len(h.sections) - 1
	}
	for _, line := range lines[1:] {
		begins := empty && line != "" && line[0] != ' '
		empty = line == ""
		m := heading.FindStringSubmatch(line)
		switch {
		case begins && m != nil && (line[0] >= 'a' || len(strings.Fields(line)) <= 3):
			note := strings.TrimLeft(m[2], " ,")
			if strings.HasPrefix(note, "(") {
				note = strings.TrimSuffix(note[1:], ")")
			}
			begin(section{title: strings.TrimSpace(m[1]), note: note})
			continue
		case begins && in != about && h.sections[in].isExample():
			in = about
		case begins && in != about && h.sections[in].title != "notes":
			begin(section{title: "notes"})
		}
		if in == about {
			h.about = append(h.about, line)
		} else {
			h.sections[in].lines = append(h.sections[in].lines, line)
		}
	}
	return h, nil
}

// isExample reports whether commands are shown in the section.
func (s section) isExample() bool { return strings.HasPrefix(s.title, "example") }

// commands returns the commands below this one.
func (h help) commands() []entry {
	for _, s := range h.sections {
		if s.title == "commands" {
			entries, _ := s.entries()
			return entries
		}
	}
	return nil
}

// entries reads the section's lines as columns. ok is false where one is in none.
func (s section) entries() (entries []entry, ok bool) {
	for _, line := range s.lines {
		if strings.TrimSpace(line) == "" {
			continue
		}
		m := columns.FindStringSubmatch(line)
		if m == nil {
			return nil, false
		}
		e := entry{term: m[1], text: m[2]}
		if v := variable.FindStringSubmatch(e.text); v != nil {
			e.variable, e.text = v[1], v[2]
		}
		entries = append(entries, e)
	}
	return entries, len(entries) > 0
}
