package page

import (
	"encoding/json"
	"math"
	"time"

	"github.com/nats-io/nats.go/micro"

	"github.com/seqd-io/seqd/cmd/seqd/fleet"
	"github.com/seqd-io/seqd/cmd/seqd/top"
	"github.com/seqd-io/seqd/worker"
)

// rates turns what workers have counted since their start into what they do now.
// The zero value is ready.
type rates struct {
	at      time.Time // of the latest
	tracker top.Tracker
	seen    map[string]fleet.Answer[micro.Stats] // by worker; the latest

	etcd map[string]etcdCount // of this worker, by its name
	late *int64               // waits for a segment, of this worker; nil: not known yet
}

type etcdCount struct {
	at    time.Time
	n     uint64
	spent float64 // seconds
}

// measured is what became of one collection.
type measured struct {
	view  top.View
	more  map[string]more // by worker
	all   more
	store map[string]more // by subject
}

// more is what the page shows beyond what `seqd top` does.
type more struct {
	took     []float64 // answers with ids in a second, by how long they took
	codes    map[string]code
	replayed float64 // a second
	nearly   int64   // keys nearly exhausted
	offset   time.Duration
}

// code is how many requests were answered with an error.
type code struct {
	Code string  `json:"code"`
	N    int64   `json:"n"` // since the workers' starts
	PerS float64 `json:"per_s"`
}

// add takes what all workers have answered at now.
func (r *rates) add(now time.Time, answers []fleet.Answer[micro.Stats]) measured {
	if now.Sub(r.at) > forgetAfter {
		r.tracker, r.seen, r.etcd, r.late = top.Tracker{}, nil, nil, nil
	}
	r.at = now
	m := measured{view: r.tracker.Add(now, answers), more: map[string]more{}, store: map[string]more{}}
	latest := map[string]fleet.Answer[micro.Stats]{}
	for _, a := range answers {
		latest[a.Said.ID] = a
		before, known := r.seen[a.Said.ID]
		known = known && before.Said.Started.Equal(a.Said.Started) && a.Came.After(before.Came)
		var one more
		for _, p := range a.Said.Endpoints {
			is, was, seconds := dataOf(p), worker.EndpointData{}, math.Inf(1)
			if known {
				seconds = a.Came.Sub(before.Came).Seconds()
				for _, q := range before.Said.Endpoints {
					if q.Subject == p.Subject {
						was = dataOf(q)
					}
				}
			}
			e := between(was, is, seconds)
			one.add(e)
			st := m.store[p.Subject]
			st.add(e)
			m.store[p.Subject] = st
		}
		m.more[a.Said.ID] = one
		m.all.add(one)
	}
	r.seen = latest
	return m
}

func dataOf(p *micro.EndpointStats) (d worker.EndpointData) {
	_ = json.Unmarshal(p.Data, &d) // what is not understood counts as nothing
	return d
}

func between(was, is worker.EndpointData, seconds float64) more {
	m := more{codes: map[string]code{}, replayed: float64(is.Replayed-was.Replayed) / seconds, nearly: is.NearlyExhausted,
		offset: time.Duration(is.ClockOffsetMs) * time.Millisecond}
	for i, n := range is.Took {
		before := uint64(0)
		if i < len(was.Took) {
			before = was.Took[i]
		}
		m.took = append(m.took, float64(int64(n-before))/seconds)
	}
	for name, n := range is.Codes {
		m.codes[name] = code{Code: name, N: n, PerS: float64(n-was.Codes[name]) / seconds}
	}
	return m
}

func (m *more) add(other more) {
	for i, n := range other.took {
		if i == len(m.took) {
			m.took = append(m.took, 0)
		}
		m.took[i] += n
	}
	if m.codes == nil {
		m.codes = map[string]code{}
	}
	for name, c := range other.codes {
		sum := m.codes[name]
		m.codes[name] = code{Code: name, N: sum.N + c.N, PerS: sum.PerS + c.PerS}
	}
	m.replayed += other.replayed
	m.nearly += other.nearly
	if other.offset.Abs() > m.offset.Abs() {
		m.offset = other.offset
	}
}

// quantile returns the time within which that part of the answers came; 0 where
// there was none. Within a bucket the times are taken to be spread evenly.
func (m more) quantile(q float64) time.Duration {
	all := 0.0
	for _, n := range m.took {
		all += n
	}
	left := q * all
	for i, n := range m.took {
		if n < left {
			left -= n
			continue
		}
		if n <= 0 {
			continue
		}
		below := time.Duration(0)
		if i > 0 {
			below = worker.TookBound(i - 1)
		}
		above := worker.TookBound(i)
		if above == math.MaxInt64 {
			return below
		}
		return below + time.Duration(left/n*float64(above-below))
	}
	return 0
}
