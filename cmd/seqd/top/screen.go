package top

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// Screen is a terminal that shows one frame after the other in place, on a
// screen of its own: what was there before is back when it is closed.
type Screen struct {
	out   *os.File
	in    *os.File
	state *term.State // of in, to be restored; nil: it is no terminal
}

const (
	enter = escape + "?1049h" + escape + "?25l" // the other screen, no cursor
	leave = escape + "?25h" + escape + "?1049l"
	home  = escape + "H"
	wipe  = escape + "K" // to the end of the line
	clear = escape + "J" // to the end of the screen
)

// Open takes over a terminal, and a keyboard if in is one. It must be closed.
func Open(out, in *os.File) (*Screen, error) {
	s := &Screen{out: out, in: in}
	if term.IsTerminal(int(in.Fd())) {
		// So that a key is heard at once, and not shown. Ctrl-C is a key then.
		state, err := term.MakeRaw(int(in.Fd()))
		if err != nil {
			return nil, err
		}
		s.state = state
	}
	_, err := io.WriteString(out, enter)
	return s, err
}

// Close gives the terminal back as it was. It may be called twice.
func (s *Screen) Close() {
	_, _ = io.WriteString(s.out, leave) // there is nobody left to tell
	leave := s.state
	if s.state = nil; leave != nil {
		_ = term.Restore(int(s.in.Fd()), leave)
	}
}

// Size returns the terminal's width and height, 80 and 24 if it does not tell.
func (s *Screen) Size() (width, height int) {
	width, height, err := term.GetSize(int(s.out.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}

// Draw replaces what is shown, in one write and without clearing first, so that
// nothing flickers.
func (s *Screen) Draw(lines []string) error {
	_, err := io.WriteString(s.out, home+strings.Join(lines, wipe+"\r\n")+wipe+clear)
	return err
}

// Keys returns what is pressed, until the keyboard ends. A read that is under way
// ends with the process only.
func (s *Screen) Keys() <-chan byte {
	keys := make(chan byte)
	if s.state == nil {
		return keys
	}
	go func() {
		defer close(keys)
		buf := make([]byte, 1)
		for {
			if _, err := s.in.Read(buf); err != nil {
				return
			}
			keys <- buf[0]
		}
	}()
	return keys
}
