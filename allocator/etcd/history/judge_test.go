package history

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/record"
)

func TestJudge(t *testing.T) {
	at := func(cluster, term uint64, rev int64) record.Sight {
		return record.Sight{Cluster: cluster, Term: term, Rev: rev}
	}
	rec := func(store string, epoch int64, seen record.Sight) *record.Incarnation {
		return &record.Incarnation{Lineage: store, Epoch: epoch, Seen: seen}
	}
	knows := func(store string, epoch int64, seen record.Sight, recorded int64) past {
		return past{Incarnation: *rec(store, epoch, seen), recorded: recorded}
	}
	fenced := func(p past) past { p.Fenced = "it fell"; return p }
	told := func(i *record.Incarnation) *record.Incarnation { i.Fenced = "it fell"; return i }
	nothing := past{}
	k := knows("a", 5, at(1, 7, 100), 90)
	const refuse = verdict(-1)
	for _, test := range []struct {
		name   string
		known  past
		record *record.Incarnation
		now    record.Sight
		want   verdict
	}{
		{"the first worker of all", nothing, nil, at(1, 2, 1), create},
		{"a new machine", nothing, rec("a", 5, at(1, 7, 90)), at(1, 7, 120), adopt},
		{"a new machine, another cluster", nothing, rec("a", 5, at(1, 7, 90)), at(2, 7, 120), refuse},
		{"a new machine, a lower revision", nothing, rec("a", 5, at(1, 7, 90)), at(1, 7, 89), refuse},
		{"a new machine, a lower term", nothing, rec("a", 5, at(1, 7, 90)), at(1, 6, 120), wait},

		{"as known", k, rec("a", 5, at(1, 7, 90)), at(1, 7, 100), keep},
		{"further on", k, rec("a", 5, at(1, 8, 120)), at(1, 9, 130), keep},
		{"another cluster", k, rec("a", 5, at(1, 7, 90)), at(2, 7, 100), refuse},
		{"a lower revision", k, rec("a", 5, at(1, 7, 90)), at(1, 7, 99), refuse},
		{"a lower term", k, rec("a", 5, at(1, 7, 90)), at(1, 6, 100), wait},
		{"a lower revision than another worker's", k, rec("a", 5, at(1, 7, 200)), at(1, 7, 150), refuse},
		{"a lower term than another worker's", k, rec("a", 5, at(1, 9, 100)), at(1, 8, 150), wait},
		{"an older record", k, rec("a", 5, at(1, 7, 89)), at(1, 7, 200), refuse},
		{"a record of another cluster", k, rec("a", 5, at(2, 7, 90)), at(1, 7, 200), refuse},
		{"another store", k, rec("b", 5, at(1, 7, 90)), at(1, 7, 200), refuse},
		{"no record", k, nil, at(1, 7, 200), refuse},
		{"before a jump", k, rec("a", 4, at(1, 7, 90)), at(1, 7, 200), refuse},
		{"known to be fenced", fenced(k), rec("a", 5, at(1, 7, 90)), at(1, 7, 200), refuse},

		{"another worker fenced it", k, told(rec("a", 5, at(1, 7, 90))), at(1, 7, 100), refuse},
		{"a new machine, another worker fenced it", nothing, told(rec("a", 5, at(1, 7, 90))), at(1, 7, 100), refuse},
		{"a jump, and fenced once more", k, told(rec("a", 6, at(1, 7, 90))), at(1, 7, 100), refuse},

		{"a jump", k, rec("a", 6, at(1, 2, 50)), at(1, 2, 51), adopt},
		{"a jump, fenced", fenced(k), rec("a", 6, at(1, 2, 50)), at(1, 2, 51), adopt},
		{"a jump in another cluster", fenced(k), rec("b", 6, at(2, 2, 50)), at(2, 2, 51), adopt},
		{"a jump, and restored once more", fenced(k), rec("a", 6, at(1, 2, 50)), at(1, 2, 49), refuse},
		{"a jump, and replaced once more", fenced(k), rec("a", 6, at(1, 2, 50)), at(2, 2, 51), refuse},
		{"a jump, and an old term", fenced(k), rec("a", 6, at(1, 2, 50)), at(1, 1, 51), wait},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := judge(test.known, test.record, test.now)
			if errors.Is(err, allocator.ErrFenced) {
				got = refuse
			} else if err != nil {
				t.Error(err)
			}
			if got != test.want {
				t.Errorf("got %v, %v, want %v", got, err, test.want)
			}
		})
	}
}

func newTestGuard(revoke func()) *Guard {
	return &Guard{revoke: revoke}
}

func header(cluster, term uint64, rev int64) *etcdserverpb.ResponseHeader {
	return &etcdserverpb.ResponseHeader{ClusterId: cluster, RaftTerm: term, Revision: rev}
}

// answer has a transaction sent and answered.
func (g *Guard) answer(h *etcdserverpb.ResponseHeader) error {
	s, err := g.Begin()
	if err != nil {
		return err
	}
	return g.End(s, h, false)
}

func TestNothingIsSentBeforeTheRecordWasRead(t *testing.T) {
	g := newTestGuard(func() {})
	if err := g.answer(header(1, 1, 1)); !errors.Is(err, ErrUnread) {
		t.Errorf("got %v, want ErrUnread", err)
	}
}

func TestAnswersOvertakeEachOther(t *testing.T) {
	g := newTestGuard(func() {})
	g.adopt(record.Incarnation{Lineage: "a", Seen: record.Sight{Cluster: 1, Term: 5, Rev: 10}}, record.Sight{Cluster: 1, Term: 5, Rev: 10})
	early, err := g.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if err := g.answer(header(1, 6, 12)); err != nil {
		t.Fatal(err)
	}
	if err := g.End(early, header(1, 5, 11), false); err != nil {
		t.Errorf("an answer that was overtaken: %v", err)
	}
	if err := g.answer(header(1, 6, 11)); !errors.Is(err, allocator.ErrFenced) {
		t.Errorf("a revision that fell: got %v, want ErrFenced", err)
	}
}

// A lagging member shows a term that has passed: not used, and not held against
// etcd unless it goes on for 3 s.
func TestLowTerm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		revoked := 0
		g := newTestGuard(func() { revoked++ })
		g.adopt(record.Incarnation{Lineage: "a", Seen: record.Sight{Cluster: 1, Term: 5, Rev: 10}}, record.Sight{Cluster: 1, Term: 5, Rev: 10})
		low, ok := header(1, 4, 20), header(1, 5, 20)
		for range 10 { // now and then
			for range 4 {
				if err := g.answer(low); !errors.Is(err, errLow) {
					t.Fatalf("got %v, want errLow", err)
				}
				time.Sleep(time.Second * 2 / 3)
			}
			if err := g.answer(ok); err != nil {
				t.Fatal(err)
			}
		}
		start := time.Now()
		for {
			err := g.answer(low)
			if errors.Is(err, allocator.ErrFenced) {
				break
			}
			if !errors.Is(err, errLow) || time.Since(start) > termPatience {
				t.Fatalf("after %v: got %v", time.Since(start), err)
			}
			time.Sleep(time.Second / 2)
		}
		if since := time.Since(start); since != termPatience {
			t.Errorf("fenced after %v, want %v", since, termPatience)
		}
		if revoked != 1 {
			t.Errorf("revoked %d times, want once", revoked)
		}
		if err := g.answer(ok); !errors.Is(err, allocator.ErrFenced) {
			t.Errorf("got %v, want ErrFenced for good", err)
		}
	})
}

// Who is told of a fence, or of its end, gets none of the ids that were reserved
// before: they are dropped while nobody can be told. (An advance that came while
// they were being dropped was answered FENCED, and ids from memory after it.)
func TestNobodyHearsOfAFenceBeforeIdsAreRevoked(t *testing.T) {
	var g *Guard
	revoked := 0
	g = newTestGuard(func() {
		revoked++
		if g.mu.TryLock() {
			t.Error("an advance can end while ids are being revoked")
			g.mu.Unlock()
		}
	})
	rec, now := record.Incarnation{Lineage: "a", Seen: record.Sight{Cluster: 1, Term: 5, Rev: 10}}, record.Sight{Cluster: 1, Term: 5, Rev: 10}
	g.adopt(rec, now)
	if err := g.answer(header(1, 5, 9)); !errors.Is(err, allocator.ErrFenced) {
		t.Fatalf("got %v, want ErrFenced", err)
	}
	rec.Epoch++
	g.adopt(rec, now)
	if revoked != 2 {
		t.Errorf("revoked %d times, want at the fence and at its end", revoked)
	}
}

// What was sent before a jump may have been answered by the history before it.
func TestAnswersFromBeforeAJump(t *testing.T) {
	g := newTestGuard(func() {})
	g.adopt(record.Incarnation{Lineage: "a", Seen: record.Sight{Cluster: 1, Term: 5, Rev: 10}}, record.Sight{Cluster: 1, Term: 5, Rev: 10})
	early, err := g.Begin()
	if err != nil {
		t.Fatal(err)
	}
	g.adopt(record.Incarnation{Lineage: "a", Epoch: 1, Seen: record.Sight{Cluster: 1, Term: 2, Rev: 5}}, record.Sight{Cluster: 1, Term: 2, Rev: 5})
	if err := g.End(early, header(1, 5, 11), false); !errors.Is(err, errLapsed) {
		t.Errorf("got %v, want errLapsed", err)
	}
	if err := g.answer(header(1, 2, 6)); err != nil { // and it has not counted
		t.Error(err)
	}
}

func TestGuardAllocatesNothing(t *testing.T) {
	g := newTestGuard(func() {})
	g.adopt(record.Incarnation{Lineage: "a", Seen: record.Sight{Cluster: 1, Term: 5, Rev: 10}}, record.Sight{Cluster: 1, Term: 5, Rev: 10})
	h := header(1, 5, 11)
	if n := testing.AllocsPerRun(100, func() {
		if err := g.answer(h); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkGuard(b *testing.B) {
	g := newTestGuard(func() {})
	g.adopt(record.Incarnation{Lineage: "a", Seen: record.Sight{Cluster: 1, Term: 5, Rev: 10}}, record.Sight{Cluster: 1, Term: 5, Rev: 10})
	h := header(1, 5, 11)
	b.ReportAllocs()
	for b.Loop() {
		_ = g.answer(h)
	}
}
