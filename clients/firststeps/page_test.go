package firststeps_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// step is one thing that a page tells its reader to do.
type step struct {
	line    int    // of the page
	file    string // to write text to; "": text is a command
	text    string
	checked bool   // what the command prints is on the page
	printed string // if checked
}

var fileName = regexp.MustCompile("[Ww]rite this to `([A-Za-z0-9_./-]+)`:$")

// steps returns what a page says before its first heading of the second level.
func steps(page string) (all []step, err error) {
	var before string // the last line of prose
	lines := strings.Split(page, "\n")
	for i := 0; i < len(lines) && !strings.HasPrefix(lines[i], "## "); i++ {
		lang, fenced := strings.CutPrefix(lines[i], "```")
		if !fenced {
			if lines[i] != "" {
				before = lines[i]
			}
			continue
		}
		begin := i + 1
		for i++; i < len(lines) && lines[i] != "```"; i++ {
		}
		if i == len(lines) {
			return nil, fmt.Errorf("line %d: the block does not end", begin)
		}
		block := lines[begin:i]
		switch name := fileName.FindStringSubmatch(before); {
		case name != nil:
			all = append(all, step{line: begin, file: name[1], text: strings.Join(block, "\n") + "\n"})
		case lang == "sh":
			all = append(all, step{line: begin, text: strings.Join(block, "\n")})
		case lang == "console":
			all = append(all, console(begin, block)...)
		}
		before = ""
	}
	for _, s := range all {
		if s.checked {
			return all, nil
		}
	}
	return nil, errors.New("its beginning shows no command with what that prints")
}

// console returns the commands of a block, each with the lines that follow it.
func console(line int, block []string) (all []step) {
	for i, l := range block {
		if command, ok := strings.CutPrefix(l, "$ "); ok {
			all = append(all, step{line: line + i + 1, text: command, checked: true})
		} else if len(all) > 0 {
			all[len(all)-1].printed += l + "\n"
		}
	}
	return all
}
