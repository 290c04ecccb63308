package cmdline

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Plain returns text as it may stand on a terminal. What comes from elsewhere, from
// whoever answers on NATS or writes to etcd, may hold what a terminal obeys, or what
// makes a line look like another one: such characters, line ends among them, are
// written as in a Go string. Text without them is returned as it is.
func Plain(text string) string { return plain(text, "") }

// PlainLines is Plain for text of several lines, which may be indented by tabs.
func PlainLines(text string) string { return plain(text, "\n\t") }

func plain(text, allowed string) string {
	isPlain := func(r rune) bool { return unicode.IsPrint(r) || strings.ContainsRune(allowed, r) }
	if utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !isPlain(r) }) {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		_, size := utf8.DecodeRuneInString(text[i:]) // 1 of a byte that is no UTF-8
		if isPlain(r) && (r != utf8.RuneError || size > 1) {
			b.WriteRune(r)
		} else {
			quoted := strconv.QuoteToASCII(text[i : i+size])
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}
