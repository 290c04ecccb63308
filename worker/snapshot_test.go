package worker_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// requestsOf returns what is not zero of a store's requests, by mode, path and
// code.
func requestsOf(st worker.StoreSnapshot) map[string]int64 {
	got := map[string]int64{}
	for _, a := range st.Answers {
		if a.Duration.Count > 0 {
			got[a.Mode+" "+a.Path] = int64(a.Duration.Count)
		}
	}
	for _, f := range st.Failures {
		if f.N > 0 {
			got[f.Mode+" "+f.Code] = f.N
		}
	}
	return got
}

func (f *fixture) wantRequests(t *testing.T, want map[string]int64) {
	t.Helper()
	var got map[string]int64
	eventually(t, func() bool { // a request is counted after it was answered
		got = requestsOf(f.Snapshot().Stores[0])
		return maps.Equal(got, want)
	}, "requests are not %v", want)
	if t.Failed() {
		t.Logf("they are %v", got)
	}
}

// Every request is counted once, under its mode, its path or its code.
func TestSnapshotOfRequests(t *testing.T) {
	f := start(t, func(c *worker.Config) {
		c.MaxWaiting = 2
		c.Backends[0].Stores = []worker.Store{{Name: subjects.AnyStore, MaxCount: 100}}
	})
	fail := func(err error) func(allocatortest.Call) allocatortest.Fault {
		return func(allocatortest.Call) allocatortest.Fault {
			return allocatortest.Fault{Outcome: allocatortest.Refused, Err: err}
		}
	}
	weak, strong := header("Seq-Mode", "weak"), header("Seq-Mode", "strong")
	f.ask(t, "seq.a.k", nil, "") // cold
	f.ask(t, "seq.a.k", weak, "")
	f.ask(t, "seq.b.k", header("Seq-Count", "5", "Seq-Mode", "strong"), "")
	f.ask(t, "seq.b.k", nil, "rubbish")
	f.ask(t, "seq.b.k", header("Seq-Count", "101"), "")
	f.ask(t, "seq.b.*", nil, "")
	want := map[string]int64{"weak slow": 1, "weak fast": 1, "strong slow": 1, "none BAD_REQUEST": 3}
	f.wantRequests(t, want)

	for err, code := range map[error]string{
		allocator.ErrUnavailable: "UNAVAILABLE", allocator.ErrFenced: "FENCED", allocator.ErrUnreadable: "INTERNAL",
		allocator.ErrExhausted: "EXHAUSTED", errors.New("unforeseen"): "INTERNAL",
	} {
		f.memory.Script(fail(err))
		f.ask(t, "seq.a.other", strong, "")
		f.ask(t, "seq.a.other", weak, "")
		want["strong "+code]++
		want["weak "+code]++
	}
	f.memory.Script(nil)
	f.wantRequests(t, want)

	release := f.memory.Stall(allocator.Key{Store: "a", Name: "stalled"})
	for _, h := range []nats.Header{strong, weak} {
		if err := f.nc.PublishMsg(&nats.Msg{Subject: "seq.a.stalled", Reply: f.nc.NewInbox(), Header: h}); err != nil {
			t.Fatal(err)
		}
	}
	f.ask(t, "seq.a.stalled", strong, "")
	f.ask(t, "seq.a.new", weak, "")
	if s := f.Snapshot(); s.InFlight != 2 || s.InFlightLimit != 2 {
		t.Errorf("%d of %d are in flight", s.InFlight, s.InFlightLimit)
	}
	release()
	want["strong BUSY"], want["weak BUSY"] = 1, 1
	want["strong slow"]++
	want["weak slow"]++
	f.wantRequests(t, want)

	f.memory.Script(func(allocatortest.Call) allocatortest.Fault { return allocatortest.Fault{Before: patience} })
	f.ask(t, "seq.a.late", header("Seq-Mode", "strong", "Seq-Timeout-Ms", "20"), "")
	f.ask(t, "seq.a.late", header("Seq-Mode", "weak", "Seq-Timeout-Ms", "20"), "")
	f.memory.Script(nil)
	want["strong EXPIRED"], want["weak EXPIRED"] = 1, 1
	f.wantRequests(t, want)

	if err := f.nc.PublishRequest("seq.a.k", "seq.loop", nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return f.Snapshot().NoReply == 1 }, "a message without a usable reply subject is not counted")
	f.wantRequests(t, want)
	s := f.Snapshot()
	if s.InFlight != 0 || s.State != worker.Serving || !s.Connected || s.Stores[0].State != worker.Serving {
		t.Errorf("got %+v", s)
	}
	if s.Backends[0].Keys == 0 || s.Backends[0].KeysLimit != allocator.DefaultMaxKeys {
		t.Errorf("got %+v", s.Backends)
	}
}

func TestSnapshotOfIDs(t *testing.T) {
	f := start(t, func(c *worker.Config) {
		c.MaxKeys = 1
		c.Backends[0].Stores = []worker.Store{{Name: subjects.AnyStore, Segments: allocator.Segments{Min: 10, Max: 10}}}
	})
	next := func(name string, mode subjects.Mode, n int) {
		t.Helper()
		if _, err := f.next(t, allocator.Key{Store: "a", Name: name}, mode, n); err != nil {
			t.Fatal(err)
		}
	}
	next("k", subjects.Weak, 2)     // cold; eight are left
	next("k", subjects.Weak, 1)     // from memory; seven
	next("other", subjects.Weak, 4) // cold, and evicts the first one; six
	f.memory.Set(allocator.Key{Store: "a", Name: "other"}, 20)
	next("other", subjects.Weak, 100) // large: goes past the six
	next("k", subjects.Strong, 3)
	var st worker.StoreSnapshot
	eventually(t, func() bool {
		st = f.Snapshot().Stores[0]
		counted := 0
		for _, a := range st.Answers {
			counted += int(a.Duration.Count)
		}
		return counted == 5
	}, "not all requests are counted")
	ids := map[string]int64{}
	for _, a := range st.Answers {
		ids[a.Mode+" "+a.Path] = a.IDs
	}
	if want := map[string]int64{"weak slow": 106, "weak fast": 1, "strong slow": 3}; !maps.Equal(ids, want) {
		t.Errorf("ids issued are %v, want %v", ids, want)
	}
	waits := map[string]int64{}
	for _, w := range st.Waits {
		waits[w.Cause] = w.N
		if (w.N > 0) != (w.Time > 0) {
			t.Errorf("%d requests waited for %v", w.N, w.Time)
		}
	}
	if want := map[string]int64{"cold": 2, "large": 1, "late": 0}; !maps.Equal(waits, want) {
		t.Errorf("requests waited %v, want %v", waits, want)
	}
	if st.Skipped["evicted"] != 7 || st.Skipped["remainder"] != 6 {
		t.Errorf("skipped %v, want 7 evicted and a remainder of 6", st.Skipped)
	}
	if st.Segments < 3 || st.SegmentIDs < 120 || st.Batches.Count != 1 || st.Batches.Sum != 1 {
		t.Errorf("%d segments of %d ids, batches %+v", st.Segments, st.SegmentIDs, st.Batches)
	}
}

// The key with the fewest ids left is what an operator is warned of.
func TestSnapshotOfHeadroom(t *testing.T) {
	f := start(t, nil)
	last := int64(math.MaxInt64)
	for i, at := range []int64{1, math.MaxInt64 / 2, math.MaxInt64 / 4, math.MaxInt64 - 1000} {
		key := allocator.Key{Store: "a", Name: fmt.Sprint(i)}
		f.memory.Set(key, at)
		if _, err := f.next(t, key, subjects.Strong, 1); err != nil {
			t.Fatal(err)
		}
		want := min(last, math.MaxInt64-at-1)
		eventually(t, func() bool {
			left := f.Snapshot().Stores[0].IDsLeft
			return left >= want && left-want < 1<<41
		}, "ids left are not %d", want)
		last = want
	}
	// Past 90 % it is exact, and another key that is there too changes nothing.
	f.memory.Set(key, math.MaxInt64/100*95)
	for _, k := range []allocator.Key{{Store: "a", Name: "3"}, key} {
		if _, err := f.next(t, k, subjects.Strong, 1); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, func() bool { return f.Snapshot().Stores[0].NearlyExhausted == 2 }, "two keys are not nearly exhausted")
	if left := f.Snapshot().Stores[0].IDsLeft; left != 998 {
		t.Errorf("%d ids are left, want 998", left)
	}
}

// An answer that can't be sent is no answer, and its ids are a gap.
func TestSnapshotOfReconnects(t *testing.T) {
	f := start(t, nil)
	if _, err := f.next(t, key, subjects.Weak, 1); err != nil {
		t.Fatal(err)
	}
	release := f.memory.Stall(key)
	request := subjects.Request{N: 3, Mode: subjects.Strong}
	if err := f.nc.PublishRequest(subjects.Subject(subjects.Root, key.Store, key.Name), f.nc.NewInbox(), request.Append(nil)); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return f.Snapshot().InFlight == 1 }, "the request is not in flight")
	f.server.Stop()
	eventually(t, func() bool { return !f.Snapshot().Connected }, "the worker is still connected")
	release()
	eventually(t, func() bool { return f.Snapshot().Stores[0].Skipped["unsent"] == 3 }, "what can't be sent is not counted")
	f.wantRequests(t, map[string]int64{"weak slow": 1})
	if s := f.Snapshot(); s.Reconnects != 0 || s.State != worker.Disconnected {
		t.Errorf("%d reconnects, %v", s.Reconnects, s.State)
	}
	f.server.Start(t)
	eventually(t, func() bool { s := f.Snapshot(); return s.Connected && s.Reconnects == 1 }, "the reconnect is not counted")
}

// Keys, of which there may be millions, are in no part of a snapshot.
func TestSnapshotNamesNoKey(t *testing.T) {
	f := start(t, nil)
	f.memory.Script(func(allocatortest.Call) allocatortest.Fault {
		return allocatortest.Fault{Outcome: allocatortest.Refused, Err: allocator.ErrUnreadable}
	})
	for _, h := range []nats.Header{nil, header("Seq-Mode", "strong")} {
		f.ask(t, "seq.secretstore.secretkey", h, "")
	}
	if s := fmt.Sprintf("%+v", f.Snapshot()); strings.Contains(s, "secret") {
		t.Errorf("got %s", s)
	}
}
