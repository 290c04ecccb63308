package top_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/micro"

	"github.com/seqd-io/seqd/cmd/seqd/fleet"
	"github.com/seqd-io/seqd/cmd/seqd/top"
	"github.com/seqd-io/seqd/worker"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// said is a worker's answer after some seconds.
func said(id string, started time.Time, after time.Duration, requests, errors int, ids int64, busy time.Duration) fleet.Answer[micro.Stats] {
	data, _ := json.Marshal(worker.EndpointData{State: worker.Serving, IDs: ids, Waiting: 3})
	s := micro.Stats{Started: started, ServiceIdentity: micro.ServiceIdentity{ID: id, Version: "1.0.0", Metadata: map[string]string{"state": "serving"}}}
	for _, subject := range []string{"seq.a.>", "seq.b.>"} {
		s.Endpoints = append(s.Endpoints, &micro.EndpointStats{Subject: subject, NumRequests: requests, NumErrors: errors, ProcessingTime: busy, Data: data})
	}
	return fleet.Answer[micro.Stats]{Said: s, Came: noon.Add(after)}
}

func TestRatesAreBetweenTwoPolls(t *testing.T) {
	var tracker top.Tracker
	view := tracker.Add(noon, []fleet.Answer[micro.Stats]{said("w1", noon.Add(-time.Hour), 0, 100, 10, 1000, time.Second)})
	if w := view.Workers[0]; w.Measured || w.Requests != 0 || w.Waiting != 3 || w.Up != time.Hour || w.State != "serving" {
		t.Errorf("after one poll: %+v", w)
	}

	// 40 requests in 2 s for each of two stores, of 1 s work together.
	view = tracker.Add(noon.Add(2*time.Second), []fleet.Answer[micro.Stats]{
		said("w1", noon.Add(-time.Hour), 2*time.Second, 140, 12, 1500, 2*time.Second),
		said("w2", noon, 2*time.Second, 7, 0, 7, time.Second),
	})
	got := view.Workers[0]
	if !got.Measured || got.Requests != 40 || got.Errors != 2 || got.IDs != 500 || got.Mean != 25*time.Millisecond {
		t.Errorf("w1: %+v", got)
	}
	if view.Workers[1].Measured || view.Workers[1].Requests != 0 {
		t.Errorf("w2 was not there before: %+v", view.Workers[1])
	}
	for _, s := range view.Stores {
		if s.Measured || s.Requests != 20 || s.Workers != 2 || s.Serving != 2 || s.Mean != 25*time.Millisecond {
			t.Errorf("store: %+v", s)
		}
	}
	if total := view.Total; total.Requests != 40 || total.Waiting != 6 || total.Workers != 2 || total.Serving != 2 {
		t.Errorf("total: %+v", total)
	}

	// w1 has been started again under its name: its counts are new ones. w2 is
	// silent, and is shown for a while.
	view = tracker.Add(noon.Add(4*time.Second), []fleet.Answer[micro.Stats]{said("w1", noon.Add(3*time.Second), 4*time.Second, 5, 0, 5, 0)})
	i := slices.IndexFunc(view.Workers, func(r top.Row) bool { return r.Name == "w2" })
	if view.Workers[0].Measured || view.Workers[0].Requests != 0 || i < 0 || view.Workers[i].State != top.Silent || view.Total.Workers != 1 {
		t.Errorf("got %+v", view)
	}
	view = tracker.Add(noon.Add(time.Minute), nil)
	if len(view.Workers) != 0 {
		t.Errorf("still shown: %+v", view.Workers)
	}
}

// A worker's lease is the one of its stores that stands worst; what it owns and
// hands over is told by each of its stores and counted once.
func TestLeasesOfAWorker(t *testing.T) {
	answer := func(after time.Duration, handed int64, leases ...worker.LeaseData) []fleet.Answer[micro.Stats] {
		s := micro.Stats{Started: noon, ServiceIdentity: micro.ServiceIdentity{ID: "w", Metadata: map[string]string{"state": "serving"}}}
		for i, l := range leases {
			l.HandedOver, l.OwnedKeys = handed, 7
			data, _ := json.Marshal(worker.EndpointData{State: worker.Serving, LeaseData: l})
			s.Endpoints = append(s.Endpoints, &micro.EndpointStats{Subject: string(rune('a' + i)), Data: data})
		}
		return []fleet.Answer[micro.Stats]{{Said: s, Came: noon.Add(after)}}
	}
	none := worker.LeaseData{}
	idle := worker.LeaseData{LeaseMs: 1000, LeaseState: worker.LeaseIdle}
	long := worker.LeaseData{LeaseMs: 3000, LeaseLeftMs: 2000, LeaseState: worker.LeaseHeld}
	held := worker.LeaseData{LeaseMs: 2000, LeaseLeftMs: 1100, LeaseState: worker.LeaseHeld}
	late := worker.LeaseData{LeaseMs: 10000, LeaseLeftMs: 4000, LeaseState: worker.LeaseLate}
	lost := worker.LeaseData{LeaseMs: 4000, LeaseState: worker.LeaseLost}
	for _, test := range []struct {
		leases []worker.LeaseData
		want   worker.LeaseData
	}{
		{[]worker.LeaseData{none}, none},
		{[]worker.LeaseData{none, idle}, idle},
		{[]worker.LeaseData{idle, long, held}, held},
		{[]worker.LeaseData{held, long, none}, held},
		{[]worker.LeaseData{late, held}, late},
		{[]worker.LeaseData{late, lost, held}, lost},
	} {
		var tracker top.Tracker
		tracker.Add(noon, answer(0, 100, test.leases...))
		view := tracker.Add(noon.Add(2*time.Second), answer(2*time.Second, 160, test.leases...))
		w := view.Workers[0]
		if w.Lease.Milliseconds() != test.want.LeaseMs || w.LeaseLeft.Milliseconds() != test.want.LeaseLeftMs || w.LeaseState != test.want.LeaseState {
			t.Errorf("of %+v: got %+v", test.leases, w)
		}
		if w.Owned != 7 || w.HandedOver != 30 || view.Total.Owned != 7 || view.Total.HandedOver != 30 {
			t.Errorf("owned, handed over: got %+v, total %+v", w, view.Total)
		}
	}
}

func TestSort(t *testing.T) {
	v := top.View{Workers: []top.Row{
		{Name: "c", State: "serving", Requests: 1, IDs: 5, Errors: 1, Mean: 3, Waiting: 1, Up: 1, Owned: 1, HandedOver: 9},
		{Name: "b", State: "fenced", Requests: 2, IDs: 4, Errors: 0, Mean: 1, Waiting: 2, Up: 2, Owned: 3},
		{Name: "a", State: "silent", Requests: 2, IDs: 3, Errors: 0, Mean: 2, Waiting: 3, Up: 3},
	}}
	want := map[string]string{"name": "abc", "state": "bca", "requests": "abc", "ids": "cba", "errors": "cab", "mean": "cab", "waiting": "abc", "uptime": "abc", "owned": "bca", "handed": "cab", "nonsense": "abc"}
	for _, by := range append(top.Orders(), "nonsense") {
		v.Sort(by)
		got := ""
		for _, r := range v.Workers {
			got += r.Name
		}
		if got != want[by] {
			t.Errorf("%s: got %s, want %s", by, got, want[by])
		}
	}
}

// Repeats are told of stores, and only where there are any.
func TestRepeats(t *testing.T) {
	answer := func(after time.Duration, replayed int64) []fleet.Answer[micro.Stats] {
		data, _ := json.Marshal(worker.EndpointData{State: worker.Serving, Replayed: replayed})
		s := micro.Stats{Started: noon, ServiceIdentity: micro.ServiceIdentity{ID: "w"}, Endpoints: []*micro.EndpointStats{{Subject: "seq.orders.>", Data: data}}}
		return []fleet.Answer[micro.Stats]{{Said: s, Came: noon.Add(after)}}
	}
	var tracker top.Tracker
	tracker.Add(noon, answer(0, 100))
	for second, want := range []float64{30, 0} {
		view := tracker.Add(noon, answer(time.Duration(second+1)*2*time.Second, 160))
		if got := view.Stores[0].Replayed; got != want {
			t.Errorf("got %v repeats a second, want %v", got, want)
		}
		if shown := strings.Contains(strings.Join(view.Frame(top.Layout{Width: 120}), "\n"), "REPEAT/S"); shown != (want > 0) {
			t.Errorf("repeats are shown: %v, and there were %v a second", shown, want)
		}
	}
}
