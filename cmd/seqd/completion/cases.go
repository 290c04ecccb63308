package completion

import "strings"

// dialect is how a shell of the Bourne family writes the cases of its script.
type dialect struct {
	below func(path string) string           // words that lead to the command of that path
	value func(flag string, o option) string // what may stand behind a flag; flag is the command's path and the flag
	words func(c command) string             // what may stand behind a command's words
}

// cases returns the three lists of cases that the scripts of bash and zsh are made
// of.
func cases(all []command, d dialect) (below, values, words string) {
	var b, v, w strings.Builder
	for _, c := range all {
		for _, next := range c.below {
			b.WriteString(d.below(c.path + " " + next.name))
		}
		for _, f := range c.flags {
			if f.takes {
				v.WriteString(d.value(c.path+" "+f.name, f))
			}
		}
		w.WriteString(d.words(c))
	}
	return b.String(), v.String(), w.String()
}
