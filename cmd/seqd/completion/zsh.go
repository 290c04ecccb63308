package completion

import (
	"fmt"
	"strings"
)

// zsh returns a script that is sourced, or stands in fpath as _seqd.
func zsh(all []command) string {
	below, values, words := cases(all, dialect{
		below: func(path string) string { return fmt.Sprintf("      %s) at=%s ;;\n", single(path), single(path)) },
		value: func(flag string, o option) string {
			offer := ""
			switch {
			case o.values != nil:
				offer = "compadd -- " + strings.Join(o.values, " ") + "; "
			case o.files:
				offer = "_files; "
			}
			return fmt.Sprintf("    %s) %sreturn ;;\n", single(flag), offer)
		},
		words: func(c command) string {
			var names, flags strings.Builder
			for _, w := range c.below {
				names.WriteString(described(w.name, w.text) + " ")
			}
			for _, f := range c.flags {
				flags.WriteString(described(f.name, f.text) + " ")
			}
			files := ""
			if c.files {
				files = "      files=yes\n"
			}
			return fmt.Sprintf("    %s)\n      words_below=(%s)\n      flags=(%s)\n%s      ;;\n", single(c.path), &names, &flags, files)
		},
	})
	return `#compdef seqd
# zsh completion for seqd, made by: seqd completion zsh
_seqd() {
  local at=seqd before=$words[CURRENT-1] files= i
  local -a words_below flags
  for ((i = 2; i < CURRENT; i++)); do
    case "$at $words[i]" in
` + below + `    esac
  done
  case "$at $before" in
` + values + `  esac
  case "$at" in
` + words + `  esac
  if [[ -n $files && $words[CURRENT] != -* ]]; then
    _files
  elif [[ ${#words_below} -eq 0 || $words[CURRENT] == -* ]]; then
    _describe flag flags
  else
    _describe command words_below
  fi
}
if [[ $funcstack[1] == _seqd ]]; then _seqd "$@"; else compdef _seqd seqd; fi
`
}

// described is a word with its description, as _describe takes them.
func described(name, text string) string {
	return single(strings.ReplaceAll(name, ":", `\:`) + ":" + text)
}

// single puts text in single quotes, as zsh reads them.
func single(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
