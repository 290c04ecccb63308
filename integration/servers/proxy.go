package servers

import (
	"bytes"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy is a TCP connection's way to a server, which a test can spoil. Its
// methods are safe for concurrent use, and each replaces the fault before it.
//
// What a fault keeps back stays in order and is not lost, as TCP would send it
// again: it arrives after Heal. To lose it, Cut.
type Proxy struct {
	Addr   string        // host:port to connect to
	target func() string // host:port of the server that the next connection goes to

	mu      sync.Mutex
	fault   fault
	changed chan struct{} // closed when fault changes
	conns   map[net.Conn]bool
}

// fault is what is wrong on the way.
type fault struct {
	holdRequests, holdResponses bool
	delay                       time.Duration // in either direction
	cut                         bool
}

// StartProxy starts a proxy to target, host:port, until the test's end.
func StartProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	return startProxy(t, func() string { return target })
}

func startProxy(t testing.TB, target func() string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{
		Addr:    l.Addr().String(),
		target:  target,
		changed: make(chan struct{}),
		conns:   map[net.Conn]bool{},
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { p.serve(client) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.Cut()
		all.Wait()
	})
	return p
}

// Blackhole lets nothing through, in either direction. Connections stay open,
// and new ones are accepted and get no answer.
func (p *Proxy) Blackhole() { p.set(fault{holdRequests: true, holdResponses: true}) }

// DropResponses lets requests through and no responses.
func (p *Proxy) DropResponses() { p.set(fault{holdResponses: true}) }

// Delay has everything arrive later by d, in either direction.
func (p *Proxy) Delay(d time.Duration) { p.set(fault{delay: d}) }

// Cut closes all connections, and new ones at once. What was kept back is lost.
func (p *Proxy) Cut() { p.set(fault{cut: true}) }

// Heal ends the fault.
func (p *Proxy) Heal() { p.set(fault{}) }

func (p *Proxy) set(f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
	close(p.changed)
	p.changed = make(chan struct{})
	if f.cut {
		for c := range p.conns {
			c.Close()
		}
	}
}

func (p *Proxy) current() (fault, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault, p.changed
}

// serve carries one connection until one side of it closes.
func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	if !p.keep(client) {
		return
	}
	defer p.forget(client)
	server, err := net.Dial("tcp", p.target())
	if err != nil {
		return
	}
	defer server.Close()
	if !p.keep(server) {
		return
	}
	defer p.forget(server)

	var both sync.WaitGroup
	closed := make(chan struct{}, 2)
	for _, way := range []struct {
		from, to net.Conn
		held     func(fault) bool
	}{
		{client, server, func(f fault) bool { return f.holdRequests }},
		{server, client, func(f fault) bool { return f.holdResponses }},
	} {
		both.Go(func() {
			p.carry(way.from, way.to, way.held)
			closed <- struct{}{}
		})
	}
	<-closed
	client.Close()
	server.Close()
	both.Wait()
}

// keep is false if there is no connection to keep: the way is cut.
func (p *Proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = true
	return !p.fault.cut
}

func (p *Proxy) forget(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// piece is what came at one time.
type piece struct {
	bytes []byte
	came  time.Time
}

// carry copies one direction until it ends. What is held back waits here and in
// the sender's socket: memory stays bounded.
func (p *Proxy) carry(from, to net.Conn, held func(fault) bool) {
	pieces := make(chan piece, 64)
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(pieces)
		buf := make([]byte, 64<<10)
		for {
			n, err := from.Read(buf)
			pieces <- piece{bytes.Clone(buf[:n]), time.Now()}
			if err != nil {
				return
			}
		}
	})
	broken := false
	for piece := range pieces { // to its end, so that nobody blocks
		if !broken {
			broken = !p.pass(piece, to, held)
		}
		if broken {
			from.Close()
		}
	}
	reading.Wait()
}

// pass sends a piece on when it may go; it is false if the way is broken.
func (p *Proxy) pass(b piece, to net.Conn, held func(fault) bool) bool {
	f, changed := p.current()
	if wait := f.delay - time.Since(b.came); wait > 0 {
		time.Sleep(wait)
		f, changed = p.current()
	}
	for held(f) {
		<-changed
		f, changed = p.current()
	}
	if f.cut {
		return false
	}
	_, err := to.Write(b.bytes)
	return err == nil
}
