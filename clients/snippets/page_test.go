package snippets_test

import (
	"fmt"
	"regexp"
	"strings"
)

// section is a part of the page that is run in one folder.
type section struct {
	title string
	tools string // what it needs beside seqd and bash
	steps []step
}

// step is a file to write, or a command to run.
type step struct {
	line    int
	file    string // its name; empty: a command
	text    string
	printed string // by the command, without empty lines at the end
}

var (
	toolsLine = regexp.MustCompile(`^<!-- tools: (.+) -->$`)
	fileLine  = regexp.MustCompile("`([\\w.-]+)`:$")
)

const untested = "**Untested**"

// parse takes a page apart. The error names the line that can't be run.
func parse(page string) ([]section, error) {
	sections := []section{{}}
	lines := strings.Split(page, "\n")
	paragraph := "" // the last line of text that is not empty
	for i := 0; i < len(lines); i++ {
		s := &sections[len(sections)-1]
		line := lines[i]
		switch info, fenced := strings.CutPrefix(line, "```"); {
		case fenced:
			end := i + 1
			for end < len(lines) && lines[end] != "```" {
				end++
			}
			if end == len(lines) {
				return nil, fmt.Errorf("line %d: the block does not end", i+1)
			}
			steps, err := block(info, paragraph, i+2, lines[i+1:end])
			if err != nil {
				return nil, err
			}
			s.steps = append(s.steps, steps...)
			i, paragraph = end, ""
		case strings.HasPrefix(line, "## "):
			sections = append(sections, section{title: line[3:]})
		case toolsLine.MatchString(line):
			s.tools = toolsLine.FindStringSubmatch(line)[1]
		case line != "":
			paragraph = line
		}
	}
	return sections, nil
}

// block returns what a fenced block asks for; number is its first line's.
func block(info, paragraph string, number int, lines []string) (steps []step, err error) {
	switch name := fileLine.FindStringSubmatch(paragraph); {
	case strings.HasPrefix(paragraph, untested):
		return nil, nil
	case info == "console":
		for i, line := range lines {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				steps = append(steps, step{line: number + i, text: command})
				continue
			}
			if len(steps) == 0 {
				return nil, fmt.Errorf("line %d: a console block begins with a command behind \"$ \"", number)
			}
			steps[len(steps)-1].printed += line + "\n"
		}
		for i := range steps {
			steps[i].printed = strings.TrimRight(steps[i].printed, "\n")
		}
		return steps, nil
	case name != nil:
		return []step{{line: number, file: name[1], text: strings.Join(lines, "\n") + "\n"}}, nil
	default:
		return nil, fmt.Errorf("line %d: a block must be console, have the name of a file before it, or be marked %s", number, untested)
	}
}
