package cmdline

import (
	"flag"
	"strings"
)

// Choice is a flag that holds one of a few words, which help and completion show.
// It takes any word: a wrong one may also come from the environment or a file, and
// is refused where all of them are checked.
type Choice struct {
	value *string
	Of    []string
}

// ChoiceVar defines one, with its default.
func ChoiceVar(fs *flag.FlagSet, p *string, name, value, usage string, of ...string) {
	*p = value
	fs.Var(&Choice{p, of}, name, usage)
}

func (c *Choice) String() string {
	if c.value == nil {
		return ""
	}
	return *c.value
}

// Set takes any word.
func (c *Choice) Set(s string) error {
	*c.value = s
	return nil
}

// Choices returns the words that a flag may hold, nil for one that takes others.
func Choices(f *flag.Flag) []string {
	if c, ok := f.Value.(*Choice); ok {
		return c.Of
	}
	return nil
}

// IsSwitch reports whether a flag takes no value behind it.
func IsSwitch(f *flag.Flag) bool {
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// Kind is what stands behind a flag, "" for nothing.
func Kind(f *flag.Flag) string {
	if of := Choices(f); of != nil {
		return strings.Join(of, "|")
	}
	kind, _ := flag.UnquoteUsage(f)
	return kind
}
