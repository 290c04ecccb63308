package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// planLease decides whether store b is leased, by dice of its own: the others
// fall as they did before there were leases.
func (p *plan) planLease(d *rand.Rand) {
	if d.IntN(5) < 2 {
		return
	}
	p.lease = []time.Duration{200 * time.Millisecond, 300 * time.Millisecond, time.Second}[d.IntN(3)]
	p.skew = []float64{0, 0.08}[d.IntN(2)]
	p.rolling = p.kind != calm && d.IntN(4) == 0
	if p.maxOps > 0 {
		p.maxOps = max(p.maxOps, 3) // as many compares as a claim has
	}
}

// maxSkew is what S holds up to: see [record.Session].
const maxSkew = 0.1

// skewed reports whether S is not to be expected.
func (p *plan) skewed() bool { return p.skew > maxSkew }

func (p *plan) leased(key allocator.Key) bool { return p.lease > 0 && key.Store == "b" }

// leaseOf returns what a worker has leases of.
func (p *plan) leaseOf(number int) time.Duration {
	if p.rolling && number%2 == 0 {
		return 0
	}
	return p.lease
}

// rateOf returns how fast a worker's clock is.
func (p *plan) rateOf(number int) float64 {
	return 1 + p.skew*float64(dice(p.seed, "clock", number).IntN(3)-1)
}

// hotKey returns the one key that all ask for in a hot world.
func (p *plan) hotKey() allocator.Key {
	if p.leased(p.keys[1]) && p.seed%2 == 0 {
		return p.keys[1]
	}
	return p.keys[0]
}

// lessee is the part of a worker that keeps its lease.
type lessee struct {
	turn chan struct{} // taken for calls of Renew and LetGo: time passes while they wait, as it does not for a mutex
	left bool          // the worker has left the queue group: it does not renew
}

// keepLease renews while the worker serves.
func (sw *simWorker) keepLease() {
	for step := 0; ; step++ {
		sw.thaw()
		wait := sw.lease / 3
		if sw.cutOffPeers() {
			sw.tally.add("renewal held") // what it sends to itself does not come
			if dice(sw.plan.seed, sw.id+" lease", step).IntN(4) == 0 {
				sw.letGo(false)
			}
		} else if err := sw.renew(); err != nil {
			sw.tally.add("renewal lost")
			if !errors.Is(err, allocator.ErrFenced) {
				wait = sw.lease / 20
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-sw.ended:
			timer.Stop()
			return
		}
	}
}

func (sw *simWorker) renew() error {
	sw.lessee.turn <- struct{}{}
	defer func() { <-sw.lessee.turn }()
	if sw.lessee.left || sw.gone() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), sw.lease/3)
	defer cancel()
	err := sw.issuer.Renew(ctx)
	if err == nil {
		sw.tally.add("renewed")
		sw.renewed.Store(int64(time.Since(sw.began)))
	}
	return err
}

// letGo has others own what the worker owns; for good, if it leaves.
func (sw *simWorker) letGo(leaves bool) {
	if sw.lease == 0 {
		return
	}
	sw.lessee.turn <- struct{}{}
	defer func() { <-sw.lessee.turn }()
	sw.lessee.left = leaves
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if sw.issuer.LetGo(ctx) == nil {
		sw.tally.add("let go")
	}
}

// cutOffPeers: from other workers, in every fifth of a worker's seconds.
func (sw *simWorker) cutOffPeers() bool {
	second := int(time.Since(sw.began) / time.Second)
	return sw.plan.lease > 0 && !sw.quiet.Load() && sw.plan.faulty > 0 && dice(sw.plan.seed, sw.id+" peers", second).IntN(5) == 0
}

// trouble befalls a worker that owns keys, now and then.
func (w *world) trouble(ctx context.Context, i int) {
	for step := 0; ; step++ {
		d := dice(w.plan.seed, fmt.Sprint("trouble ", i), step)
		timer := time.NewTimer(upTo(d, 2*w.plan.lease))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		sw := w.slot(i)
		switch d.IntN(4) {
		case 0:
			sw.freeze(w.plan.lease/2 + upTo(d, w.plan.lease))
		case 1:
			sw.thaw()
			sw.letGo(false) // and it joins again at once
		case 2:
			w.tellToLetGo(sw, []string{record.AllKeys, "b/k0", "b/k1"}[d.IntN(3)])
		}
	}
}

const sessionsAt = "/seqd/v1/sessions/"

// tellToLetGo is an operator's word in a worker's session.
func (w *world) tellToLetGo(sw *simWorker, what string) {
	path := []byte(sessionsAt + sw.id)
	found, err := w.server.Range(&pb.RangeRequest{Key: path})
	if err != nil || len(found.Kvs) == 0 {
		return
	}
	session, err := record.DecodeSession(found.Kvs[0].Value)
	if err != nil {
		w.t.Error(err)
		return
	}
	session.LetGo = append(session.LetGo, what)
	out, err := w.server.Txn(&pb.TxnRequest{
		Compare: []*pb.Compare{{Key: path, Target: pb.Compare_MOD, TargetUnion: &pb.Compare_ModRevision{ModRevision: found.Kvs[0].ModRevision}}},
		Success: []*pb.RequestOp{{Request: &pb.RequestOp_RequestPut{RequestPut: &pb.PutRequest{Key: path, Value: []byte(session.Encode())}}}},
	})
	if err == nil && out.Succeeded {
		w.tally.add("told to let go")
	}
}

// recordIn reads a record; the zero value stands for none.
func recordIn(value string) record.Counter {
	rec, _ := record.DecodeCounter([]byte(value))
	return rec
}

// verdictOwners: whoever claims a key has a session then, and nobody writes the
// record of a key whose owner has one.
func (w *world) verdictOwners() {
	sessions := map[string]bool{}
	owners := map[string]string{}
	for _, write := range w.server.Writes() {
		if id, ok := strings.CutPrefix(write.Path, sessionsAt); ok {
			if sessions[id] = write.Value != ""; !sessions[id] {
				w.tally.add("session ended")
			}
			continue
		}
		if !strings.HasPrefix(write.Path, recordsAt) {
			continue
		}
		rec, owner := recordIn(write.Value), owners[write.Path]
		if owner != "" && owner != rec.By && sessions[owner] {
			w.t.Errorf("%s writes %s at revision %d, and its owner %s has a session", rec.By, write.Path, write.Rev, owner)
		}
		if rec.Owner != "" && !sessions[rec.Owner] {
			w.t.Errorf("%s claims %s at revision %d, and has no session", rec.Owner, write.Path, write.Rev)
		}
		owners[write.Path] = rec.Owner
	}
}

// checkStrong is CheckStrong where S is to be expected.
func (w *world) checkStrong(ops []allocatortest.Op) error {
	err := allocatortest.CheckStrong(ops)
	if err != nil && w.plan.skewed() {
		w.disorder = err
		return nil
	}
	return err
}
