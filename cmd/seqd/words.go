package main

import (
	"errors"
	"flag"
	"fmt"
	"strconv"
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
		missing := t.names[len(given):t.required]
		are := "is"
		if len(missing) > 1 {
			are = "are"
		}
		return nil, usageError(fmt.Sprintf("%s %s missing; for example: %s", strings.Join(missing, " and "), are, t.example))
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

// switched refuses true or false as a word of its own behind a flag that takes no
// value: who writes --yes false does not mean a store of that name.
func switched(fs *flag.FlagSet, args []string) error {
	for i, arg := range args {
		if arg == "--" {
			break
		}
		f := fs.Lookup(strings.TrimLeft(arg, "-"))
		if f == nil || !strings.HasPrefix(arg, "-") || i+1 == len(args) {
			continue
		}
		if b, ok := f.Value.(interface{ IsBoolFlag() bool }); !ok || !b.IsBoolFlag() {
			continue
		}
		if _, err := strconv.ParseBool(args[i+1]); err == nil {
			return usageError(fmt.Sprintf("%s takes no word behind it: write %s=%s", arg, arg, args[i+1]))
		}
	}
	return nil
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
