package etcd_test

import (
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

var (
	oneSeed = flag.Uint64("seed", 0, "run only this seed of TestSimulation, up to -repeat times; 0 means -seeds new ones")
	seeds   = flag.Int("seeds", 0, "how many new seeds TestSimulation runs; 0 means the fixed set and a few")
	repeat  = flag.Int("repeat", 20, "how often TestSimulation runs -seed, until it fails")
)

// The seeds that TestSimulation always runs are 1 to fixedSeeds.
const (
	fixedSeeds = 300
	freshSeeds = 30
)

// TestSimulation runs several workers, the Counter, Strong and Weak of each,
// against an etcd in memory that delays, drops, applies late, says it failed
// when it did not, and is put back to a backup; with callers in all modes,
// workers that crash and ones that hand batches over. Whatever happens, the
// promises hold.
//
// All choices come from a seed, and those of an actor from that seed, its name
// and its step alone. What the seed does not choose is which of several
// goroutines runs first that one event woke; on one processor that mostly comes
// out the same way. See TestSimulationIsRepeatable for how mostly.
func TestSimulation(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	total := newTally()
	start := time.Now()
	n := 0
	run := func(seed uint64) {
		w := simulate(t, seed)
		n++
		for name, count := range w.tally.n {
			total.n[name].Add(count.Load())
		}
	}
	switch {
	case *oneSeed != 0:
		for range *repeat {
			run(*oneSeed)
		}
	case *seeds != 0:
		for range *seeds {
			run(rand.Uint64())
		}
	default:
		for seed := range uint64(fixedSeeds) {
			run(seed + 1)
		}
		defer func() {
			for range freshSeeds {
				run(rand.Uint64())
			}
		}()
	}
	took := time.Since(start)
	t.Logf("%d seeds in %v, %.0f a minute", n, took.Round(time.Millisecond), float64(n)/took.Minutes())
	for _, name := range slices.Concat(happenings, faultNames) {
		t.Logf("%10d %s", total.n[name].Load(), name)
	}
	if *oneSeed != 0 || *seeds != 0 {
		return
	}
	for _, name := range slices.Concat(happenings, faultNames) {
		if least := max(leasts[name], 1); total.n[name].Load() < least {
			t.Errorf("%q happened %d times, want %d at least: that tests little", name, total.n[name].Load(), least)
		}
	}
}

// leasts is how often something must happen in the fixed set; 0 means once.
var leasts = map[string]int64{
	"ambiguous": 3000, "race lost": 3000, "ids during faults": 100_000, "handed over": 1000,
	"crash": 100, "stop": 100, "rewind": 50, "EXHAUSTED": 100, "FENCED": 100, "shared": 100, "nested": 100,
}

// simulate runs one seed, and ends the test if that fails.
func simulate(t *testing.T, seed uint64) (w *world) {
	defer func() {
		r := recover() // a deadlock, or a panic of the test's own goroutine
		if r != nil {
			t.Errorf("panic: %v\n%s", r, debug.Stack())
		}
		if t.Failed() {
			t.Fatalf("seed %d of kind %d failed; again: go test ./allocator/etcd -run 'TestSimulation$' -seed %d", seed, newPlan(seed).kind, seed)
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		w = newWorld(t, newPlan(seed))
		w.run()
		w.verdict()
	})
	return w
}

// fingerprint is equal for two runs in which the same happened.
func (w *world) fingerprint() uint64 {
	h := fnv.New64a()
	for _, op := range w.history.Ops() {
		fmt.Fprintln(h, op.Client, op.Key, op.Ids, op.Strong, op.Worker, op.Start, op.End)
	}
	for _, write := range w.server.Writes() {
		fmt.Fprintln(h, write)
	}
	return h.Sum64()
}
