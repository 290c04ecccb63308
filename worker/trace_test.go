package worker_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

const (
	sampled   = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	unsampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
)

func startTraced(t *testing.T, change func(*worker.Config)) (*fixture, chan *worker.Traced) {
	t.Helper()
	got := make(chan *worker.Traced, 100)
	return start(t, func(c *worker.Config) {
		c.Trace = func(r *worker.Traced) { got <- r }
		if change != nil {
			change(c)
		}
	}), got
}

// A request is traced if, and only if, its traceparent says sampled, whatever
// case its name is in.
func TestTracedHeaders(t *testing.T) {
	f, got := startTraced(t, nil)
	for _, test := range []struct {
		name   string
		header nats.Header
		parent string // "" means that it is not traced
		state  string
	}{
		{"lower case", nats.Header{"traceparent": {sampled}, "tracestate": {"a=1"}}, sampled, "a=1"},
		{"canonical", nats.Header{"Traceparent": {sampled}, "Tracestate": {"a=1", "b=2"}}, sampled, "a=1,b=2"},
		{"upper case", nats.Header{"TRACEPARENT": {sampled}, "TRACESTATE": {"a=1"}}, sampled, "a=1"},
		{"mixed case", nats.Header{"traceParent": {sampled}, "Other": {"x"}}, sampled, ""},
		{"other flags too", nats.Header{"traceparent": {sampled[:53] + "ff"}}, sampled[:53] + "ff", ""},
		{"later version", nats.Header{"traceparent": {"01" + sampled[2:] + "-more"}}, "01" + sampled[2:] + "-more", ""},
		{"the lower case wins", nats.Header{"traceparent": {unsampled}, "Traceparent": {sampled}}, "", ""},
		{"unsampled", nats.Header{"traceparent": {unsampled}}, "", ""},
		{"two of them", nats.Header{"traceparent": {sampled, sampled}}, "", ""},
		{"short", nats.Header{"traceparent": {sampled[:54]}}, "", ""},
		{"empty", nats.Header{"traceparent": {""}}, "", ""},
		{"no parent", nats.Header{"tracestate": {"a=1"}}, "", ""},
		{"no headers", nil, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			// Bad requests are answered, and traced, in the order they come.
			f.ask(t, "seq.demo.key", test.header, "bad")
			f.ask(t, "seq.demo.last", nats.Header{"traceparent": {sampled}}, "bad")
			r := <-got
			if r.Key.Name == "key" {
				<-got
			} else {
				r = &worker.Traced{}
			}
			if r.Parent != test.parent || r.State != test.state {
				t.Errorf("got %q, %q, want %q, %q", r.Parent, r.State, test.parent, test.state)
			}
		})
	}
}

// A Traced tells what was asked and answered, and its times follow each other.
func TestTracedRequests(t *testing.T) {
	f, got := startTraced(t, func(c *worker.Config) {
		c.Backends[0].Stores = append(c.Backends[0].Stores, worker.Store{Name: "orders", Modes: []subjects.Mode{subjects.Strong}, DefaultMode: subjects.Strong})
	})
	const waited, advanced = true, true
	for _, test := range []struct {
		name             string
		subject, body    string
		want             worker.Traced
		waited, advanced bool
	}{
		{"first weak waits", "seq.demo.key", `{"n":3}`,
			worker.Traced{Key: allocator.Key{Store: "demo", Name: "key"}, Mode: subjects.Weak, N: 3, IDs: allocator.Range{First: 1, N: 3}}, waited, !advanced},
		{"weak from memory", "seq.demo.key", ``,
			worker.Traced{Key: allocator.Key{Store: "demo", Name: "key"}, Mode: subjects.Weak, N: 1, IDs: allocator.Range{First: 4, N: 1}}, !waited, !advanced},
		{"strong", "seq.orders.a.b", `{"n":2}`,
			worker.Traced{Key: allocator.Key{Store: "orders", Name: "a.b"}, Mode: subjects.Strong, N: 2, IDs: allocator.Range{First: 1, N: 2}}, waited, advanced},
		{"mode not allowed", "seq.orders.a.b", `{"mode":"weak"}`,
			worker.Traced{Key: allocator.Key{Store: "orders", Name: "a.b"}, Mode: subjects.Weak, N: 1, Error: subjects.ErrBadRequest}, !waited, !advanced},
		{"malformed subject", "seq.demo.a=zz", ``,
			worker.Traced{N: 1, Error: subjects.ErrBadRequest}, !waited, !advanced},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := time.Now()
			f.ask(t, test.subject, nats.Header{"traceparent": {sampled}}, test.body)
			r := <-got
			if r.Key != test.want.Key || r.Mode != test.want.Mode || r.N != test.want.N || r.IDs != test.want.IDs {
				t.Errorf("got %+v, want %+v", r, test.want)
			}
			if (r.Error == nil) != (test.want.Error == nil) || r.Error != nil && r.Error.Code != test.want.Error.Code {
				t.Errorf("got error %v, want %v", r.Error, test.want.Error)
			}
			if r.Waited.IsZero() == test.waited || r.Advanced.IsZero() == test.advanced {
				t.Errorf("waited since %v, advanced since %v", r.Waited, r.Advanced)
			}
			last := before
			for _, at := range []time.Time{r.Arrived, r.Waited, r.Advanced, r.Answered} {
				if !at.IsZero() && at.Before(last) {
					t.Errorf("times go back: %+v", r)
				}
				if !at.IsZero() {
					last = at
				}
			}
		})
	}
}

// A request that can't be answered has no trace, as nobody was served.
func TestDroppedRequestIsNotTraced(t *testing.T) {
	f, got := startTraced(t, nil)
	if err := f.nc.PublishMsg(&nats.Msg{Subject: "seq.demo.dropped", Header: nats.Header{"traceparent": {sampled}}, Data: []byte("bad")}); err != nil {
		t.Fatal(err)
	}
	f.ask(t, "seq.demo.key", nats.Header{"traceparent": {sampled}}, "bad")
	if r := <-got; r.Key.Name != "key" {
		t.Errorf("got %+v", r)
	}
}
