package worker

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/internal/histogram"
	"github.com/seqd-io/seqd/subjects"
)

// lane is the way a request takes through the worker.
type lane uint8

const (
	noLane     lane = iota // refused before its mode was known or allowed
	weakFast               // ids were in memory
	weakSlow               // they were not: it waits for a segment
	strongLane             // it waits for an advance
	strongFast             // the key is owned, and ids were in memory
	lanes
)

func (l lane) mode() string { return [lanes]string{"none", "weak", "weak", "strong", "strong"}[l] }
func (l lane) path() string { return [lanes]string{"none", "fast", "slow", "slow", "fast"}[l] }

// slowLane returns the lane of a request that the fast path can't serve.
func slowLane(mode subjects.Mode) lane {
	if mode == subjects.Weak {
		return weakSlow
	}
	return strongLane
}

// fast returns the lane of a request that goes the slow one no further.
func (l lane) fast() lane {
	if l == weakSlow {
		return weakFast
	}
	return strongFast
}

// codes are those that are counted.
var codes = [...]subjects.Code{
	subjects.BadRequest, subjects.Fenced, subjects.Busy, subjects.Internal,
	subjects.Unavailable, subjects.Expired, subjects.Exhausted,
}

// stats are a store's counters since the worker started. They only grow. An
// answer with ids costs three atomic additions, on the fast path too.
type stats struct {
	answers [lanes]histogram.Durations // requests answered with ids: how long they took
	ids     [lanes]atomic.Int64        // in these answers

	failures    [lanes][len(codes)]atomic.Int64 // requests answered with an error
	failedNanos atomic.Int64                    // from arrival to answer, summed
	lastError   atomic.Pointer[string]

	batches    histogram.Sizes // requests in a batch
	segments   atomic.Int64
	segmentIDs atomic.Int64
	skipped    [allocator.Gaps]atomic.Int64 // ids
	takeovers  [allocator.Takeovers]atomic.Int64
	unleased   atomic.Int64                       // requests refused for want of an owner
	replayed   atomic.Int64                       // repeats, answered with the ids of the request before
	waits      [allocator.WaitCauses]atomic.Int64 // requests that waited for a segment
	waitNanos  [allocator.WaitCauses]atomic.Int64

	nearlyExhausted atomic.Int64 // keys seen past 90 % of all ids
	highest         atomic.Int64 // id issued, as saw keeps it
}

func (s *stats) answered(l lane, ids int, took time.Duration) {
	s.answers[l].Observe(took)
	s.ids[l].Add(int64(ids))
}

func (s *stats) failed(l lane, e *subjects.Error, took time.Duration) {
	for i, code := range codes {
		if code == e.Code {
			s.failures[l][i].Add(1)
		}
	}
	s.failedNanos.Add(int64(took))
	text := e.Error()
	s.lastError.Store(&text)
}

func (s *stats) waited(why allocator.WaitCause, took time.Duration) {
	s.waits[why].Add(1)
	s.waitNanos[why].Add(int64(took))
}

// sawStep is how much higher an id must be to be noted, below the level that
// headroom warns at: a key's every answer would else write to memory that all
// cores share. It is a ten-millionth of all ids.
const sawStep = 1 << 40

// saw notes that ids up to last are issued.
func (s *stats) saw(last int64) {
	highest := s.highest.Load()
	if last-highest < sawStep && last <= math.MaxInt64/100*90 {
		return
	}
	for last > highest && !s.highest.CompareAndSwap(highest, last) {
		highest = s.highest.Load()
	}
}

// left returns how many ids the key with the fewest has left, of those that were
// asked for since the start, give or take sawStep.
func (s *stats) left() int64 { return math.MaxInt64 - s.highest.Load() }

// issued returns how many ids were issued.
func (s *stats) issued() (n int64) {
	for i := range s.ids {
		n += s.ids[i].Load()
	}
	return n
}

// errors returns how many requests were answered with an error.
func (s *stats) errors() (n int64) {
	for l := range s.failures {
		for i := range s.failures[l] {
			n += s.failures[l][i].Load()
		}
	}
	return n
}

// byCode returns how many requests were answered with each error that was given
// at all.
func (s *stats) byCode() map[string]int64 {
	all := map[string]int64{}
	for i, code := range codes {
		for l := range s.failures {
			if n := s.failures[l][i].Load(); n > 0 {
				all[string(code)] += n
			}
		}
	}
	return all
}

// took returns how many answers with ids took how long, in the buckets that
// TookBound bounds, up to the last one that is not empty.
func (s *stats) took() (all []uint64) {
	for i := range s.answers {
		for j, n := range s.answers[i].Counts() {
			if n == 0 {
				continue
			}
			for len(all) <= j {
				all = append(all, 0)
			}
			all[j] += n
		}
	}
	return all
}

// TookBound returns how long the answers took at most that EndpointData.Took[i]
// counts: 10 µs, 20 µs, 40 µs and so on. It is math.MaxInt64 for the last one.
func TookBound(i int) time.Duration { return histogram.DurationBound(i) }

// requests returns how many requests were answered, and how long they took in
// sum.
func (s *stats) requests() (n int64, took time.Duration) {
	n, took = s.errors(), time.Duration(s.failedNanos.Load())
	for i := range s.answers {
		n += s.answers[i].Count()
		took += s.answers[i].Sum()
	}
	return n, took
}

// observer counts what the allocators and the Counter tell of.
type observer struct{ w *Worker }

var _ allocator.Observer = observer{}

func (o observer) Batch(store string, requests, _ int) {
	if st := o.w.storeOf(store, nil); st != nil {
		st.stats.batches.Observe(requests)
	}
}

func (o observer) Segment(store string, ids int) {
	if st := o.w.storeOf(store, nil); st != nil {
		st.stats.segments.Add(1)
		st.stats.segmentIDs.Add(int64(ids))
	}
}

func (o observer) Skipped(store string, ids int, why allocator.Gap) {
	if st := o.w.storeOf(store, nil); st != nil {
		st.stats.skipped[why].Add(int64(ids))
	}
}

func (o observer) TookOver(store string, why allocator.Takeover) {
	if st := o.w.storeOf(store, nil); st != nil {
		st.stats.takeovers[why].Add(1)
	}
}
