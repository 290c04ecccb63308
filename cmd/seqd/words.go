package main

import (
	"errors"
	"flag"
	"fmt"
	"strings"
)

// words parses flags that stand behind or between a command's words, which the
// flag package stops at.
func words(fs *flag.FlagSet, args []string) ([]string, error) {
	var words []string
	for len(args) > 0 {
		words = append(words, args[0])
		if args[0] == "-" || !strings.HasPrefix(args[0], "-") {
			args = args[1:]
			if err := fs.Parse(args); err != nil {
				return nil, usageOf(err)
			}
			args = fs.Args()
			continue
		}
		args = args[1:] // stood behind "--"
	}
	return words, nil
}

// takes are the words that a command takes, in their order.
type takes struct {
	names    []string // of what stands there: STORE, KEY
	required int      // how many of them must be given, all of these or more
	example  string   // a command line that makes sense
}

// parse returns a command's words. Too few are an error that names what is
// missing, too many one that names the first that nobody has asked for.
func (t takes) parse(fs *flag.FlagSet, args []string) ([]string, error) {
	given, err := words(fs, args)
	switch {
	case err != nil:
		return nil, err
	case len(given) < t.required:
		return nil, usageError(fmt.Sprintf("%s is missing; for example: %s", strings.Join(t.names[len(given):t.required], " and "), t.example))
	case len(given) > len(t.names):
		return nil, usageError(fmt.Sprintf("unexpected word %q", given[len(t.names)]))
	}
	return given, nil
}

// noWords parses flags of a command that takes no words.
func noWords(fs *flag.FlagSet, args []string) error {
	_, err := takes{}.parse(fs, args)
	return err
}

// given reports whether the command line has a flag, whatever its value.
func given(fs *flag.FlagSet, name string) (is bool) {
	fs.Visit(func(f *flag.Flag) { is = is || f.Name == name })
	return is
}

func usageOf(err error) error {
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	return usageError(err.Error())
}
