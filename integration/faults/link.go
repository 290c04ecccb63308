package faults

import (
	"net"
	"sync"
	"testing"
	"time"
)

// link is a TCP connection's way through this process, where it can be
// disturbed. Its methods are safe for concurrent use.
type link struct {
	addr     string // to connect to
	target   string // where it leads
	listener net.Listener

	mu    sync.Mutex
	state linkState
	turn  chan struct{} // closed at the next change of state
	conns map[net.Conn]bool
}

type linkState int

const (
	linkOpen linkState = iota
	linkDark           // nothing goes through, and nobody is told: as if packets were lost
	linkMute           // what the target answers is thrown away
	linkShut           // connections are cut and refused
)

// newLink returns an open link to target, until the test ends.
func newLink(t testing.TB, target string) *link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{addr: listener.Addr().String(), target: target, listener: listener, turn: make(chan struct{}), conns: map[net.Conn]bool{}}
	go l.accept()
	t.Cleanup(func() {
		listener.Close()
		l.set(linkShut)
	})
	return l
}

// set changes what the link does. Bytes that were thrown away tear a hole into a
// connection, so those of a link that was mute are cut.
func (l *link) set(state linkState) {
	l.mu.Lock()
	cut := state == linkShut || l.state == linkMute
	l.state = state
	close(l.turn)
	l.turn = make(chan struct{})
	var conns []net.Conn
	if cut {
		for c := range l.conns {
			conns = append(conns, c)
		}
	}
	l.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
}

func (l *link) now() (state linkState, turn <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state, l.turn
}

func (l *link) accept() {
	for {
		c, err := l.listener.Accept()
		if err != nil {
			return
		}
		go l.serve(c)
	}
}

// serve leads one connection through, in both directions.
func (l *link) serve(client net.Conn) {
	defer client.Close()
	if !l.add(client) {
		return
	}
	defer l.remove(client)
	if !l.pass() {
		return
	}
	target, err := net.DialTimeout("tcp", l.target, time.Second)
	if err != nil {
		return
	}
	defer target.Close()
	if !l.add(target) {
		return
	}
	defer l.remove(target)
	go func() {
		l.copy(target, client, false)
		client.Close()
		target.Close()
	}()
	l.copy(client, target, true)
}

// add notes a connection that set may have to cut; false if the link is shut.
func (l *link) add(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == linkShut {
		return false
	}
	l.conns[c] = true
	return true
}

func (l *link) remove(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}

// pass waits while the link is dark; false if it is shut.
func (l *link) pass() bool {
	for {
		state, turn := l.now()
		if state != linkDark {
			return state != linkShut
		}
		<-turn
	}
}

// copy moves bytes from one end to the other until one of them is closed.
func (l *link) copy(to, from net.Conn, answers bool) {
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if err != nil || !l.pass() {
			return
		}
		if state, _ := l.now(); answers && state == linkMute {
			continue
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}
