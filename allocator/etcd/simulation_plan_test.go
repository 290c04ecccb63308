package etcd_test

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/etcdsim"
)

// plan is what a seed decides before anything happens.
type plan struct {
	seed     uint64
	kind     kind
	workers  int
	callers  int
	rounds   int // of each caller
	keys     []allocator.Key
	starts   map[allocator.Key]int64 // marks there are at the beginning; absent: no record
	floors   map[allocator.Key]int64
	peers    bool // workers hand batches over
	maxKeys  int
	segments allocator.Segments
	latency  time.Duration // of etcd, there and back, at most
	faulty   int           // of 100 calls of etcd
	restarts bool
	strong   bool // only strong requests, that nobody gives up
	hot      bool // one key, strong and impatient callers who do not pause, a slow etcd
	cluster  uint64
	maxOps   int // etcd's --max-txn-ops; 0: its default

	lease   time.Duration // of store b; 0: it has none
	rolling bool          // some workers know no leases, and others do
	skew    float64       // by how much a clock may be fast or slow

	once   int           // of 100 requests, those that are made once
	period time.Duration // of the keys that count in periods; 0: none does
	apart  time.Duration // the clocks that periods are told by
	limits map[allocator.Key]int64
}

// kind is what a seed is about.
type kind int

const (
	calm    kind = iota // no faults: ids must be dense
	faulty              // everything but the following
	ending              // keys near math.MaxInt64
	rewound             // etcd is put back to a snapshot
)

func newPlan(seed uint64) plan {
	d := dice(seed, "plan", 0)
	p := plan{
		seed:     seed,
		kind:     []kind{calm, faulty, faulty, faulty, faulty, faulty, faulty, ending, rewound, rewound}[seed%10],
		workers:  2 + d.IntN(3),
		callers:  4 + d.IntN(9),
		rounds:   8 + d.IntN(12),
		starts:   map[allocator.Key]int64{},
		floors:   map[allocator.Key]int64{},
		peers:    d.IntN(3) > 0,
		maxKeys:  1 + d.IntN(12),
		segments: allocator.Segments{Min: 1 + d.IntN(10), Max: 10 + d.IntN(90), Runway: time.Duration(1+d.IntN(100)) * time.Millisecond},
		latency:  []time.Duration{200 * time.Microsecond, time.Millisecond, 10 * time.Millisecond}[d.IntN(3)],
		faulty:   []int{5, 20, 50}[d.IntN(3)],
		restarts: d.IntN(2) == 0,
		cluster:  1,
	}
	if o := dice(seed, "plan", 1); o.IntN(3) == 0 { // dice of its own: the others fall as they did before there was this
		p.maxOps = 1 + o.IntN(6)
	}
	p.planLease(dice(seed, "plan", 2))
	p.planNumbers(dice(seed, "plan", 3))
	names := 1 + d.IntN(5)
	if p.kind == faulty && d.IntN(3) == 0 {
		p.hot, names, p.latency, p.rounds = true, 1, 10*time.Millisecond, 2*p.rounds
	}
	for i := range names {
		for _, store := range []string{"a", "b"} { // one name in two stores is two counters
			key := allocator.Key{Store: store, Name: fmt.Sprint("k", i)}
			p.keys = append(p.keys, key)
			switch {
			case p.kind == ending:
				p.starts[key] = math.MaxInt64 - d.Int64N(2000)
			case d.IntN(3) == 0:
				p.starts[key] = d.Int64N(1 << 40)
			}
			if d.IntN(4) == 0 {
				p.floors[key] = d.Int64N(1 << 41)
			}
		}
	}
	p.planLimits(dice(seed, "plan", 4))
	switch p.kind {
	case calm:
		p.faulty, p.restarts, p.strong = 0, false, d.IntN(2) == 0
	case rewound:
		// A worker that starts after the rewind knows nothing of what was before.
		p.restarts = false
		switch d.IntN(3) {
		case 0:
			p.workers = 1
		case 1:
			p.cluster = 2
		}
	}
	return p
}

// dice returns a source of choices for one step of one actor, so that what an
// actor chooses does not depend on when others do.
func dice(seed uint64, actor string, step int) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(actor))
	return rand.New(rand.NewPCG(seed, h.Sum64()+uint64(step)*0x9e3779b97f4a7c15))
}

// upTo returns a duration of at least one nanosecond; no two are likely to be
// equal, so that no two things happen at one instant.
func upTo(d *rand.Rand, limit time.Duration) time.Duration {
	return 1 + time.Duration(d.Int64N(int64(limit)))
}

// faultNames are what a call of etcd can suffer, in the order fault draws them.
var faultNames = []string{
	"slow", "request dropped", "response dropped", "applied late", "refused", "no space, refused",
	"no space, applied", "unavailable, applied", "leader changed, applied later", "sent twice",
}

// fault draws one of faultNames.
func (p plan) fault(d *rand.Rand) (etcdsim.Fault, int) {
	f := p.healthy(d)
	which := d.IntN(len(faultNames))
	switch faultNames[which] {
	case "slow":
		f.Before, f.After = upTo(d, 300*time.Millisecond), upTo(d, 300*time.Millisecond)
	case "request dropped":
		f.Outcome = etcdsim.Dropped
	case "response dropped":
		f.Outcome = etcdsim.Lost
	case "applied late":
		f.Before = time.Second + upTo(d, 10*time.Second) // long after its caller gave up
	case "refused":
		f.Outcome, f.Err = etcdsim.Refused, status.Error(codes.Unavailable, "connection refused")
	case "no space, refused":
		f.Outcome, f.Err = etcdsim.Refused, rpctypes.ErrGRPCNoSpace
	case "no space, applied":
		f.Outcome, f.Err = etcdsim.Denied, rpctypes.ErrGRPCNoSpace
	case "unavailable, applied":
		f.Outcome, f.Err = etcdsim.Denied, status.Error(codes.Unavailable, "transport is closing")
	case "leader changed, applied later":
		f.Outcome, f.Err, f.Before = etcdsim.Deferred, rpctypes.ErrGRPCLeaderChanged, upTo(d, 5*time.Second)
	case "sent twice":
		f.Outcome = etcdsim.Repeated
	}
	return f, which
}

func (p plan) healthy(d *rand.Rand) etcdsim.Fault {
	return etcdsim.Fault{Before: upTo(d, p.latency), After: upTo(d, p.latency)}
}
