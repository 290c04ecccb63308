package cmdline

import (
	"errors"
	"flag"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
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
				return nil, usageOf(fs, err)
			}
			args = fs.Args()
			continue
		}
		args = args[1:] // stood behind "--"
	}
	return words, nil
}

// takes are the words that a command takes, in their order.
type Takes struct {
	Names    []string // of what stands there: STORE, KEY
	Required int      // how many of them must be given, all of these or more
	Example  string   // a command line that makes sense
}

// parse returns a command's words. Too few are an error that names what is
// missing, too many one that names the first that nobody has asked for.
func (t Takes) Parse(fs *flag.FlagSet, args []string) ([]string, error) {
	given, err := words(fs, args)
	switch {
	case err != nil:
		return nil, err
	case len(given) < t.Required:
		missing := t.Names[len(given):t.Required]
		are := "is"
		if len(missing) > 1 {
			are = "are"
		}
		return nil, UsageError(fmt.Sprintf("%s %s missing; for example: %s", strings.Join(missing, " and "), are, t.Example))
	case len(given) > len(t.Names):
		return nil, UsageError(fmt.Sprintf("unexpected word %q", given[len(t.Names)]))
	}
	return given, nil
}

// NoWords parses flags of a command that takes no words.
func NoWords(fs *flag.FlagSet, args []string) error {
	_, err := Takes{}.Parse(fs, args)
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
		if !IsSwitch(f) {
			continue
		}
		if _, err := strconv.ParseBool(args[i+1]); err == nil {
			return UsageError(fmt.Sprintf("%s takes no word behind it: write %s=%s", arg, arg, args[i+1]))
		}
	}
	return nil
}

// Given reports whether the command line has a flag, whatever its value.
func Given(fs *flag.FlagSet, name string) (is bool) {
	fs.Visit(func(f *flag.Flag) { is = is || f.Name == name })
	return is
}

var (
	invalidValue = regexp.MustCompile(`(?s)^invalid (?:boolean )?value "(.*)" for (?:flag )?-(\S+?): (.*)$`)
	unknownFlag  = regexp.MustCompile(`^flag provided but not defined: -(\S+)$`)
	noValue      = regexp.MustCompile(`^flag needs an argument: -(\S+)$`)
)

// usageOf says what is wrong with fs' flags in our words, of which the flag package
// has "parse error" alone.
func usageOf(fs *flag.FlagSet, err error) error {
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	text := strings.TrimPrefix(err.Error(), "error parsing commandline arguments: ")
	if m := invalidValue.FindStringSubmatch(text); m != nil {
		if f := fs.Lookup(m[2]); f != nil {
			text = Dashed(f.Name) + " " + MustBe(f, m[1], errors.New(m[3]))
		}
	} else if m := unknownFlag.FindStringSubmatch(text); m != nil {
		var names []string
		fs.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
		text = "unknown flag " + Dashed(m[1])
		if near := Nearest(m[1], names); near != "" {
			text += "; did you mean " + Dashed(near) + "?"
		}
	} else if m := noValue.FindStringSubmatch(text); m != nil {
		kind := Kind(fs.Lookup(m[1]))
		text = fmt.Sprintf("%s needs a value: %s %s", Dashed(m[1]), Dashed(m[1]), kind)
	}
	return UsageError(text)
}

// MustBe says what a flag's value must be, where err says little.
func MustBe(f *flag.Flag, value string, err error) string {
	getter, ok := f.Value.(flag.Getter)
	if !ok {
		return err.Error()
	}
	switch getter.Get().(type) {
	case time.Duration:
		return fmt.Sprintf("must be a time with its unit, like 500ms, 5s or 2m, not %q", value)
	case bool:
		return fmt.Sprintf("must be true or false, not %q", value)
	case int, int64, uint64:
		return fmt.Sprintf("must be a whole number, not %q", value)
	}
	return err.Error()
}

// List is a flag that holds several words with commas.
type List []string

func (l *List) String() string { return strings.Join(*l, ",") }
func (l *List) Set(s string) error {
	*l = strings.Split(s, ",")
	return nil
}
