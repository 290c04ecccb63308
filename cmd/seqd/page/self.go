package page

import (
	"time"

	"github.com/nats-io/nats.go/micro"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/worker"
)

// self is what the page shows of the worker that serves it, and of no other.
type self struct {
	ID       string    `json:"id"`
	Host     string    `json:"host"`
	Version  string    `json:"version"`
	State    string    `json:"state"`
	Started  time.Time `json:"started"`
	InFlight int64     `json:"in_flight"`
	Limit    int       `json:"in_flight_limit"`
	Checks   []check   `json:"checks"`
	Etcds    []etcdRow `json:"etcds"`
}

// check is one of the things that the worker needs to serve.
type check struct {
	Name  string `json:"name"`
	Error string `json:"error,omitempty"` // "": it is as it should be
	Try   string `json:"try,omitempty"`
}

// etcdRow is what the worker has to do with one of its etcds.
type etcdRow struct {
	Name     string        `json:"name"`
	Measured bool          `json:"measured"`
	Txns     float64       `json:"txns_per_s"`
	Mean     time.Duration `json:"mean_ns"` // of a transaction
	Due      int           `json:"due"`     // advances that wait to be sent
	Keys     int           `json:"keys"`    // weak ones in memory
	Owned    int           `json:"owned"`
	Lease    time.Duration `json:"lease_ns,omitempty"`
	Left     time.Duration `json:"lease_left_ns,omitempty"`
}

func newSelf(c Config, now worker.Snapshot, own micro.Stats, r *rates) self {
	s := self{ID: now.ID, Host: now.Host, Version: own.Version, State: string(now.State), Started: own.Started, InFlight: now.InFlight, Limit: now.InFlightLimit}
	for _, one := range c.Worker.Checks() {
		shown := check{Name: one.Name}
		if one.Err != nil {
			shown.Error, shown.Try = one.Err.Error(), c.Advise(one.Err)
		}
		s.Checks = append(s.Checks, shown)
	}
	for i, b := range now.Backends {
		s.Etcds = append(s.Etcds, r.etcdRow(c.Places[i], b))
	}
	return s
}

// etcdRow returns what was done with an etcd since the view before.
func (r *rates) etcdRow(p Place, b worker.BackendSnapshot) etcdRow {
	stats, at := p.Stats(), time.Now()
	row := etcdRow{Name: p.Name, Due: stats.Due, Keys: b.Keys, Owned: b.OwnedKeys, Lease: b.Lease, Left: max(b.LeaseLeft, 0)}
	is := etcdCount{at, stats.Duration.Count, stats.Duration.Sum}
	if was, known := r.etcd[p.Name]; known && at.After(was.at) {
		row.Measured = true
		row.Txns = float64(is.n-was.n) / at.Sub(was.at).Seconds()
		if is.n > was.n {
			row.Mean = time.Duration((is.spent - was.spent) / float64(is.n-was.n) * float64(time.Second))
		}
	}
	if r.etcd == nil {
		r.etcd = map[string]etcdCount{}
	}
	r.etcd[p.Name] = is
	return row
}

// newlyLate returns how many requests have had to wait since the view before
// because a segment came late.
func (r *rates) newlyLate(now worker.Snapshot) int64 {
	var late int64
	for _, st := range now.Stores {
		for _, w := range st.Waits {
			if w.Cause == allocator.WaitLate.String() {
				late += w.N
			}
		}
	}
	was := r.late
	r.late = &late
	if was == nil {
		return 0
	}
	return late - *was
}
