package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/allocator/etcd/etcdsim"
)

// simWorker is what one worker process has between NATS and etcd: an Issuer over
// a Counter, as package worker has it.
type simWorker struct {
	*world
	number  int // from 1; as a Client of the history's ops
	id      string
	counter *etcd.Counter
	issuer  *allocator.Issuer
	crashed atomic.Bool // what it says from now on, nobody hears
	revoked atomic.Bool // what it had reserved; as nobody jumps, for good

	pauses, asks atomic.Int64 // so far, to number the dice
}

func newSimWorker(w *world, number int) *simWorker {
	sw := &simWorker{world: w, number: number, id: fmt.Sprint("w", number)}
	kv := &observedKV{KVClient: etcdsim.NewClient(w.server, sw.script), tally: &w.tally}
	sw.counter = etcd.NewCounterOn(kv, sw.jitter, etcd.Config{
		Writer: sw.id,
		Floor:  func(key allocator.Key) int64 { return w.plan.floors[key] },
	})
	config := allocator.IssuerConfig{
		MaxKeys:  w.plan.maxKeys,
		Segments: func(allocator.Key) allocator.Segments { return w.plan.segments },
		Revoked: func() {
			w.tally.add("revoked")
			sw.revoked.Store(true)
		},
	}
	if w.plan.peers {
		config.Ask = sw.ask
	}
	sw.issuer = allocator.NewIssuer(advances{sw.counter, w}, config)
	return sw
}

// script says how a call of etcd goes. Besides single faults a worker is now and
// then cut off for a while.
func (sw *simWorker) script(call etcdsim.Call) etcdsim.Fault {
	d := dice(sw.plan.seed, sw.id+" etcd", call.Seq)
	if sw.quiet.Load() || d.IntN(100) >= sw.plan.faulty {
		if sw.cutOff() {
			sw.tally.add("cut off")
			return etcdsim.Fault{Outcome: etcdsim.Dropped}
		}
		return sw.plan.healthy(d)
	}
	f, which := sw.plan.fault(d)
	sw.tally.add(faultNames[which])
	return f
}

// cutOff: in every fourth of a worker's seconds, if there are faults at all.
func (sw *simWorker) cutOff() bool {
	second := int(time.Since(sw.began) / time.Second)
	return !sw.quiet.Load() && sw.plan.faulty > 0 && dice(sw.plan.seed, sw.id+" net", second).IntN(4) == 0
}

func (sw *simWorker) jitter(limit time.Duration) time.Duration {
	return upTo(dice(sw.plan.seed, sw.id+" pause", int(sw.pauses.Add(1))), limit) - 1
}

func (sw *simWorker) stop() {
	sw.issuer.Stop()
	sw.counter.Close()
}

// crash ends the process: what it has sent may still be applied, and nothing it
// says is heard.
func (sw *simWorker) crash() {
	sw.crashed.Store(true)
	sw.counter.Close()
	sw.stop()
}

// advances is a Counter whose advances are accounted for.
type advances struct {
	*etcd.Counter
	w *world
}

func (a advances) Advance(ctx context.Context, key allocator.Key, n int) (allocator.Range, error) {
	ids, err := a.Counter.Advance(ctx, key, n)
	a.w.advanced(key, n, ids, err)
	return ids, err
}

func (a advances) Start(adv *allocator.Advance) {
	adv.Done = &accounted{a.w, adv.Done}
	a.Counter.Start(adv)
}

// accounted stands between an advance and who is told of it.
type accounted struct {
	w    *world
	told allocator.Advancer
}

func (h *accounted) Advanced(a *allocator.Advance, ids allocator.Range, err error) {
	var lost *allocator.LostRace
	if errors.As(err, &lost) {
		h.w.advanced(a.Key, a.N, allocator.Range{}, nil)
	} else {
		h.w.advanced(a.Key, a.N, ids, err)
	}
	a.Done = h.told
	h.told.Advanced(a, ids, err)
}

// observedKV counts what a worker sees of etcd.
type observedKV struct {
	pb.KVClient
	tally *tally
}

func (kv *observedKV) Txn(ctx context.Context, in *pb.TxnRequest, _ ...grpc.CallOption) (*pb.TxnResponse, error) {
	out, err := kv.KVClient.Txn(ctx, in)
	switch {
	case errors.Is(err, rpctypes.ErrGRPCTooManyOps):
		kv.tally.add("too large") // and has done nothing: no gap may come of it
	case err != nil:
		kv.tally.add("ambiguous")
		kv.tally.n["ambiguous puts"].Add(int64(countPuts(in)))
	case !out.Succeeded:
		kv.tally.add("race lost")
	}
	if err == nil && len(out.Responses) > 1 {
		kv.tally.add("shared")
	}
	for _, r := range out.GetResponses() {
		if nested := r.GetResponseTxn(); nested != nil {
			kv.tally.add("nested")
			if !nested.Succeeded {
				kv.tally.add("race lost")
			}
		}
	}
	return out, err
}

func countPuts(in *pb.TxnRequest) (n int) {
	for _, op := range in.Success {
		if nested := op.GetRequestTxn(); nested != nil {
			n += countPuts(nested)
		} else if op.GetRequestPut() != nil {
			n++
		}
	}
	return n
}

// ask sends an advance to a rival. A message takes some time, and now and then
// too much, or for ever.
func (sw *simWorker) ask(ctx context.Context, rival string, key allocator.Key, n int) (allocator.Range, error) {
	d := dice(sw.plan.seed, sw.id+" ask", int(sw.asks.Add(1)))
	there, back := upTo(d, 200*time.Microsecond), upTo(d, 200*time.Microsecond)
	if d.IntN(100) < sw.plan.faulty && !sw.quiet.Load() {
		there, back = upTo(d, 600*time.Millisecond), upTo(d, 600*time.Millisecond)
		sw.tally.add("peer slow")
	}
	a := &handed{back: back, answer: make(chan told, 1)}
	time.AfterFunc(there, func() { sw.worker(rival).handlePeer(a, key, n) })
	select {
	case o := <-a.answer:
		if o.err == nil {
			sw.tally.add("handed over")
		}
		return o.ids, o.err
	case <-ctx.Done():
		return allocator.Range{}, context.Cause(ctx)
	}
}

// handed is an advance that was handed over.
type handed struct {
	allocator.Request
	by     *simWorker
	back   time.Duration
	answer chan told // has room for the one answer
}

type told struct {
	ids allocator.Range
	err error
}

var errRefused = errors.New("gone, or not winning")

func (sw *simWorker) handlePeer(a *handed, key allocator.Key, n int) {
	if sw == nil || sw.crashed.Load() || sw.issuer.Rival(key) != "" {
		a.answer <- told{err: errRefused}
		return
	}
	a.by = sw
	a.Request = allocator.Request{Key: key, N: n, Deadline: time.Now().Add(allocator.PeerTimeout), Waiter: a}
	sw.issuer.AllocateDirect(&a.Request)
}

// Allocated sends the answer on its way.
func (a *handed) Allocated(_ *allocator.Request, ids allocator.Range, err error) {
	if !a.by.crashed.Load() {
		time.AfterFunc(a.back, func() { a.answer <- told{ids, err} })
	}
}
