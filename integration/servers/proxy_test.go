package servers_test

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/seqd-io/seqd/integration/servers"
)

// upper is a server that answers each byte with the next greater one, and
// reports what it got.
func upper(t *testing.T) (addr string, got chan byte) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	got = make(chan byte, 100)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				b := make([]byte, 1)
				for {
					if _, err := io.ReadFull(c, b); err != nil {
						return
					}
					got <- b[0]
					if _, err := c.Write([]byte{b[0] + 1}); err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String(), got
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func send(t *testing.T, c net.Conn, b byte) {
	t.Helper()
	if _, err := c.Write([]byte{b}); err != nil {
		t.Fatal(err)
	}
}

func wantByte(t *testing.T, c net.Conn, want byte) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	b := make([]byte, 1)
	if _, err := io.ReadFull(c, b); err != nil || b[0] != want {
		t.Fatalf("got %q, %v, want %q", b, err, want)
	}
}

// wantSilence checks that nothing comes for a moment.
func wantSilence(t *testing.T, c net.Conn) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := c.Read(make([]byte, 1)); n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("got %d bytes, %v, want silence", n, err)
	}
}

func TestProxyFaults(t *testing.T) {
	target, got := upper(t)
	p := servers.StartProxy(t, target)
	c := dial(t, p.Addr)
	send(t, c, 'a')
	wantByte(t, c, 'b')
	<-got

	p.DropResponses()
	send(t, c, 'c')
	if b := <-got; b != 'c' {
		t.Errorf("the server got %q", b)
	}
	wantSilence(t, c)
	p.Heal()
	wantByte(t, c, 'd')

	p.Blackhole()
	send(t, c, 'e')
	late := dial(t, p.Addr) // is accepted
	send(t, late, 'g')
	wantSilence(t, c)
	wantSilence(t, late)
	if len(got) > 0 {
		t.Errorf("the server got %q", <-got)
	}
	p.Heal()
	wantByte(t, c, 'f')
	wantByte(t, late, 'h')

	p.Delay(20 * time.Millisecond)
	begin := time.Now()
	send(t, c, 'i')
	wantByte(t, c, 'j')
	if took := time.Since(begin); took < 40*time.Millisecond {
		t.Errorf("there and back took %v", took)
	}

	p.DropResponses()
	send(t, c, 'k')
	for b := range got {
		if b == 'k' {
			break
		}
	}
	p.Cut()
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if n, err := c.Read(make([]byte, 1)); n > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %d bytes, %v, want the connection's end: the answer is lost", n, err)
	}
	refused := dial(t, p.Addr)
	_ = refused.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := refused.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v, want the connection's end", err)
	}
	p.Heal()
	c = dial(t, p.Addr)
	send(t, c, 'm')
	wantByte(t, c, 'n')
}
