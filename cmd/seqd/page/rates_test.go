package page

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/micro"

	"github.com/seqd-io/seqd/cmd/seqd/fleet"
	"github.com/seqd-io/seqd/cmd/seqd/top"
	"github.com/seqd-io/seqd/worker"
)

func said(id string, started, came time.Time, requests int, d worker.EndpointData) fleet.Answer[micro.Stats] {
	data, _ := json.Marshal(d)
	return fleet.Answer[micro.Stats]{Came: came, Said: micro.Stats{
		ServiceIdentity: micro.ServiceIdentity{ID: id, Metadata: map[string]string{worker.MetadataState: string(d.State)}}, Started: started,
		Endpoints: []*micro.EndpointStats{{Subject: "seq.*.>", NumRequests: requests, Data: data}},
	}}
}

// What happened between two looks is a rate, of all workers together; what one
// counted before it was started anew, or long ago, is none.
func TestRates(t *testing.T) {
	var r rates
	begin := time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
	look := func(after time.Duration, started time.Time, n int64) measured {
		now := begin.Add(after)
		d := worker.EndpointData{State: worker.Serving, IDs: n, Replayed: n / 10, Codes: map[string]int64{"BUSY": n / 100}, Took: []uint64{0, uint64(n / 2), uint64(n / 2)}}
		return r.add(now, []fleet.Answer[micro.Stats]{said("a", started, now, int(n), d), said("b", started, now, int(n), d)})
	}
	if m := look(0, begin, 1000); m.all.codes["BUSY"] != (code{"BUSY", 20, 0}) || m.all.quantile(0.5) != 0 || m.all.replayed != 0 {
		t.Errorf("at the first look: %+v", m.all)
	}
	m := look(2*time.Second, begin, 3000)
	if m.all.codes["BUSY"] != (code{"BUSY", 60, 20}) || m.all.replayed != 200 || m.view.Total.IDs != 2000 {
		t.Errorf("then: %+v %+v", m.all, m.view.Total)
	}
	if p50, p99 := m.all.quantile(0.5), m.all.quantile(0.99); p50 != 20*time.Microsecond || p99 != 39600*time.Nanosecond {
		t.Errorf("p50 %v, p99 %v", p50, p99)
	}
	if m := look(4*time.Second, begin.Add(3*time.Second), 10); m.all.replayed != 0 || m.all.quantile(0.5) != 0 || m.all.codes["BUSY"].PerS != 0 {
		t.Errorf("started anew: %+v", m.all)
	}
	if m := look(4*time.Second+2*forgetAfter, begin.Add(3*time.Second), 1e6); m.all.replayed != 0 || m.view.Total.Measured {
		t.Errorf("after long: %+v %+v", m.all, m.view.Total)
	}
}

func TestQuantileBeyondTheBuckets(t *testing.T) {
	m := more{took: make([]float64, 22)}
	m.took[21] = 5
	if got := m.quantile(0.99); got != worker.TookBound(20) || worker.TookBound(21) != math.MaxInt64 {
		t.Errorf("%v", got)
	}
}

// A view has a hundred rows of each kind at most, says how many more there are, and
// the worker that is looked at is the first.
func TestViewIsBounded(t *testing.T) {
	now := time.Now()
	var answers []fleet.Answer[micro.Stats]
	for i := range 300 {
		a := said(strings.Repeat("x", 1+i), now, now, 0, worker.EndpointData{State: worker.Serving})
		a.Said.Endpoints[0].Subject = "seq." + a.Said.ID + ".>"
		answers = append(answers, a)
	}
	var r rates
	own := answers[250].Said.ID
	v := newView(now, r.add(now, answers), nil, own)
	if len(v.Workers) != mostRows || v.MoreWorkers != 200 || len(v.Stores) != mostRows || v.MoreStores != 200 || v.Workers[0].Name != own || !v.Workers[0].Self {
		t.Errorf("%d and %d workers, %d and %d stores, the first %q", len(v.Workers), v.MoreWorkers, len(v.Stores), v.MoreStores, v.Workers[0].Name)
	}
}

func TestRecent(t *testing.T) {
	now := time.Now()
	at := func(ago time.Duration) point { return point{At: now.Add(-ago).UnixMilli()} }
	if got := recent([]point{at(time.Hour), at(3 * time.Minute), at(time.Minute), at(0)}, now); len(got) != 2 {
		t.Errorf("%d points", len(got))
	}
	if got := recent(nil, now); got == nil {
		t.Error("no list is not an empty one: the script reads a list")
	}
}

// The last changes are kept, and no more.
func TestChangesAreBounded(t *testing.T) {
	var c changes
	for i := range 3 * mostChanges {
		c.add(change{Worker: strings.Repeat("x", i)})
	}
	if got := c.list(); len(got) != mostChanges || len(got[0].Worker) != 3*mostChanges-1 {
		t.Errorf("%d, the first %d", len(got), len(got[0].Worker))
	}
}

// holdsOf returns what holds back, a line each.
func holdsOf(v view, now worker.Snapshot, late int64, err error) string {
	var lines []string
	for _, h := range holds(v, now, late, err) {
		lines = append(lines, map[bool]string{true: "bad: ", false: "warn: "}[h.Bad]+h.Text)
	}
	return strings.Join(lines, "\n")
}

func TestHolds(t *testing.T) {
	other := func(name, state string) workerRow {
		return workerRow{row: row{Row: top.Row{Name: name, Host: "h", State: state}}}
	}
	for _, c := range []struct {
		name string
		v    view
		now  worker.Snapshot
		late int64
		want string
	}{
		{name: "nothing"},
		{name: "a check", v: view{Self: self{Checks: []check{{Name: "nats"}, {Name: "etcd a", Error: "away"}}}}, want: "bad: This worker: etcd a: away"},
		{name: "one silent", v: view{Workers: []workerRow{other("a", top.Silent)}}, want: "bad: A worker no longer answers: a on h"},
		{name: "many fenced", v: view{Workers: []workerRow{other("a", "fenced"), other("b", "fenced"), other("c", "fenced"), other("d", "fenced"), other("e", "fenced")}},
			want: "bad: 5 other workers are fenced: a on h, b on h, c on h and 2 more"},
		{name: "busy", v: view{Codes: []code{{"BUSY", 9, 1.5}, {"EXPIRED", 9, 1}, {"BAD_REQUEST", 9, 1}}}, want: "bad: 1.5 requests a second are refused because a worker's queue is full (BUSY)\n" +
			"bad: 1 requests a second outlive their callers' patience (EXPIRED)"},
		{name: "busy before", v: view{Codes: []code{{"BUSY", 9, 0}}}},
		{name: "full", now: worker.Snapshot{InFlight: 60, InFlightLimit: 100}, want: "warn: 60 requests wait in this worker, of 100 at most"},
		{name: "late segments", late: 1, want: "warn: WEAK requests wait because a segment ran out before the next one was there"},
		{name: "a lease", now: worker.Snapshot{Backends: []worker.BackendSnapshot{{Name: "e", Lease: 3 * time.Second, OwnedKeys: 7, LeaseLeft: time.Second}}},
			want: "warn: This worker's lease in e is renewed late: if it ends, others take its 7 keys over"},
		{name: "clocks", v: view{offset: -2 * time.Minute}, want: "warn: The workers' clocks are 2m0s apart, and they tell when a period begins"},
		{name: "exhausted", v: view{nearly: 2}, want: "warn: Keys that have used more than 90 % of all ids: 2"},
	} {
		if got := holdsOf(c.v, c.now, c.late, nil); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
