package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
	number   int // from 1; as a Worker of the history's ops
	id       string
	lease    time.Duration // of the leased store; 0: this one knows no leases
	rate     float64       // of its clock
	counter  *etcd.Counter
	issuer   *allocator.Issuer
	crashed  atomic.Bool   // what it says from now on, nobody hears
	drains   atomic.Bool   // it takes no requests of other workers
	revoked  atomic.Bool   // what it had reserved; as nobody jumps, for good
	severed  atomic.Bool   // from etcd and from other workers
	loseNext atomic.Bool   // the answer to its next call of etcd
	ended    chan struct{} // closed when it stops or crashes
	lessee   lessee

	frozenUntil      atomic.Int64 // ns after the world began
	freezeNext       atomic.Int64 // ns, when its next renewal's answer is there; 0: no
	renewed          atomic.Int64 // ns after the world began: the latest renewal
	pauses, messages atomic.Int64 // so far, to number the dice
}

func newSimWorker(w *world, number int) *simWorker {
	sw := &simWorker{world: w, number: number, id: fmt.Sprint("w", number), ended: make(chan struct{})}
	sw.lessee.turn = make(chan struct{}, 1)
	sw.lease, sw.rate = w.plan.leaseOf(number), w.plan.rateOf(number)
	client := etcdsim.NewClient(w.server, sw.script)
	kv := &observedKV{KVClient: client, LeaseClient: client, tally: &w.tally, sw: sw}
	sw.counter = etcd.NewCounterOn(kv, sw.jitter, etcd.Config{
		Writer: sw.id,
		Floor:  func(key allocator.Key) int64 { return w.plan.floors[key] },
		Lease:  sw.lease,
		Now:    sw.now,

		Counting: w.counting,
	})
	sw.issuer = allocator.NewIssuer(advances{sw.counter, w}, allocator.IssuerConfig{
		Peers:    w.plan.peers,
		MaxKeys:  w.plan.maxKeys,
		Segments: func(allocator.Key) allocator.Segments { return w.plan.segments },
		Observer: observer{w},
		Revoked: func() {
			w.tally.add("revoked")
			sw.revoked.Store(true)
		},
		Now: sw.now,
	})
	if sw.lease > 0 {
		go sw.keepLease()
	}
	return sw
}

// now is the worker's clock.
func (sw *simWorker) now() time.Time {
	return sw.began.Add(time.Duration(float64(time.Since(sw.began)) * sw.rate))
}

// thaw returns when the worker does not stand still.
func (sw *simWorker) thaw() {
	for left := sw.frozen(); left > 0; left = sw.frozen() {
		time.Sleep(left)
	}
}

// whenThawed does what a worker does, which it can't while it stands still.
func (sw *simWorker) whenThawed(do func()) {
	if left := sw.frozen(); left > 0 {
		time.AfterFunc(left, func() { sw.whenThawed(do) })
		return
	}
	do()
}

func (sw *simWorker) frozen() time.Duration {
	return time.Duration(sw.frozenUntil.Load()) - time.Since(sw.began)
}

func (sw *simWorker) freeze(d time.Duration) {
	sw.frozenUntil.Store(int64(time.Since(sw.began) + d))
	sw.tally.add("frozen")
}

// script says how a call of etcd goes. Besides single faults a worker is now and
// then cut off for a while.
func (sw *simWorker) script(call etcdsim.Call) etcdsim.Fault {
	if sw.severed.Load() {
		sw.tally.add("cut off")
		return etcdsim.Fault{Outcome: etcdsim.Dropped}
	}
	d := dice(sw.plan.seed, sw.id+" etcd", call.Seq)
	if sw.loseNext.Swap(false) {
		return etcdsim.Fault{Outcome: etcdsim.Lost}
	}
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

// freezeIfRenewed has the worker stand still between a renewal and its taking
// note of the answer.
func (sw *simWorker) freezeIfRenewed(in *pb.TxnRequest) {
	if len(in.Compare) > 0 && string(in.Compare[0].Key) == sessionsAt+sw.id {
		if d := sw.freezeNext.Swap(0); d > 0 {
			sw.freeze(time.Duration(d))
		}
	}
}

// stop ends the process as a drain does: what others may own, they own at once.
func (sw *simWorker) stop() {
	sw.thaw()
	sw.drains.Store(true)
	close(sw.ended)
	sw.letGo(true)
	sw.issuer.Stop()
	sw.counter.Close()
}

// crash ends the process: what it has sent may still be applied, and nothing it
// says is heard.
func (sw *simWorker) crash() {
	sw.crashed.Store(true)
	close(sw.ended)
	sw.counter.Close()
	sw.issuer.Stop()
}

// observer counts what an Issuer and a Counter tell.
type observer struct{ *world }

func (o observer) Batch(string, int, int) {}
func (o observer) Segment(string, int)    {}

func (o observer) Skipped(_ string, _ int, why allocator.Gap) {
	switch why {
	case allocator.GapTenure:
		o.tally.add("tenure over")
	case allocator.GapPeriod:
		o.tally.add("period over")
	case allocator.GapOvertaken:
		o.tally.add("overtaken")
	}
}

func (o observer) TookOver(_ string, why allocator.Takeover) {
	o.tally.add(map[allocator.Takeover]string{allocator.TakeoverGone: "taken over, gone", allocator.TakeoverStood: "taken over, stood still"}[why])
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
	h.w.answered(a)
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
	pb.LeaseClient
	tally *tally
	sw    *simWorker
}

func (kv *observedKV) LeaseGrant(ctx context.Context, in *pb.LeaseGrantRequest, _ ...grpc.CallOption) (*pb.LeaseGrantResponse, error) {
	kv.sw.thaw()
	out, err := kv.LeaseClient.LeaseGrant(ctx, in)
	kv.sw.thaw()
	if err != nil {
		return out, err
	}
	kv.tally.add("answers' lease")
	if d := dice(kv.sw.plan.seed, kv.sw.id+" lease of answers", int(out.ID)); !kv.sw.quiet.Load() && d.IntN(100) < kv.sw.plan.faulty {
		if _, err := kv.sw.server.LeaseRevoke(&pb.LeaseRevokeRequest{ID: out.ID}); err != nil && !kv.sw.rewound.Load() { // nothing has it yet, and a restored etcd perhaps has not got it
			kv.sw.t.Error(err)
		}
	}
	return out, nil
}

func (kv *observedKV) Txn(ctx context.Context, in *pb.TxnRequest, _ ...grpc.CallOption) (*pb.TxnResponse, error) {
	kv.sw.thaw()
	out, err := kv.KVClient.Txn(ctx, in)
	kv.sw.freezeIfRenewed(in)
	kv.sw.thaw()
	switch {
	case errors.Is(err, rpctypes.ErrGRPCLeaseNotFound):
		kv.tally.add("answers' lease gone") // and has done nothing
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
		} else if put := op.GetRequestPut(); put != nil && !strings.HasPrefix(string(put.Key), answersAt) {
			n++
		}
	}
	return n
}
