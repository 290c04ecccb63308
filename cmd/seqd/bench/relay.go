package bench

import (
	"context"
	"fmt"
	"hash/maphash"
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/subjects"
)

// Relay is the limit of keys that have owners: a bare echo of several members, each
// of which answers for its own keys and passes the requests for others on as they
// came, with the caller's reply subject. It looks nothing up and promises nothing.
type Relay struct {
	Connect Connect
	Members int // 2 to 9

	echo    Echo // of the callers
	members []*nats.Conn
}

var _ Peer = (*Relay)(nil)

const relayRoot = "re" // with one digit it is as long as Echo's

// relaySeed makes the members agree on whose a key is.
var relaySeed = maphash.MakeSeed()

func (r *Relay) About() About {
	return About{ID: "relay", Name: "NATS echo, passed on", Durability: "none", Workers: r.Members}
}

// Open connects, also those who answer.
func (r *Relay) Open(_ context.Context, w Wiring) error {
	root := relayRoot + strconv.Itoa(r.Members)
	for member := range r.Members {
		nc, err := r.Connect(nats.Name("seqd bench echo"), nats.SkipSubjectValidation())
		if err != nil {
			return fmt.Errorf("connect to NATS: %w", err)
		}
		r.members = append(r.members, nc)
		if err := r.serve(nc, root, member); err != nil {
			return fmt.Errorf("subscribe: %w", err)
		}
	}
	return r.echo.ask(r.Connect, root, w)
}

// serve answers as one of the members. If its connection is gone the callers'
// timeout tells, so that nothing is done about errors.
func (r *Relay) serve(nc *nats.Conn, root string, member int) error {
	reply, owners := make([]byte, echoReply), make([]string, r.Members)
	for i := range owners {
		owners[i] = fmt.Sprintf("_%s.%d.requests", root, i)
	}
	_, err := nc.QueueSubscribe(subjects.Wildcard(root, Store), subjects.Queue, func(m *nats.Msg) {
		if owner := int(maphash.String(relaySeed, m.Subject) % uint64(len(owners))); owner == member {
			_ = nc.Publish(m.Reply, reply)
		} else {
			_ = nc.PublishRequest(owners[owner], m.Reply, m.Data)
		}
	})
	if err != nil {
		return err
	}
	if _, err = nc.Subscribe(owners[member], func(m *nats.Msg) { _ = nc.Publish(m.Reply, reply) }); err != nil {
		return err
	}
	return nc.Flush()
}

func (r *Relay) Ask(ctx context.Context, caller, key int) (first int64, n int, err error) {
	return r.echo.Ask(ctx, caller, key)
}

func (r *Relay) Close() {
	r.echo.Close()
	for _, nc := range r.members {
		nc.Close()
	}
}
