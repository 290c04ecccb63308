package completion

import (
	"fmt"
	"strings"
)

// fish returns a script for fish's folder of completions.
func fish(all []command) string {
	var paths []string
	var lines strings.Builder
	for _, c := range all {
		at := "-n " + inFish("__seqd_at "+inFish(c.path))
		for _, w := range c.below {
			paths = append(paths, inFish(c.path+" "+w.name))
			fmt.Fprintf(&lines, "complete -c seqd %s -a %s -d %s\n", at, w.name, inFish(w.text))
		}
		if c.files {
			fmt.Fprintf(&lines, "complete -c seqd %s -F\n", at)
		}
		for _, f := range c.flags {
			name := "-s " + f.name[1:]
			if strings.HasPrefix(f.name, "--") {
				name = "-l " + f.name[2:]
			}
			switch {
			case f.values != nil:
				name += " -x -a " + inFish(strings.Join(f.values, " "))
			case f.files:
				name += " -r -F"
			case f.takes:
				name += " -x"
			}
			fmt.Fprintf(&lines, "complete -c seqd %s %s -d %s\n", at, name, inFish(f.text))
		}
	}
	return `# fish completion for seqd, made by: seqd completion fish
function __seqd_at
  set -l paths ` + strings.Join(paths, " ") + `
  set -l at seqd
  set -l before (commandline -opc)
  for word in $before[2..-1]
    if contains -- "$at $word" $paths
      set at "$at $word"
    end
  end
  test "$at" = "$argv[1]"
end
complete -c seqd -f
` + lines.String()
}

// inFish puts text in single quotes, as fish reads them.
func inFish(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(text) + "'"
}
