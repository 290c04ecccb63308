package main

import (
	"fmt"
	"slices"
	"strings"
)

// page is a manual page of section 1.
type page struct {
	name, short, date, version string
	related                    []string // other pages
}

// roff writes the page with man(7)'s macros.
func (p page) roff(h help) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 %q %q \"seqd\"\n", strings.ToUpper(p.name), p.date, p.version)
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", p.name, escape(p.short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", escape(h.usage))
	if strings.TrimSpace(strings.Join(h.about, "")) != "" {
		b.WriteString(".SH DESCRIPTION\n")
		paragraphs(&b, h.about)
	}
	for _, s := range examplesLast(h.sections) {
		fmt.Fprintf(&b, ".SH %s\n", strings.ToUpper(escape(s.title)))
		if s.note != "" {
			fmt.Fprintf(&b, "%s.\n", escape(strings.ToUpper(s.note[:1])+s.note[1:]))
		}
		if entries, ok := s.entries(); ok && !s.isExample() {
			list(&b, entries)
		} else {
			paragraphs(&b, s.lines)
		}
	}
	if len(p.related) > 0 {
		b.WriteString(".SH SEE ALSO\n")
		for i, name := range p.related {
			end := ","
			if i == len(p.related)-1 {
				end = ""
			}
			fmt.Fprintf(&b, ".BR %s (1)%s\n", escape(name), end)
		}
	}
	return b.String()
}

// examplesLast returns the sections in the order that readers of manual pages expect.
func examplesLast(sections []section) []section {
	sections = slices.Clone(sections)
	slices.SortStableFunc(sections, func(a, b section) int {
		switch {
		case a.isExample() == b.isExample():
			return 0
		case a.isExample():
			return 1
		}
		return -1
	})
	return sections
}

// list writes a tagged paragraph for each entry.
func list(b *strings.Builder, entries []entry) {
	for _, e := range entries {
		fmt.Fprintf(b, ".TP\n.B %s\n%s\n", escape(e.term), escape(e.text))
		if e.variable != "" {
			fmt.Fprintf(b, ".br\nEnvironment: %s\n", escape(e.variable))
		}
	}
}

// paragraphs writes text that is filled, and as they stand the lines that are
// indented: examples and tables.
func paragraphs(b *strings.Builder, lines []string) {
	literal := false
	text := strings.Trim(strings.Join(lines, "\n"), "\n")
	for _, line := range append(strings.Split(text, "\n"), "") {
		if indented := strings.HasPrefix(line, " "); indented != literal {
			literal = indented
			if literal {
				b.WriteString(".RS 2\n.nf\n")
			} else {
				b.WriteString(".fi\n.RE\n")
			}
		}
		switch {
		case line == "":
			b.WriteString(".PP\n") // harmless at the end
		case literal:
			fmt.Fprintln(b, escape(strings.TrimPrefix(line, "  ")))
		default:
			fmt.Fprintln(b, escape(line))
		}
	}
}

// escape has roff print text as it is: a dash that can be copied, a backslash, and a
// first dot or quote that begin no request.
func escape(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}
