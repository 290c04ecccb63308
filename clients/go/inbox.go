package seqd

import (
	"context"
	"errors"
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/subjects"
)

// inbox is a client's own subscription for answers. Where nats.go takes a new
// reply subject for every request, it uses a few again and again: so the server
// finds the way for an answer in its cache, which is what most of a request's
// cost on the server is, and nothing has to be made up for a request.
//
// A reply subject is one request's until that has got its answer. A request that
// gives up takes its subject with it, so that a late answer or "no responders"
// meets nobody. What comes twice, or from a stranger, lacks the nonce and is
// dropped.
type inbox struct {
	nc *nats.Conn

	mu     sync.Mutex
	sub    *nats.Subscription
	prefix string // of the reply subjects
	last   uint64 // number of the newest reply subject
	slots  map[uint64]*slot
	free   []*slot // the one used last is the first to be used again: it is cached
}

// slot is a reply subject.
type slot struct {
	num     uint64
	subject string
	answers chan *nats.Msg // nil: the connection was lost
}

// What a server answers for want of a subscriber, without a body.
const (
	statusHeader = "Status"
	noResponders = "503"
)

// maxAnswers bounds what waits in a slot: the answer, and what others sent.
const maxAnswers = 4

// request sends msg, which carries req, and waits for its answer until ctx ends.
func (in *inbox) request(ctx context.Context, msg *nats.Msg, req *subjects.Request) (subjects.Reply, error) {
	sl, err := in.take()
	if err != nil {
		return subjects.Reply{}, err
	}
	msg.Reply = sl.subject
	if err := in.nc.PublishMsg(msg); err != nil {
		in.drop(sl)
		return subjects.Reply{}, err
	}
	var strangers error
	for {
		select {
		case answer := <-sl.answers:
			if answer == nil {
				in.drop(sl)
				if in.nc.IsClosed() {
					return subjects.Reply{}, nats.ErrConnectionClosed
				}
				return subjects.Reply{}, nats.ErrDisconnected
			}
			if len(answer.Data) == 0 && answer.Header.Get(statusHeader) == noResponders {
				in.put(sl)
				return subjects.Reply{}, nats.ErrNoResponders
			}
			reply, err := decode(answer, req)
			if errors.Is(err, errStranger) {
				strangers = err // the right one may still come
				continue
			}
			in.put(sl)
			return reply, err
		case <-ctx.Done():
			in.drop(sl)
			if strangers != nil {
				return subjects.Reply{}, strangers
			}
			return subjects.Reply{}, ctx.Err()
		}
	}
}

// take returns a slot that no other request uses.
func (in *inbox) take() (*slot, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.sub == nil {
		if err := in.subscribeLocked(); err != nil {
			return nil, err
		}
	}
	if n := len(in.free); n > 0 {
		sl := in.free[n-1]
		in.free = in.free[:n-1]
		return sl, nil
	}
	in.last++
	sl := &slot{
		num:     in.last,
		subject: in.prefix + strconv.FormatUint(in.last, 10),
		answers: make(chan *nats.Msg, maxAnswers),
	}
	in.slots[sl.num] = sl
	return sl, nil
}

// put returns a slot whose request has been answered.
func (in *inbox) put(sl *slot) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for len(sl.answers) > 0 {
		<-sl.answers
	}
	if in.slots[sl.num] == sl { // else the connection was lost meanwhile
		in.free = append(in.free, sl)
	}
}

// drop gives up a slot whose request may still be answered.
func (in *inbox) drop(sl *slot) {
	in.mu.Lock()
	defer in.mu.Unlock()
	delete(in.slots, sl.num)
}

// subscribeLocked opens the inbox. It and its two goroutines, nats.go's for the
// subscription and watch, end with the connection, or when that is drained.
func (in *inbox) subscribeLocked() error {
	status := in.nc.StatusChanged(nats.RECONNECTING, nats.CLOSED)
	in.prefix, in.slots, in.free = in.nc.NewInbox()+".", make(map[uint64]*slot), nil
	sub, err := in.nc.Subscribe(in.prefix+"*", in.receive)
	if err != nil {
		in.nc.RemoveStatusListener(status)
		return err
	}
	sub.SetClosedHandler(func(string) {
		in.lose(true)
		in.nc.RemoveStatusListener(status)
	})
	in.sub = sub
	go in.watch(status)
	return nil
}

// watch wakes the requests under way when the connection is lost: their answers
// are, too.
func (in *inbox) watch(status <-chan nats.Status) {
	for s := range status {
		in.lose(false)
		if s == nats.CLOSED {
			return
		}
	}
}

// lose ends the requests under way, and the subscription if that is closed.
func (in *inbox) lose(closed bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, sl := range in.slots {
		select {
		case sl.answers <- nil:
		default: // it has its answer
		}
	}
	clear(in.slots)
	in.free = nil
	if closed {
		in.sub = nil
	}
}

// receive passes an answer on to the request that waits for it.
func (in *inbox) receive(msg *nats.Msg) {
	num, err := strconv.ParseUint(msg.Subject[len(in.prefix):], 10, 64)
	if err != nil {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if sl := in.slots[num]; sl != nil {
		select {
		case sl.answers <- msg:
		default:
		}
	}
}
