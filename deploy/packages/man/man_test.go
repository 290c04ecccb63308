package main

import (
	"strings"
	"testing"
)

const printed = `usage: seqd try WORD [flags]

example:
  seqd try one    # tries it

Tries WORD. It takes these:
  one    the first
  two    the second
'quoted' and .dotted text stays as it is, and a\b too.

commands:
  again  try again
  not-now  try another time

flags (a variable sets the same; flags win):
  --count N        SEQD_COUNT  how many (default 1)
  --yes                        do it

More about NATS:
  --url URL        NATS_URL    where it is

A variable that is empty
counts as not set.
`

func TestPage(t *testing.T) {
	h, err := parse(printed)
	if err != nil {
		t.Fatal(err)
	}
	p := page{name: "seqd-try", short: "try a word", date: "2026-11-29", version: "seqd 1.2.3", related: []string{"seqd", "seqd-try-again"}}
	want := `.TH SEQD-TRY 1 "2026-11-29" "seqd 1.2.3" "seqd"
.SH NAME
seqd-try \- try a word
.SH SYNOPSIS
.B seqd try WORD [flags]
.SH DESCRIPTION
Tries WORD. It takes these:
.RS 2
.nf
one    the first
two    the second
.fi
.RE
\&'quoted' and .dotted text stays as it is, and a\eb too.
.PP
.SH COMMANDS
.TP
.B again
try again
.TP
.B not\-now
try another time
.SH FLAGS
A variable sets the same; flags win.
.TP
.B \-\-count N
how many (default 1)
.br
Environment: SEQD_COUNT
.TP
.B \-\-yes
do it
.SH MORE ABOUT NATS
.TP
.B \-\-url URL
where it is
.br
Environment: NATS_URL
.SH NOTES
A variable that is empty
counts as not set.
.PP
.SH EXAMPLE
.RS 2
.nf
seqd try one    # tries it
.fi
.RE
.PP
.SH SEE ALSO
.BR seqd (1),
.BR seqd\-try\-again (1)
`
	if got := p.roff(h); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	var names []string
	for _, c := range h.commands() {
		names = append(names, c.term)
	}
	if got := strings.Join(names, " "); got != "again not-now" {
		t.Errorf("commands: got %s", got)
	}
}

func TestNoHelp(t *testing.T) {
	if _, err := parse("seqd: no command \"try\""); err == nil {
		t.Error("what does not begin with its usage is taken for a help")
	}
}
