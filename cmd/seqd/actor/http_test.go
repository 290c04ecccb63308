package actor_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seqd-io/seqd/cmd/seqd/actor"
)

// pipes is a listener whose connections are in memory, so that their time can be the
// test's.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error   { close(p.closed); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p pipes) dial() net.Conn {
	theirs, ours := net.Pipe()
	p.conns <- ours
	return theirs
}

// A client that promises a body and sends none used to keep its connection, and the
// memory that goes with it, for as long as it wished. An answer may still take its
// time.
func TestHTTPWaitsForABodyForSoLong(t *testing.T) {
	handler := http.NewServeMux()
	handler.HandleFunc("POST /reads", func(rw http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			http.Error(rw, err.Error(), http.StatusBadRequest)
		}
	})
	handler.HandleFunc("POST /ignores", func(http.ResponseWriter, *http.Request) {})
	handler.HandleFunc("GET /slow", func(rw http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(time.Minute):
			_, _ = io.WriteString(rw, "done")
		case <-r.Context().Done():
		}
	})
	for _, c := range []struct {
		name, request, want string
		within              time.Duration
	}{
		{"a body that is read", "POST /reads HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", "400", 15 * time.Second},
		{"a body that nobody reads", "POST /ignores HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", "200", 15 * time.Second},
		{"chunks that don't end", "POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "404", 15 * time.Second},
		{"a slow answer", "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n", "done", 5 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := pipes{make(chan net.Conn), make(chan struct{})}
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- actor.HTTP(handler, l)(ctx) }()

				conn := l.dial()
				defer conn.Close()
				begin := time.Now()
				if _, err := io.WriteString(conn, c.request); err != nil {
					t.Fatal(err)
				}
				answer, err := io.ReadAll(conn)
				if took := time.Since(begin); err != nil || took > c.within {
					t.Errorf("the connection was open for %v (%v), want %v at most", took, err, c.within)
				}
				if !bytes.Contains(answer, []byte(c.want)) {
					t.Errorf("got %q, want %q in it", answer, c.want)
				}
				stop()
				if err := <-ended; err != nil && !errors.Is(err, net.ErrClosed) {
					t.Error(err)
				}
			})
		})
	}
}
