package servers

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
)

// Mesh is the ways between the members of an etcd cluster. A test can cut each by
// itself, in one direction or in both. It carries HTTP, request by request, as the
// address of a member tells nothing about who calls: that is in the request. Its
// methods are safe for concurrent use.
//
// What a cut way holds back is not lost as long as the caller waits: it arrives
// when the way is healed.
type Mesh struct {
	Addrs []string // host:port at which the members reach each other

	mu      sync.Mutex
	names   []string // of the members, as their requests give them
	cut     map[way]bool
	changed chan struct{} // closed when cut changes
	held    chan struct{} // has one if something was held back since Held was read
}

// way is from one member to another.
type way struct{ from, to int }

// senderHeader is what a member says its id in.
const senderHeader = "X-Server-From"

// StartMesh starts ways to members that listen at targets, host:port each, until
// the test's end.
func StartMesh(t testing.TB, targets ...string) *Mesh {
	t.Helper()
	m := &Mesh{names: make([]string, len(targets)), cut: map[way]bool{}, changed: make(chan struct{}), held: make(chan struct{}, 1)}
	for to, target := range targets {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		m.Addrs = append(m.Addrs, l.Addr().String())
		out := &http.Transport{DisableCompression: true}
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			m.carry(w, r, to, target, out)
		})}
		var serving sync.WaitGroup
		serving.Go(func() { _ = s.Serve(l) }) // until Close
		t.Cleanup(func() {
			s.Close()
			out.CloseIdleConnections()
			serving.Wait()
		})
	}
	return m
}

// Name says which id the member with that number has, as etcd writes ids. Until
// then nothing that it sends is held back.
func (m *Mesh) Name(member int, id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.names[member] = id
}

// Cut holds back what one member sends to another, be it asked for or not.
func (m *Mesh) Cut(from, to int) { m.set(func() { m.cut[way{from, to}] = true }) }

// Heal ends all cuts.
func (m *Mesh) Heal() { m.set(func() { clear(m.cut) }) }

// Mend ends the cuts of all ways from a member and to it.
func (m *Mesh) Mend(member int) {
	m.set(func() {
		for w := range m.cut {
			if w.from == member || w.to == member {
				delete(m.cut, w)
			}
		}
	})
}

// Held returns a channel with something in it when a cut way has held something
// back.
func (m *Mesh) Held() <-chan struct{} { return m.held }

func (m *Mesh) set(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
	close(m.changed)
	m.changed = make(chan struct{})
}

// await waits until the way is not cut that sender's request takes to a member, or,
// back, the one that its answer takes. It returns an error if ctx ends before.
func (m *Mesh) await(ctx context.Context, sender string, to int, back bool) error {
	for {
		m.mu.Lock()
		w := way{slices.Index(m.names, sender), to} // a stream may be older than the sender's name
		if back {
			w = way{w.to, w.from}
		}
		cut, changed := m.cut[w], m.changed
		m.mu.Unlock()
		if !cut {
			return ctx.Err()
		}
		select {
		case m.held <- struct{}{}:
		default:
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// carry carries one request there and its answer back, which for a stream lasts as
// long as the stream does.
func (m *Mesh) carry(w http.ResponseWriter, r *http.Request, to int, target string, out http.RoundTripper) {
	ctx, sender := r.Context(), r.Header.Get(senderHeader)
	if m.await(ctx, sender, to, false) != nil {
		return
	}
	r = r.Clone(ctx)
	r.URL.Scheme, r.URL.Host, r.RequestURI = "http", target, ""
	resp, err := out.RoundTrip(r)
	if err != nil || m.await(ctx, sender, to, true) != nil {
		if err == nil {
			resp.Body.Close()
		}
		panic(http.ErrAbortHandler) // no answer, rather than one of ours
	}
	defer resp.Body.Close()
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(resp.StatusCode)
	flush := http.NewResponseController(w)
	for buf := make([]byte, 64<<10); ; {
		_ = flush.Flush() // who is gone is seen by the next write
		n, err := resp.Body.Read(buf)
		if m.await(ctx, sender, to, true) != nil {
			panic(http.ErrAbortHandler)
		}
		if _, failed := w.Write(buf[:n]); failed != nil || err == io.EOF {
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}
