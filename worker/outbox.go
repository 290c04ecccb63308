package worker

import (
	"sync"
	"time"
)

// parcel is the requests that one message hands over, and the calls that wait
// for its word.
type parcel struct {
	peer  string
	calls []*call
	body  []byte // until it is sent
	limit int    // bytes that body may have

	seq  uint64    // of those that were sent
	sent time.Time // zero: not yet
}

const (
	maxParcel      = 64       // requests
	maxParcelBytes = 32 << 10 // beyond, another one is begun

	// maxOpen is how long a parcel stays open while its subscription always has
	// another message to handle.
	maxOpen = time.Millisecond
)

// parcels are used again.
var parcels = sync.Pool{New: func() any {
	return &parcel{calls: make([]*call, 0, maxParcel)}
}}

func (p *parcel) recycle() {
	clear(p.calls)
	*p = parcel{calls: p.calls[:0]}
	parcels.Put(p)
}

// outboxes collect requests for other workers, for as long as others come: under
// load many share a message, and one that comes alone does not wait. One
// goroutine owns them. What is put in must be flushed.
type outboxes struct {
	w     *Worker
	open  []*parcel // one for each worker that requests are collected for: a few
	from  time.Time // when the first of them was begun
	spare [][]byte  // bodies for others
}

// add puts c in for peer. now is about the time.
func (o *outboxes) add(c *call, peer string, now time.Time) {
	i := 0
	for i < len(o.open) && o.open[i].peer != peer {
		i++
	}
	if i == len(o.open) {
		if i == 0 {
			o.from = now
		}
		o.open = append(o.open, o.begin(peer))
	}
	p := o.open[i]
	before, version := len(p.body), p.body[0]
	carry := c.carry(now)
	p.body = appendCarried(p.body, &carry)
	if len(p.body) > p.limit && len(p.calls) > 0 {
		p.body = p.body[:before]
		p.body[0] = version // what is taken out again may have changed it
		o.send(p)
		p = o.begin(peer)
		o.open[i] = p
		p.body = appendCarried(p.body, &carry)
	}
	p.calls = append(p.calls, c)
	if len(p.calls) == maxParcel {
		last := len(o.open) - 1
		o.open[i], o.open[last] = o.open[last], nil
		o.open = o.open[:last]
		o.send(p)
	}
}

func (o *outboxes) begin(peer string) *parcel {
	p := parcels.Get().(*parcel)
	p.peer, p.limit = peer, int(min(o.w.conn().MaxPayload(), maxParcelBytes))
	if last := len(o.spare) - 1; last >= 0 {
		p.body, o.spare = o.spare[last], o.spare[:last]
	} else {
		p.body = make([]byte, 4<<10)
	}
	p.body = p.body[:parcelHead]
	return p
}

// send hands p over, which is not ours any more then.
func (o *outboxes) send(p *parcel) { o.spare = append(o.spare, o.w.handovers.send(p)) }

// flush sends what was collected.
func (o *outboxes) flush() {
	for i, p := range o.open {
		o.open[i] = nil
		o.send(p)
	}
	o.open = o.open[:0]
}

// carry returns what another worker has to know of c.
func (c *call) carry(now time.Time) carried {
	a := &c.asked
	r := carried{
		key: c.Key, reply: a.reply, n: c.N, weak: c.weak, format: a.format, nonce: a.nonce,
		left: c.Deadline.Sub(now), hops: c.hops + 1,
	}
	if once := a.once(); once != nil {
		r.idempotencyKey = once.Key
	}
	if a.timeout > 0 {
		r.named, r.left = true, a.timeout-now.Sub(a.arrived)
	}
	if a.traced != nil {
		r.parent, r.state = a.traced.Parent, a.traced.State
	}
	return r
}
