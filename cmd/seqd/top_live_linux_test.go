//go:build !lean

package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// In a terminal it shows one frame after the other, hears keys, and gives the
// terminal back as it was, whichever way it ends.
func TestTopInATerminal(t *testing.T) {
	nats, _ := system(t)
	startWorkers(t, 2)
	for name, end := range map[string]func(*terminalProcess) error{
		"q":       func(p *terminalProcess) error { return p.press("q") },
		"ctrl-c":  func(p *terminalProcess) error { return p.press("\x03") },
		"SIGTERM": func(p *terminalProcess) error { return p.Process.Signal(syscall.SIGTERM) },
	} {
		t.Run(name, func(t *testing.T) {
			p := startInTerminal(t, 60, 16, "top", "--interval", "50ms")
			before := p.settings(t)
			p.waitFor(t, "\x1b[?1049h")
			p.waitFor(t, "workers 2, serving 2")
			p.waitFor(t, "\nseq.*.>  2 of 2") // a line of its own: the widths did
			if p.settings(t) == before {
				t.Error("keys are not read one by one")
			}
			if err := p.press("s"); err != nil {
				t.Fatal(err)
			}
			p.waitFor(t, "IDS/S*")
			unix.IoctlSetWinsize(int(p.keyboard.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: 30, Row: 6})
			p.waitFor(t, "…\x1b[K\r\nworkers 2, ") // the title is cut
			if err := end(p); err != nil {
				t.Fatal(err)
			}
			if code := p.end(t); code != exitOK {
				t.Errorf("exit %d", code)
			}
			if !strings.HasSuffix(p.out.String(), "\x1b[?25h\x1b[?1049l") {
				t.Errorf("the screen is not given back: %q", p.out)
			}
			if p.settings(t) != before {
				t.Errorf("the keyboard is not as before: %+v, %+v", before, p.settings(t))
			}
		})
	}
	t.Run("NATS goes and comes back", func(t *testing.T) {
		p := startInTerminal(t, 100, 24, "top", "--interval", "50ms")
		p.waitFor(t, "serving 2")
		nats.Stop()
		p.waitFor(t, "\x1b[31mask the workers: ")
		nats.Start(t)
		at := len(p.out.String())
		p.waitForAfter(t, at, "workers 2, serving 2")
		if err := p.press("q"); err != nil || p.end(t) != exitOK {
			t.Error(err)
		}
	})
}

// terminalProcess is seqd in a terminal of its own.
type terminalProcess struct {
	*exec.Cmd
	keyboard *os.File // the other end of the terminal
	screen   *os.File // the program's end, kept to look at it afterwards
	out      *output
	ended    chan struct{}
}

func startInTerminal(t *testing.T, width, height uint16, args ...string) *terminalProcess {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no terminal can be made: %v", err)
	}
	t.Cleanup(func() { keyboard.Close() })
	fd := int(keyboard.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: width, Row: height})
	}
	if err != nil {
		t.Fatal(err)
	}
	screen, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close() })
	p := &terminalProcess{Cmd: exec.Command(os.Args[0], args...), keyboard: keyboard, screen: screen, out: newOutput(), ended: make(chan struct{})}
	p.Env = append(os.Environ(), asProgram+"=1")
	p.Stdin, p.Stdout, p.Stderr = screen, screen, screen
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := keyboard.Read(buf)
			if err != nil {
				return // it was closed
			}
			_, _ = p.out.Write(buf[:n])
		}
	}()
	go func() {
		_ = p.Wait() // the exit code is read from ProcessState
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill() // an ended process is none to kill
		<-p.ended
	})
	return p
}

func (p *terminalProcess) press(keys string) error {
	_, err := p.keyboard.WriteString(keys)
	return err
}

func (p *terminalProcess) settings(t *testing.T) unix.Termios {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(p.screen.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *s
}

func (p *terminalProcess) waitFor(t *testing.T, text string) {
	t.Helper()
	p.waitForAfter(t, 0, text)
}

func (p *terminalProcess) waitForAfter(t *testing.T, at int, text string) {
	t.Helper()
	deadline := time.After(patience)
	for {
		more := p.out.more()
		if strings.Contains(p.out.String()[at:], text) {
			return
		}
		select {
		case <-more:
		case <-p.ended:
			t.Fatalf("it ended with %v before it showed %q: %q", p.ProcessState, text, p.out)
		case <-deadline:
			t.Fatalf("it did not show %q: %q", text, p.out)
		}
	}
}

// end waits for the end, and until all that was written has been read.
func (p *terminalProcess) end(t *testing.T) (code int) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("it does not end: %q", p.out)
	}
	p.waitForAfterEnd("\x1b[?1049l")
	return p.ProcessState.ExitCode()
}

func (p *terminalProcess) waitForAfterEnd(text string) {
	deadline := time.After(patience)
	for !strings.Contains(p.out.String(), text) {
		select {
		case <-p.out.more():
		case <-deadline:
			return
		}
	}
}
