package completion

import (
	"fmt"
	"strings"
)

// zsh returns a script that is sourced, or stands in fpath as _seqd.
func zsh(all []command) string {
	var paths, words, values strings.Builder
	for _, c := range all {
		for _, w := range c.below {
			fmt.Fprintf(&paths, "      %s) at=%s ;;\n", single(c.path+" "+w.name), single(c.path+" "+w.name))
		}
		fmt.Fprintf(&words, "    %s)\n      words_below=(", single(c.path))
		for _, w := range c.below {
			fmt.Fprintf(&words, "%s ", described(w.name, w.text))
		}
		words.WriteString(")\n      flags=(")
		for _, f := range c.flags {
			fmt.Fprintf(&words, "%s ", described(f.name, f.text))
			switch {
			case f.values != nil:
				fmt.Fprintf(&values, "    %s) compadd -- %s; return ;;\n", single(c.path+" "+f.name), strings.Join(f.values, " "))
			case f.files:
				fmt.Fprintf(&values, "    %s) _files; return ;;\n", single(c.path+" "+f.name))
			case f.takes:
				fmt.Fprintf(&values, "    %s) return ;;\n", single(c.path+" "+f.name))
			}
		}
		words.WriteString(")\n")
		if c.files {
			words.WriteString("      files=yes\n")
		}
		words.WriteString("      ;;\n")
	}
	return `#compdef seqd
# zsh completion for seqd, made by: seqd completion zsh
_seqd() {
  local at=seqd before=$words[CURRENT-1] files= i
  local -a words_below flags
  for ((i = 2; i < CURRENT; i++)); do
    case "$at $words[i]" in
` + paths.String() + `    esac
  done
  case "$at $before" in
` + values.String() + `  esac
  case "$at" in
` + words.String() + `  esac
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
