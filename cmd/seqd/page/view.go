package page

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/micro"

	"github.com/seqd-io/seqd/cmd/seqd/fleet"
	"github.com/seqd-io/seqd/cmd/seqd/top"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// view is all that the page shows, as page.js reads it.
type view struct {
	At      time.Time   `json:"at"`
	Asks    bool        `json:"asks"` // ids can be asked for
	Self    self        `json:"self"`
	Total   row         `json:"total"`
	Workers []workerRow `json:"workers"`
	Stores  []storeRow  `json:"stores"`
	Codes   []code      `json:"codes"`
	Holds   []hold      `json:"holds"`
	Changes []change    `json:"changes"` // the newest first
	Series  []point     `json:"series"`  // the oldest first

	MoreWorkers int `json:"more_workers,omitempty"` // than are in Workers
	MoreStores  int `json:"more_stores,omitempty"`

	nearly int64
	offset time.Duration
}

// row is what `seqd top` shows of a worker or a store, and more.
type row struct {
	top.Row
	P50      time.Duration `json:"p50_ns"`
	P99      time.Duration `json:"p99_ns"`
	Replayed float64       `json:"replayed_per_s"`
}

type workerRow struct {
	row
	Self bool `json:"self,omitempty"`
}

type storeRow struct {
	row
	Store     string `json:"store"`
	Mode      string `json:"mode,omitempty"` // for requests that name none
	Lease     string `json:"lease,omitempty"`
	Numbering string `json:"numbering,omitempty"`
	Reason    string `json:"reason,omitempty"` // why a worker is denied it
}

// point is what was at one time.
type point struct {
	At       int64         `json:"t"` // Unix time in milliseconds
	IDs      float64       `json:"ids"`
	Requests float64       `json:"requests"`
	Errors   float64       `json:"errors"`
	P99      time.Duration `json:"p99_ns"`
}

const (
	mostRows  = 100 // of workers, and of stores
	seriesFor = 2 * time.Minute
)

func newView(now time.Time, m measured, infos []fleet.Answer[micro.Info], own string) view {
	m.view.Sort("ids")
	v := view{At: now, Total: rowOf(m.view.Total, m.all), nearly: m.all.nearly, offset: m.all.offset}
	for _, r := range m.view.Workers {
		v.Workers = append(v.Workers, workerRow{rowOf(r, m.more[r.Name]), r.Name == own})
	}
	slices.SortStableFunc(v.Workers, func(a, b workerRow) int { return strings.Compare(a.Host+a.Name, b.Host+b.Name) }) // rows that stay where they are can be read
	if i := slices.IndexFunc(v.Workers, func(r workerRow) bool { return r.Self }); i > 0 {
		this := v.Workers[i]
		v.Workers = slices.Insert(slices.Delete(v.Workers, i, i+1), 0, this)
	}
	rules := rulesOf(infos)
	for _, r := range m.view.Stores {
		st := rules[r.Name]
		st.row = rowOf(r, m.store[r.Name])
		if st.Store == "" {
			st.Store = r.Name
		}
		v.Stores = append(v.Stores, st)
	}
	v.Workers, v.MoreWorkers = atMost(v.Workers)
	v.Stores, v.MoreStores = atMost(v.Stores)
	v.Codes = make([]code, 0, len(m.all.codes))
	for _, c := range m.all.codes {
		v.Codes = append(v.Codes, c)
	}
	slices.SortFunc(v.Codes, func(a, b code) int { return cmp.Or(cmp.Compare(b.N, a.N), strings.Compare(a.Code, b.Code)) })
	return v
}

func atMost[T any](rows []T) ([]T, int) {
	if len(rows) > mostRows {
		return rows[:mostRows], len(rows) - mostRows
	}
	return rows, 0
}

func rowOf(r top.Row, m more) row {
	return row{Row: r, P50: m.quantile(0.5), P99: m.quantile(0.99), Replayed: m.replayed}
}

// rulesOf returns what the workers say of the stores that they serve, by subject.
// They have the same rules, or else doctor says so.
func rulesOf(infos []fleet.Answer[micro.Info]) map[string]storeRow {
	all := map[string]storeRow{}
	for _, info := range infos {
		for _, p := range info.Said.Endpoints {
			st, known := all[p.Subject]
			if !known {
				st = storeRow{Store: p.Name, Mode: p.Metadata[worker.MetadataDefaultMode], Numbering: p.Metadata[worker.MetadataNumbering]}
				if p.Name == worker.EndpointAny {
					st.Store = subjects.AnyStore
				}
				if lease := p.Metadata[worker.MetadataLease]; lease != "0s" {
					st.Lease = lease
				}
			}
			st.Reason = cmp.Or(st.Reason, p.Metadata[worker.MetadataReason])
			all[p.Subject] = st
		}
	}
	return all
}

func pointOf(v view) point {
	return point{At: v.At.UnixMilli(), IDs: v.Total.IDs, Requests: v.Total.Requests, Errors: v.Total.Errors, P99: v.Total.P99}
}

// recent leaves out what is too old to be drawn.
func recent(series []point, now time.Time) []point {
	old := 0
	for old < len(series) && series[old].At < now.Add(-seriesFor).UnixMilli() {
		old++
	}
	return append([]point{}, series[old:]...)
}
