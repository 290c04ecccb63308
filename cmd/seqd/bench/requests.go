package bench

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/subjects"
)

// Connect connects to NATS with options, which are added to its own.
type Connect func(options ...nats.Option) (*nats.Conn, error)

// At returns a Connect for a server that asks for no credentials.
func At(url string) Connect {
	return func(options ...nats.Option) (*nats.Conn, error) { return nats.Connect(url, options...) }
}

// Store is the second token of the subjects that peers are compared on.
const Store = "bench"

// requests is what all peers on NATS have in common: the callers' connections
// and a subject per key. All of them are asked by nats.go's Request, so that its
// cost is in all figures alike.
type requests struct {
	conns    []*nats.Conn
	subjects []string
	timeout  time.Duration
}

// open connects the callers. Subjects are <root>.<store>.<key>.
func (r *requests) open(connect Connect, root, store string, w Wiring) error {
	for range w.Connections {
		nc, err := connect(nats.Name("seqd bench"), nats.SkipSubjectValidation())
		if err != nil {
			r.close()
			return fmt.Errorf("connect to NATS: %w", err)
		}
		r.conns = append(r.conns, nc)
	}
	for _, key := range w.Keys {
		r.subjects = append(r.subjects, subjects.Subject(root, store, key))
	}
	r.timeout = w.Timeout
	return nil
}

func (r *requests) close() {
	for _, nc := range r.conns {
		nc.Close()
	}
	r.conns = nil
}

func (r *requests) of(caller int) *nats.Conn { return r.conns[caller%len(r.conns)] }
