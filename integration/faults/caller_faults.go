package faults

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seqd-io/seqd/allocator"
)

// callerFaults are done by callers.
var callerFaults = []fault{
	{
		name:    "client retry storm",
		promise: "past the queue's bound BUSY at once, and every request is answered; ids flow as before as soon as etcd is back",
		plan:    plan{config: "max_waiting: 128"},
		inject:  storm,
		shown: func(f figures) error {
			return errors.Join(atLeast(f.outcomes["BUSY"], 100, "requests answered BUSY"), gapAtLeast(f.strongGap, election/2))
		},
		limits: limits{
			outcomes:  "no answer, EXPIRED, UNAVAILABLE, BUSY, no responders",
			strongGap: 6 * time.Second, weakGap: 5 * time.Second, leasedGap: 6 * time.Second, normal: 4 * time.Second, ambiguous: true,
		},
	},
	{
		name:    "a million distinct keys",
		promise: "workers' memory stays within its bound; the hot keys go on",
		plan:    plan{config: fmt.Sprintf("max_keys: %d", maxKeys)},
		inject:  manyKeys,
		shown:   func(f figures) error { return atLeast(f.during, distinctKeys, "requests") },
		limits: limits{
			outcomes:  "no answer, BUSY, EXPIRED, UNAVAILABLE",
			strongGap: 5 * time.Second, weakGap: 5 * time.Second, leasedGap: 5 * time.Second, normal: 3 * time.Second, ambiguous: true,
		},
	},
}

const (
	stormers      = 300
	stormPatience = 50 * time.Millisecond
	stormPause    = 10 * time.Millisecond // of a caller, after a failure or a success
)

// storm has impatient callers ask again and again, each time as if it were the
// first, while etcd has no leader.
func storm(r *run) {
	var ended atomic.Bool
	var wg sync.WaitGroup
	for i := range stormers {
		c := r.load.conns[i%len(r.load.conns)]
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(rand.Uint64(), uint64(i)))
			said := stormPatience * time.Duration(i%2) // half of them do not say that they won't wait
			for !ended.Load() {
				c.askFor(pickAny(rnd, extraCaller+i), stormPatience, said)
				time.Sleep(stormPause)
			}
		})
	}
	r.during(2 * time.Second)
	leader := r.etcd.leader(r)
	leader.kill()
	r.during(4 * time.Second)
	leader.start(r)
	r.during(2 * time.Second)
	ended.Store(true)
	wg.Wait()
	r.notef("%d callers with %v patience", stormers, stormPatience)
}

const (
	distinctKeys = 1_000_000
	keyCallers   = 1024
	maxKeys      = 100_000 // that a worker holds
	maxRSS       = 250     // MB, of a worker

	manyKeysPatience = 5 * time.Second
)

// manyKeys asks once for each of many keys, now and then in STRONG mode.
func manyKeys(r *run) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for i := range keyCallers {
		c := r.load.conns[i%len(r.load.conns)]
		wg.Go(func() {
			for {
				k := next.Add(1)
				if k > distinctKeys {
					return
				}
				a := ask{n: 1}
				a.Client, a.Strong = extraCaller+i, k%5 == 0
				a.Key = allocator.Key{Store: "orders", Name: fmt.Sprintf("k%07d", k)}
				if k%4 < 2 {
					a.Key.Store = leasedStore
				}
				c.askFor(a, manyKeysPatience, 0)
			}
		})
	}
	start := time.Now()
	wg.Wait()
	took := time.Since(start)
	worst := 0
	for _, w := range r.workers {
		worst = max(worst, w.rss(r))
	}
	r.checkf(worst <= maxRSS, "a worker takes %d MB, more than %d", worst, maxRSS)
	r.notef("%.0f keys/s, a worker takes %d MB at most", distinctKeys/took.Seconds(), worst)
}

// rss returns how much memory the process takes, in MB.
func (p *process) rss(r *run) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid()))
	if err != nil {
		r.Fatal(err)
	}
	_, after, _ := strings.Cut(string(b), "VmRSS:")
	var kb int
	fmt.Sscan(after, &kb)
	return kb >> 10
}
