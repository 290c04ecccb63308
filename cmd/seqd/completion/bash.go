package completion

import (
	"fmt"
	"strings"
)

// bash returns a script that needs nothing but bash.
func bash(all []command) string {
	below, values, words := cases(all, dialect{
		below: func(path string) string { return fmt.Sprintf("      %q) at=%q ;;\n", path, path) },
		value: func(flag string, o option) string {
			offer := ""
			switch {
			case o.values != nil:
				offer = fmt.Sprintf("COMPREPLY=($(compgen -W %q -- \"$cur\")); ", strings.Join(o.values, " "))
			case o.files:
				offer = `compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur")); `
			}
			return fmt.Sprintf("    %q) %sreturn ;;\n", flag, offer)
		},
		words: func(c command) string {
			var names, flags []string
			for _, w := range c.below {
				names = append(names, w.name)
			}
			for _, f := range c.flags {
				flags = append(flags, f.name)
			}
			files := ""
			if c.files {
				files = " files=yes"
			}
			return fmt.Sprintf("    %q) words=%q flags=%q%s ;;\n", c.path, strings.Join(names, " "), strings.Join(flags, " "), files)
		},
	})
	return `# bash completion for seqd, made by: seqd completion bash
_seqd() {
  local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} at=seqd words= flags= files= i
  COMPREPLY=()
  # bash makes words of their own of the equals signs in --flag=value.
  if [ "$cur" = = ]; then cur=; elif [ "$before" = = ]; then before=${COMP_WORDS[COMP_CWORD-2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at ${COMP_WORDS[i]}" in
` + below + `    esac
  done
  case "$at $before" in
` + values + `  esac
  case "$at" in
` + words + `  esac
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
