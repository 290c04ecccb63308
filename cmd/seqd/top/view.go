package top

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/micro"

	"github.com/seqd-io/seqd/cmd/seqd/fleet"
	"github.com/seqd-io/seqd/worker"
)

// View is what the workers did between the latest poll and the one before.
type View struct {
	At      time.Time `json:"at"`
	Total   Row       `json:"total"`
	Workers []Row     `json:"workers"`
	Stores  []Row     `json:"stores"`
}

// Row is what a worker, a store, or the whole did.
type Row struct {
	Name    string        `json:"name"`           // a worker's id, or the subject of a store
	Host    string        `json:"host,omitempty"` // that a worker runs on
	Version string        `json:"version,omitempty"`
	State   string        `json:"state"`
	Workers int           `json:"workers,omitempty"`
	Serving int           `json:"serving,omitempty"` // of Workers
	Up      time.Duration `json:"uptime_ns,omitempty"`

	// Measured tells that the rates are of two polls; else they are 0.
	Measured bool          `json:"measured"`
	Requests float64       `json:"requests_per_s"`
	IDs      float64       `json:"ids_per_s"`
	Errors   float64       `json:"errors_per_s"`
	Mean     time.Duration `json:"mean_ns"`   // from a request's arrival to its answer
	Waiting  int64         `json:"in_flight"` // accepted and not answered; of workers only
	Dropped  float64       `json:"dropped_per_s"`

	// Of workers only. Where the stores of one have several leases, the first three
	// are of the one that stands worst.
	Lease      time.Duration     `json:"lease_ns,omitempty"`      // 0: none of its stores has one
	LeaseLeft  time.Duration     `json:"lease_left_ns,omitempty"` // until it stops issuing ids of the keys that it owns, unless it renews
	LeaseState worker.LeaseState `json:"lease_state,omitempty"`
	Owned      int64             `json:"owned_keys,omitempty"`
	HandedOver float64           `json:"handed_over_per_s,omitempty"` // requests that other workers have taken from it

	Replayed float64 `json:"replayed_per_s,omitempty"` // repeats answered with the ids of the request before

	busy float64 // seconds of processing in a second, that Mean is made of
}

// Silent is the state of a worker that has stopped to answer.
const Silent = "silent"

// silentFor is how long one is shown that has.
const silentFor = 30 * time.Second

// Tracker turns polls into views. The zero value is ready. It is not safe for
// concurrent use.
type Tracker struct {
	seen map[string]fleet.Answer[micro.Stats] // by worker's id; the latest
}

// Add takes what all workers have answered to a poll at now.
func (t *Tracker) Add(now time.Time, answers []fleet.Answer[micro.Stats]) View {
	view := View{At: now, Total: Row{State: string(worker.Serving), Measured: true}}
	stores := map[string]*Row{}
	latest := map[string]fleet.Answer[micro.Stats]{}
	for _, a := range answers {
		latest[a.Said.ID] = a
		before, known := t.seen[a.Said.ID]
		known = known && before.Said.Started.Equal(a.Said.Started) && a.Came.After(before.Came)
		row := Row{
			Name: a.Said.ID, Host: a.Said.Metadata[worker.MetadataHost], Version: a.Said.Version, State: a.Said.Metadata[worker.MetadataState],
			Up: now.Sub(a.Said.Started).Truncate(time.Second), Measured: known,
		}
		for _, p := range a.Said.Endpoints {
			data := dataOf(p)
			row.Waiting, row.Owned = data.Waiting, data.OwnedKeys // each endpoint tells the whole worker's
			row.has(data)
			s := stores[p.Subject]
			if s == nil {
				s = &Row{Name: p.Subject, Measured: true}
				stores[p.Subject] = s
			}
			s.Workers++
			if data.State == worker.Serving {
				s.Serving++
			}
			s.Measured = s.Measured && known
			if known {
				rates := between(before, a, p)
				row.HandedOver = rates.HandedOver // the whole worker's, too
				row.add(rates)
				s.add(rates)
			}
		}
		row.mean()
		view.Workers = append(view.Workers, row)
		view.Total.count(row)
	}
	for id, a := range t.seen {
		if _, answered := latest[id]; !answered && now.Sub(a.Came) < silentFor {
			latest[id] = a
			view.Workers = append(view.Workers, Row{Name: id, Host: a.Said.Metadata[worker.MetadataHost], Version: a.Said.Version, State: Silent})
		}
	}
	t.seen = latest
	for _, s := range stores {
		s.mean()
		s.State = string(worker.Serving)
		if s.Serving == 0 {
			s.State = string(worker.Unavailable)
		}
		view.Stores = append(view.Stores, *s)
	}
	view.Total.mean()
	slices.SortFunc(view.Stores, func(a, b Row) int { return strings.Compare(a.Name, b.Name) })
	return view
}

func dataOf(p *micro.EndpointStats) (d worker.EndpointData) {
	_ = json.Unmarshal(p.Data, &d) // what is not understood counts as nothing
	return d
}

// between returns what an endpoint did in a second, on average, from one answer
// of its worker to the next.
func between(before, after fleet.Answer[micro.Stats], p *micro.EndpointStats) Row {
	i := slices.IndexFunc(before.Said.Endpoints, func(q *micro.EndpointStats) bool { return q.Subject == p.Subject })
	if i < 0 {
		return Row{}
	}
	q, seconds := before.Said.Endpoints[i], after.Came.Sub(before.Came).Seconds()
	was, is := dataOf(q), dataOf(p)
	return Row{
		Requests: float64(p.NumRequests-q.NumRequests) / seconds,
		Errors:   float64(p.NumErrors-q.NumErrors) / seconds,
		IDs:      float64(is.IDs-was.IDs) / seconds,
		Dropped:  float64(is.Dropped-was.Dropped) / seconds,

		HandedOver: float64(is.HandedOver-was.HandedOver) / seconds,

		Replayed: float64(is.Replayed-was.Replayed) / seconds,

		busy: (p.ProcessingTime - q.ProcessingTime).Seconds() / seconds,
	}
}

func (r *Row) add(other Row) {
	r.Requests += other.Requests
	r.Errors += other.Errors
	r.IDs += other.IDs
	r.Dropped += other.Dropped
	r.Replayed += other.Replayed
	r.busy += other.busy
}

// worse are the states of leases, each worse than those before it.
var worse = []worker.LeaseState{worker.LeaseNone, worker.LeaseIdle, worker.LeaseHeld, worker.LeaseLate, worker.LeaseLost}

// has takes the lease of one of a worker's stores.
func (r *Row) has(d worker.EndpointData) {
	left := time.Duration(d.LeaseLeftMs) * time.Millisecond
	if c := slices.Index(worse, d.LeaseState) - slices.Index(worse, r.LeaseState); c > 0 || c == 0 && left < r.LeaseLeft {
		r.Lease, r.LeaseLeft, r.LeaseState = time.Duration(d.LeaseMs)*time.Millisecond, left, d.LeaseState
	}
}

func (r Row) leased() bool { return r.LeaseState != worker.LeaseNone }

// late reports whether what a worker owns is about to be lost, or is.
func (r Row) late() bool { return r.LeaseState == worker.LeaseLate || r.LeaseState == worker.LeaseLost }

// count adds a worker to the total.
func (r *Row) count(one Row) {
	r.add(one)
	r.Waiting += one.Waiting
	r.Owned += one.Owned
	r.HandedOver += one.HandedOver
	r.Workers++
	if one.State == string(worker.Serving) {
		r.Serving++
	} else {
		r.State = one.State
	}
	r.Measured = r.Measured && one.Measured
}

func (r *Row) mean() {
	if r.Requests > 0 {
		r.Mean = time.Duration(r.busy / r.Requests * float64(time.Second))
	}
}

// Orders are what rows can be sorted by, the greatest first, names and states
// from A.
var orders = map[string]func(a, b Row) int{
	"name":     func(a, b Row) int { return cmp.Compare(a.Name, b.Name) },
	"state":    func(a, b Row) int { return cmp.Compare(a.State, b.State) },
	"requests": func(a, b Row) int { return cmp.Compare(b.Requests, a.Requests) },
	"ids":      func(a, b Row) int { return cmp.Compare(b.IDs, a.IDs) },
	"errors":   func(a, b Row) int { return cmp.Compare(b.Errors, a.Errors) },
	"mean":     func(a, b Row) int { return cmp.Compare(b.Mean, a.Mean) },
	"waiting":  func(a, b Row) int { return cmp.Compare(b.Waiting, a.Waiting) },
	"uptime":   func(a, b Row) int { return cmp.Compare(b.Up, a.Up) },
	"owned":    func(a, b Row) int { return cmp.Compare(b.Owned, a.Owned) },
	"handed":   func(a, b Row) int { return cmp.Compare(b.HandedOver, a.HandedOver) },
}

// Orders returns what rows can be sorted by, in the order that a key goes
// through them.
func Orders() []string {
	return []string{"name", "state", "requests", "ids", "errors", "mean", "waiting", "uptime", "owned", "handed"}
}

// Sort sorts workers and stores by one of Orders, and equal ones by name. What
// is no order is "name".
func (v *View) Sort(by string) {
	compare := orders[by]
	if compare == nil {
		compare = orders["name"]
	}
	for _, rows := range [][]Row{v.Workers, v.Stores} {
		slices.SortFunc(rows, func(a, b Row) int { return cmp.Or(compare(a, b), cmp.Compare(a.Name, b.Name)) })
	}
}
