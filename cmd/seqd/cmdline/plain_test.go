package cmdline_test

import (
	"testing"

	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
)

func TestPlain(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "",
		"worker a is fenced":       "worker a is fenced",
		"发票 → é":                   "发票 → é",
		"a\x1b[2Jb\x07":            `a\x1b[2Jb\a`,
		"a\r\nok  all is well":     `a\r\nok  all is well`,
		"\u009b31m, \u202e, \x7f.": `\u009b31m, \u202e, \x7f.`,
		"a\x9bb":                   `a\x9bb`, // a byte alone, which some terminals obey
	} {
		if got := cmdline.Plain(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got := cmdline.PlainLines("a\nb\x1b"); got != "a\nb\\x1b" {
		t.Errorf("got %q", got)
	}
}
