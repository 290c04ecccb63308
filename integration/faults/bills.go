package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/subjects"
)

// billKeys are those whose ids are counted by the day, and have numbers: the second
// one has owners. They have callers, and a verdict, of their own: what is held
// against U and S is (period, id).
var billKeys = []allocator.Key{{Store: "bills", Name: "a"}, {Store: "receipts", Name: "a"}}

func isBill(key allocator.Key) bool {
	return key.Store == billKeys[0].Store || key.Store == billKeys[1].Store
}

const (
	billCallers  = 6
	billSpacing  = 50 * time.Millisecond
	billPatience = time.Second
	billAttempts = 5 // with one idempotency key, while the fault lasts
	billN        = 5 // ids in one request
)

// bill is one request that may be made again, with all its attempts.
type bill struct {
	allocatortest.Op        // from the first attempt to the first answer; Ids are marks
	once             string // the idempotency key; "": none, and one attempt
	n                int
	known            int64 // the greatest mark before the first attempt; 0: any will do
	answered         bool
	era              int // of bills, when it was answered
}

// bills are the callers of billKeys, and what they got.
type bills struct {
	run     *run
	keys    []allocator.Key // that are asked for
	conns   []*nats.Conn
	tallies map[allocator.Key]*tally // nil: what they got is kept, and judged in the end
	ctx     context.Context
	cancel  context.CancelFunc
	wg      sync.WaitGroup

	mu       sync.Mutex
	all      []*bill
	ops      []allocatortest.Op // of an idempotency key one, unless it was forgotten
	era      int                // a restore begins another one, which may know no answers of before
	forgot   int                // answers that were not those of before
	attempts int                // beyond the first
	problems []error            // one of each kind will do
}

// newBills returns callers that do not ask yet.
func newBills(r *run) *bills {
	b := &bills{run: r, keys: billKeys}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	for _, server := range r.callersAt() {
		nc, err := server.connect("caller", nats.MaxReconnects(-1), nats.PingInterval(2*time.Second),
			nats.ReconnectWait(100*time.Millisecond), nats.ReconnectJitter(50*time.Millisecond, 0))
		if err != nil {
			r.Fatal(err)
		}
		r.Cleanup(nc.Close)
		b.conns = append(b.conns, nc)
	}
	r.Cleanup(b.stop)
	return b
}

func startBills(r *run) *bills {
	b := newBills(r)
	b.each(billCallers, func(ctx context.Context, rnd *rand.Rand, i int) {
		w := b.want(ctx, rnd, i)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.all = append(b.all, w)
	})
	return b
}

// each has n callers do something again and again, until they are stopped.
func (b *bills) each(n int, do func(ctx context.Context, rnd *rand.Rand, i int)) {
	for i := range n {
		b.wg.Go(func() {
			rnd := rand.New(rand.NewPCG(rand.Uint64(), uint64(i)))
			for b.ctx.Err() == nil {
				do(b.ctx, rnd, i)
				sleep(b.ctx, billSpacing/2+rand.N(billSpacing))
			}
		})
	}
}

func (b *bills) stop() {
	b.cancel()
	b.wg.Wait()
}

// want wants ids, two times of three with an idempotency key, with which it asks
// until there is an answer, or it has asked often enough.
func (b *bills) want(ctx context.Context, rnd *rand.Rand, client int) *bill {
	w := &bill{n: 1 + rnd.IntN(billN)}
	w.Client, w.Key, w.Strong = client, b.keys[rnd.IntN(len(b.keys))], rnd.IntN(2) == 0
	if rnd.IntN(3) > 0 {
		w.once = strconv.FormatUint(rnd.Uint64(), 36)
	}
	if t := b.tallies[w.Key]; t != nil && (w.Strong || w.Key == billKeys[1]) {
		w.known = t.known()
	}
	w.Start = b.run.record.history.Now()
	for attempt := 1; ctx.Err() == nil; attempt++ {
		if err := b.ask(b.conns[client%len(b.conns)], w); err == nil || w.once == "" || attempt == billAttempts {
			break
		}
		b.mu.Lock()
		b.attempts++
		b.mu.Unlock()
		sleep(ctx, billSpacing)
	}
	return w
}

// ask makes one attempt, and holds an answer against those that w has had.
func (b *bills) ask(nc *nats.Conn, w *bill) error {
	request := subjects.Request{N: w.n, Mode: mode(w.Strong), IdempotencyKey: w.once}
	m, err := nc.Request(subjects.Subject(subjects.Root, w.Key.Store, w.Key.Name), request.Append(nil), billPatience)
	if err != nil {
		return err
	}
	if isAcknowledgement(m) {
		return errors.New(fromJetStream)
	}
	reply, err := subjects.DecodeReply(m.Header, m.Data)
	end := b.run.record.history.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		if e, ok := errors.AsType[*subjects.Error](err); !ok || e.Code == subjects.BadRequest {
			b.problemLocked("%v: %v", w.Op, err)
		}
		return err
	}
	return b.tookLocked(w, reply, end)
}

// tookLocked takes an answer to w.
func (b *bills) tookLocked(w *bill, reply subjects.Reply, end int64) error {
	ids, err := marksOf(reply, w.n)
	if err != nil {
		b.problemLocked("%v: %v", w.Op, err)
		return err
	}
	switch {
	case !w.answered:
		w.answered, w.End, w.Ids, w.era = true, end, ids, b.era
		b.keepLocked(w, w.Op)
	case w.Ids != ids:
		b.forgot++
		op := w.Op
		op.End, op.Ids = end, ids
		b.keepLocked(w, op)
	case !reply.Replayed:
		b.problemLocked("the same answer, and not a word that it is a repeat: %v", w.Op)
	}
	return nil
}

// keepLocked notes what w got.
func (b *bills) keepLocked(w *bill, op allocatortest.Op) {
	t := b.tallies[w.Key]
	if t == nil {
		b.ops = append(b.ops, op)
		return
	}
	if op.Ids != w.Ids && w.era == b.era {
		b.problemLocked("a repeat got %v, and before it was: %v", op.Ids, w.Op)
	}
	if err := t.add(op.Ids, w.known); err != nil {
		b.problemLocked("%v: %w", w.Op, err)
	}
}

// marksOf returns the ids of a reply as marks.
func marksOf(reply subjects.Reply, n int) (allocator.Range, error) {
	p, err := allocator.ParsePeriodDate(reply.Period)
	if err != nil || reply.N != n || len(reply.Numbers) != n {
		return allocator.Range{}, fmt.Errorf("got %+v for %d ids: %w", reply, n, err)
	}
	for i, number := range reply.Numbers {
		if number != fmt.Sprintf("%s-%d", reply.Period, reply.ID+int64(i)) {
			return allocator.Range{}, fmt.Errorf("id %d of %s has the number %s", reply.ID+int64(i), reply.Period, number)
		}
	}
	return allocator.Range{First: p.Mark(reply.ID), N: n}, nil
}

func (b *bills) problemLocked(format string, args ...any) {
	if len(b.problems) < 3 {
		b.problems = append(b.problems, fmt.Errorf(format, args...))
	}
}
