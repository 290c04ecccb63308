package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// revoking is a Counter that a test fences.
type revoking struct {
	*allocatortest.Memory
	fenced atomic.Bool
}

func (r *revoking) ready(context.Context) error {
	if r.fenced.Load() {
		return fmt.Errorf("%w: by the test", allocator.ErrFenced)
	}
	return nil
}

func (r *revoking) Start(a *allocator.Advance) {
	if err := r.ready(a.Ctx); err != nil {
		a.Done.Advanced(a, allocator.Range{}, err)
		return
	}
	r.Memory.Start(a)
}

func startRevoking(t *testing.T) (*fixture, *revoking) {
	counter := &revoking{}
	f := start(t, func(c *worker.Config) {
		counter.Memory = c.Backends[0].Counter.(*allocatortest.Memory)
		c.Backends[0].Counter, c.Backends[0].Ready = counter, counter.ready
	})
	return f, counter
}

// Once the counter is fenced, no id in memory is issued any more; the worker
// leaves the queue group, says why in discovery, and comes back by itself.
func TestFenced(t *testing.T) {
	f, counter := startRevoking(t)
	if ids, err := f.next(t, key, subjects.Weak, 1); err != nil || ids.First != 1 {
		t.Fatalf("got %v, %v", ids, err)
	}
	counter.fenced.Store(true)
	counter.Revoke()
	eventually(t, func() bool {
		m, err := f.nc.Request("seq.a.key", nil, patience)
		if errors.Is(err, nats.ErrNoResponders) {
			return true
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := subjects.DecodeReply(m.Header, m.Data); !errors.Is(err, subjects.ErrFenced) {
			t.Fatalf("got %q, %v, want FENCED", m.Data, err)
		}
		return false
	}, "a fenced worker is in the queue group")
	f.waitState(t, worker.Fenced)
	if stats := f.stats(t); len(stats) != 1 || stats[0].Metadata["state"] != "fenced" {
		t.Errorf("discovery: %+v", stats)
	}
	for _, want := range []string{"left the queue group", "by the test", "an operator has acted"} {
		if !f.log.contains(want) {
			t.Errorf("the log does not say %q", want)
		}
	}

	counter.fenced.Store(false)
	f.waitState(t, worker.Serving)
	if ids, err := f.next(t, key, subjects.Weak, 1); err != nil || ids.First != 11 {
		t.Errorf("got %v, %v, want 11: the first segment is gone", ids, err)
	}
}

// Revoked without a fence, as when an operator raises the counters: the worker
// goes on, with new ids.
func TestRevokedIdsAreNotIssued(t *testing.T) {
	f, counter := startRevoking(t)
	if _, err := f.next(t, key, subjects.Weak, 1); err != nil {
		t.Fatal(err)
	}
	counter.Set(key, 1000)
	counter.Revoke()
	if ids, err := f.next(t, key, subjects.Weak, 1); err != nil || ids.First != 1001 {
		t.Errorf("got %v, %v, want 1001", ids, err)
	}
}

// A key that runs out of ids shows in the statistics well before.
func TestNearlyExhausted(t *testing.T) {
	f := start(t, nil)
	nearly := func() int {
		t.Helper()
		var data struct {
			NearlyExhausted int `json:"nearly_exhausted"`
		}
		if err := json.Unmarshal(f.stats(t)[0].Endpoints[0].Data, &data); err != nil {
			t.Fatal(err)
		}
		return data.NearlyExhausted
	}
	for _, mode := range []subjects.Mode{subjects.Strong, subjects.Weak} {
		if _, err := f.next(t, key, mode, 1); err != nil {
			t.Fatal(err)
		}
	}
	if n := nearly(); n != 0 {
		t.Errorf("%d keys, want 0", n)
	}
	strong, weak := allocator.Key{Store: "a", Name: "strong"}, allocator.Key{Store: "a", Name: "weak"}
	f.memory.Set(strong, math.MaxInt64/100*95)
	f.memory.Set(weak, math.MaxInt64/100*95)
	for k, mode := range map[allocator.Key]subjects.Mode{strong: subjects.Strong, weak: subjects.Weak} {
		for range 2 {
			if _, err := f.next(t, k, mode, 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := nearly(); n != 2 {
		t.Errorf("%d keys, want 2", n)
	}
	if !f.log.contains("a key is running out of ids") {
		t.Error("nothing was logged")
	}
}
