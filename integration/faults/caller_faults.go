package faults

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/subjects"
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
		name:    "one store asks for more than there is",
		promise: "it is BUSY, and no other store is",
		plan:    plan{config: fmt.Sprintf("max_waiting: %d", greedyPlaces)},
		inject:  askGreedily,
		shown:   func(f figures) error { return atLeast(f.outcomes["BUSY"], 100, "requests answered BUSY") },
		limits: limits{
			outcomes: "no answer, BUSY, EXPIRED, UNAVAILABLE", leased: "EXPIRED, UNAVAILABLE", failedCalls: true,
			strongGap: 6 * time.Second, weakGap: 6 * time.Second, leasedGap: 6 * time.Second, normal: 4 * time.Second, ambiguous: true,
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
	{
		name:    "a million names of 200 bytes",
		promise: "the same of the longest names that there are",
		plan:    plan{config: fmt.Sprintf("max_keys: %d", maxKeys)},
		inject:  manyLongNames,
		shown:   func(f figures) error { return atLeast(f.during, distinctKeys, "requests") },
		limits: limits{
			outcomes:  "no answer, BUSY, EXPIRED, UNAVAILABLE",
			strongGap: 5 * time.Second, weakGap: 5 * time.Second, leasedGap: 5 * time.Second, normal: 3 * time.Second, ambiguous: true,
		},
	},
	{
		name:    "a hundred thousand distinct stores",
		promise: "the same where every store is served: what a worker says of itself does not grow with the names that callers think of",
		plan:    plan{config: fmt.Sprintf("  \"*\": {}\nmax_keys: %d", fewKeys)},
		inject:  manyStores,
		shown:   func(f figures) error { return atLeast(f.during, distinctStores, "requests") },
		limits: limits{
			outcomes:  "no answer, BUSY, EXPIRED, UNAVAILABLE",
			strongGap: 5 * time.Second, weakGap: 5 * time.Second, leasedGap: 5 * time.Second, normal: 3 * time.Second, ambiguous: true,
		},
	},
}

const (
	distinctStores = 100_000
	fewKeys        = 20_000 // that a worker holds, while there are many stores
)

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
	rate, worst := r.askOnce(distinctKeys, func(k int64) allocator.Key {
		key := allocator.Key{Store: "orders", Name: fmt.Sprintf("k%07d", k)}
		if k%4 < 2 {
			key.Store = leasedStore
		}
		return key
	})
	r.notef("%.0f keys/s, a worker takes %d MB at most", rate, worst)
}

// manyLongNames does so for names of which each is as long as a name may be.
func manyLongNames(r *run) {
	said := r.metrics()
	filler := strings.Repeat("x", subjects.MaxKeyLen-len("k0000000"))
	rate, worst := r.askOnce(distinctKeys, func(k int64) allocator.Key {
		return allocator.Key{Store: "orders", Name: fmt.Sprintf("k%07d", k) + filler}
	})
	after := r.metrics()
	r.checkf(after < 2*said, "a worker's metrics have %d bytes, and had %d", after, said)
	r.notef("%.0f keys/s, a worker takes %d MB at most", rate, worst)
}

// manyStores asks once for a key of each of many stores.
func manyStores(r *run) {
	said := r.metrics()
	rate, worst := r.askOnce(distinctStores, func(k int64) allocator.Key {
		return allocator.Key{Store: fmt.Sprintf("s%07d", k), Name: "k"}
	})
	after := r.metrics()
	r.checkf(after < 2*said, "a worker's metrics have %d bytes, and had %d", after, said)
	r.notef("%.0f stores/s, a worker takes %d MB at most; its metrics have %d KB, and had %d", rate, worst, after>>10, said>>10)
}

// metrics returns how many bytes a worker's metrics have.
func (r *run) metrics() int {
	client := http.Client{Timeout: 10 * time.Second}
	resp, err := client.Get("http://" + r.workers[0].http + "/metrics")
	if err != nil {
		r.Fatal(err)
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil {
		r.Fatal(err)
	}
	return int(n)
}

// askOnce asks for an id of each of n keys, again if there is none. It returns how many that were in a second,
// and how many MB the worker takes that takes most.
func (r *run) askOnce(n int64, key func(int64) allocator.Key) (rate float64, worst int) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for i := range keyCallers {
		c := r.load.conns[i%len(r.load.conns)]
		wg.Go(func() {
			for {
				k := next.Add(1)
				if k > n {
					return
				}
				a := ask{n: 1}
				a.Client, a.Strong, a.Key = extraCaller+i, k%5 == 0, key(k)
				for !c.askFor(a, manyKeysPatience, 0) && r.Context().Err() == nil {
					r.during(100 * time.Millisecond)
				}
			}
		})
	}
	start := time.Now()
	wg.Wait()
	took := time.Since(start)
	for _, w := range r.workers {
		worst = max(worst, w.rss(r))
	}
	r.checkf(worst <= maxRSS, "a worker takes %d MB, more than %d", worst, maxRSS)
	return float64(n) / took.Seconds(), worst
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
