package completion

import (
	"fmt"
	"strings"
)

// bash returns a script that needs nothing but bash.
func bash(all []command) string {
	var paths, words, values strings.Builder
	for _, c := range all {
		for _, w := range c.below {
			fmt.Fprintf(&paths, "      %q) at=%q ;;\n", c.path+" "+w.name, c.path+" "+w.name)
		}
		names := make([]string, 0, len(c.below))
		for _, w := range c.below {
			names = append(names, w.name)
		}
		flags := make([]string, 0, len(c.flags))
		for _, f := range c.flags {
			flags = append(flags, f.name)
			switch {
			case f.values != nil:
				fmt.Fprintf(&values, "    %q) COMPREPLY=($(compgen -W %q -- \"$cur\")); return ;;\n", c.path+" "+f.name, strings.Join(f.values, " "))
			case f.files:
				fmt.Fprintf(&values, "    %q) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n", c.path+" "+f.name)
			case f.takes:
				fmt.Fprintf(&values, "    %q) return ;;\n", c.path+" "+f.name)
			}
		}
		files := ""
		if c.files {
			files = " files=yes"
		}
		fmt.Fprintf(&words, "    %q) words=%q flags=%q%s ;;\n", c.path, strings.Join(names, " "), strings.Join(flags, " "), files)
	}
	return `# bash completion for seqd, made by: seqd completion bash
_seqd() {
  local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} at=seqd words= flags= files= i
  COMPREPLY=()
  # bash makes words of their own of the equals signs in --flag=value.
  if [ "$cur" = = ]; then cur=; elif [ "$before" = = ]; then before=${COMP_WORDS[COMP_CWORD-2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at ${COMP_WORDS[i]}" in
` + paths.String() + `    esac
  done
  case "$at $before" in
` + values.String() + `  esac
  case "$at" in
` + words.String() + `  esac
  if [ -n "$files" ] && [[ $cur != -* ]]; then
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$cur"))
  elif [ -z "$words" ] || [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$cur"))
  else
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  fi
}
complete -F _seqd seqd
`
}
