package bench

import (
	"fmt"
	"io"
)

// live is one line on a terminal that is written anew. The zero value shows
// nothing.
type live struct {
	out   io.Writer
	shown bool
}

const eraseLine = "\r\x1b[K"

func (l *live) show(line string) {
	if l.out == nil {
		return
	}
	fmt.Fprint(l.out, eraseLine, line)
	l.shown = true
}

// clear takes the line away.
func (l *live) clear() {
	if l.shown {
		fmt.Fprint(l.out, eraseLine)
		l.shown = false
	}
}
