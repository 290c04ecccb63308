package etcd_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// ownersWorld is one with a hot leased key, and nothing else the matter.
func ownersWorld(seed uint64, lease time.Duration) plan {
	key := allocator.Key{Store: "b", Name: "k"}
	return plan{
		seed: seed, kind: faulty, workers: 3, keys: []allocator.Key{key}, starts: map[allocator.Key]int64{}, floors: map[allocator.Key]int64{},
		peers: true, maxKeys: 10, segments: allocator.Segments{Min: 5, Max: 50, Runway: 20 * time.Millisecond},
		latency: time.Millisecond, cluster: 1, lease: lease,
	}
}

// lookTime is about half of the time between two looks at a session.
const lookTime = 120 * time.Millisecond

// The owner stands still, at any time between two renewals, for about as long as
// its lease is, while others wait to take over and requests wait for it to wake.
func TestOwnerFreezes(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	total := newTally()
	for _, lease := range []time.Duration{200 * time.Millisecond, time.Second} {
		// Where the lease ends, and where somebody takes over who has waited for a word
		// and then watched the session.
		for _, about := range []time.Duration{lease, wordTimeout + (record.Session{Lease: lease}).ChallengerWaits() + lookTime} {
			for by := -50 * time.Millisecond; by <= 50*time.Millisecond; by += 10 * time.Millisecond {
				for phase := range 4 {
					synctest.Test(t, func(t *testing.T) {
						w := newWorld(t, ownersWorld(uint64(1+phase), lease))
						w.freezeOwner(about+by, lease/3*time.Duration(phase)/3, phase == 3)
						w.verdict()
						total.addAll(w.tally)
					})
					if t.Failed() {
						t.Fatalf("frozen for %v of a lease of %v, phase %d", about+by, lease, phase)
					}
				}
			}
		}
	}
	for name, least := range map[string]int64{"taken over, stood still": 20, "tenure over": 20, "ids": 50_000, "frozen": 176} {
		if n := total.n[name].Load(); n < least {
			t.Errorf("%q happened %d times, want %d at least: that tests little", name, n, least)
		} else {
			t.Logf("%q: %d", name, n)
		}
	}
}

// An owner that was deposed while it stood still, and was asked for nothing before
// it had a new session, holds ids of a window that is below its successor's. It
// issues none of them, neither then nor when the key is its own again.
func TestDeposedOwnerComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, ownersWorld(1, 200*time.Millisecond))
		ask := func(worker int) {
			t.Helper()
			a := w.ask("", 0, worker, w.plan.keys[0], strong, 1, 10*time.Second)
			if <-a.done; a.err != nil {
				t.Fatal(a.err)
			}
		}
		time.Sleep(w.plan.lease)
		ask(0)
		w.slot(0).freeze(5 * time.Second)
		ask(1)
		if n := w.tally.n["taken over, stood still"].Load(); n != 1 {
			t.Fatalf("%d keys were taken over, want 1", n)
		}
		w.slot(0).thaw()
		time.Sleep(w.plan.lease / 4) // it has renewed once, and not let go of the key as unused
		ask(0)
		w.slot(1).letGo(true)
		ask(0)
		if owner := recordIn(w.server.Value(pathOf(w.plan.keys[0]))).Owner; owner != w.slot(0).id {
			t.Errorf("%s owns the key, want the first one", owner)
		}
		w.quiet.Store(true)
		w.stopAll()
		w.verdict()
	})
}

// freezeOwner freezes the key's owner once, for d, after a phase, or then when the
// answer to its next renewal comes.
func (w *world) freezeOwner(d, phase time.Duration, renewing bool) {
	key := w.plan.keys[0]
	time.Sleep(w.plan.lease) // all have sessions
	<-w.ask("first", 0, 0, key, strong, 1, time.Minute).done
	var all sync.WaitGroup
	all.Go(func() {
		time.Sleep(2*w.plan.lease + phase)
		if renewing {
			w.slot(0).freezeNext.Store(int64(d))
		} else {
			w.slot(0).freeze(d)
		}
	})
	w.askForAWhile(&all, 5*w.plan.lease)
	all.Wait()
	w.quiet.Store(true)
	time.Sleep(5 * time.Second)
	w.finalRequests()
	w.stopAll()
}

// askForAWhile has callers ask all workers, for one key, a few at a time.
func (w *world) askForAWhile(all *sync.WaitGroup, d time.Duration) {
	end := time.Now().Add(d)
	for c := range 6 {
		all.Go(func() {
			for step := 0; time.Now().Before(end); step++ {
				d := dice(w.plan.seed, fmt.Sprint("asking ", c), step)
				a := w.ask("", c, d.IntN(w.plan.workers), w.plan.keys[0], []mode{strong, weak}[d.IntN(2)], 1+d.IntN(3), time.Second)
				patience := time.NewTimer(upTo(d, 50*time.Millisecond))
				select {
				case <-a.done:
				case <-patience.C: // it asks another one, though this one may still answer
				}
				patience.Stop()
				time.Sleep(upTo(d, w.plan.lease/10))
			}
		})
	}
}

func (w *world) stopAll() {
	for _, sw := range w.current {
		sw.stop()
	}
	time.Sleep(20 * time.Second)
	synctest.Wait()
}

// Clocks whose rates differ by 8 % both ways do no harm. With 30 % S breaks, and
// the checks see it; U rests on no clock.
func TestClocksThatDiffer(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, skew := range []float64{0.08, 0.3} {
		t.Run(fmt.Sprint(skew), func(t *testing.T) {
			broken, total := 0, newTally()
			for seed := range uint64(30) {
				synctest.Test(t, func(t *testing.T) {
					p := ownersWorld(seed+1, 3*time.Second)
					p.skew, p.segments = skew, allocator.Segments{Min: 1000, Max: 1000} // enough to go on for a lease
					w := newWorld(t, p)
					w.cutOwnersOff(seed)
					w.verdict()
					if w.disorder != nil {
						broken++
					}
					total.addAll(w.tally)
				})
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
			t.Logf("S is broken in %d of 30 runs, with %d keys taken over from who stood still", broken, total.n["taken over, stood still"].Load())
			if n := total.n["taken over, stood still"].Load(); n < 30 {
				t.Errorf("%d takeovers: that tests little", n)
			}
			if p := (plan{skew: skew}); (broken > 0) != p.skewed() {
				t.Errorf("S is broken in %d runs", broken)
			}
		})
	}
}

// cutOwnersOff cuts one owner after the other off from etcd and from its peers.
func (w *world) cutOwnersOff(seed uint64) {
	time.Sleep(w.plan.lease)
	var all sync.WaitGroup
	w.askForAWhile(&all, 10*w.plan.lease)
	all.Go(func() {
		for step := range 3 {
			time.Sleep(2*w.plan.lease + upTo(dice(seed, "cut", step), w.plan.lease))
			owner := w.worker(recordIn(w.server.Value(pathOf(w.plan.keys[0]))).Owner)
			if owner == nil {
				continue
			}
			owner.severed.Store(true)
			time.Sleep(2 * w.plan.lease)
			owner.severed.Store(false)
		}
	})
	all.Wait()
	w.quiet.Store(true)
	time.Sleep(5 * time.Second)
	w.finalRequests()
	w.stopAll()
}
