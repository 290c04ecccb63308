package worker_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// What loses a race is handed over, and so is what comes later; the winner answers
// the callers, each once, and counts it.
func TestHandedOver(t *testing.T) {
	f, first, second, other := pair(t)
	id := other.ID()
	first.rival.Store(&id)
	reply, answers := f.inbox(t)
	const requests = 100
	var history allocatortest.History
	for range requests {
		f.request(t, reply, 3)
	}
	for range requests {
		history.Add(allocatortest.Op{Key: key, Ids: wantAnswer(t, answers)})
	}
	wantNoAnswer(t, answers)
	if err := allocatortest.CheckUnique(history.Ops()); err != nil {
		t.Error(err)
	}
	if first.alone.Load() != 0 || second.alone.Load() == 0 {
		t.Errorf("%d advances are the loser's, %d the winner's", first.alone.Load(), second.alone.Load())
	}
	eventually(t, func() bool { s := f.Snapshot(); return s.HandedOver == requests && s.InFlight == 0 }, "not all are known to be taken")
	mine, others := f.Snapshot(), other.Snapshot()
	if mine.HandoverMessages < 1 || mine.HandoverMessages > requests || mine.HandoversRefused+mine.HandoversLost != 0 || others.HandoversReceived != requests {
		t.Errorf("got %+v and %+v", mine, others)
	}
	if got := requestsOf(others.Stores[0]); got["strong slow"] != requests || len(requestsOf(mine.Stores[0])) != 0 {
		t.Errorf("the winner counts %v, the loser %v", got, requestsOf(mine.Stores[0]))
	}
}

// A winner that does not take a request costs time only: it is served where it
// came to, and its caller has one answer.
func TestNotTaken(t *testing.T) {
	hear := func(t *testing.T, f *fixture, subject string, handle func(*nats.Msg)) {
		t.Helper()
		if _, err := f.nc.Subscribe(subject, handle); err != nil {
			t.Fatal(err)
		}
		if err := f.nc.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	said := func(word string) func(*testing.T, *fixture, *running) string {
		return func(t *testing.T, f *fixture, _ *running) string {
			hear(t, f, worker.PeerSubject("peer"), func(m *nats.Msg) { _ = m.Respond([]byte(word)) })
			return "peer"
		}
	}
	for name, test := range map[string]struct {
		winner func(*testing.T, *fixture, *running) string
		lost   int64
	}{
		"gone": {func(*testing.T, *fixture, *running) string { return "long-gone" }, 0},
		"of an old version": {func(t *testing.T, f *fixture, _ *running) string {
			hear(t, f, "_SEQD.old.advance.>", func(*nats.Msg) { t.Error("an old version is asked") })
			return "old"
		}, 0},
		"refuses":                   {said("\x01\x01"), 0},
		"of a newer version":        {said("\x02\x00"), 0},
		"that talks nonsense":       {said("junk"), 0},
		"that refuses by a bit map": {said("\x01\x02\x01"), 0},
		"silent": {func(t *testing.T, f *fixture, _ *running) string {
			hear(t, f, worker.PeerSubject("mute"), func(*nats.Msg) {})
			return "mute"
		}, 1},
		"stopped": {func(t *testing.T, _ *fixture, other *running) string {
			if err := other.stop(t); err != nil {
				t.Fatal(err)
			}
			return other.ID()
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f, first, _, other := pair(t)
			winner := test.winner(t, f, other)
			first.rival.Store(&winner)
			reply, answers := f.inbox(t)
			f.request(t, reply, 5)
			if ids := wantAnswer(t, answers); ids != (allocator.Range{First: 1, N: 5}) {
				t.Errorf("got %v, want 1 to 5", ids)
			}
			wantNoAnswer(t, answers)
			if s := f.Snapshot(); s.HandedOver != 0 || s.HandoversLost != test.lost || s.HandoversRefused != 1-test.lost || s.InFlight != 0 {
				t.Errorf("got %+v", s)
			}
			if first.alone.Load() != 1 {
				t.Errorf("it advanced %d times, want once", first.alone.Load())
			}
		})
	}
}

// A word that comes too late, or twice, changes nothing.
func TestLateWord(t *testing.T) {
	f, first, _, _ := pair(t)
	peer := f.rival(t, first, "slow")
	reply, answers := f.inbox(t)
	f.request(t, reply, 1)
	m, err := peer.NextMsg(patience)
	if err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, answers) // its own, after it has waited for the word
	for range 3 {
		if err := m.Respond([]byte("\x01\x00")); err != nil {
			t.Fatal(err)
		}
	}
	f.ask(t, "seq.a.key", header("Seq-Count", "0"), "")
	if s := f.Snapshot(); s.HandedOver != 0 || s.HandoversLost != 1 || s.InFlight != 0 {
		t.Errorf("got %+v", s)
	}
	wantNoAnswer(t, answers)
}

// Of several words about a message the first one counts.
func TestWordSaidTwice(t *testing.T) {
	f, first, _, _ := pair(t)
	peer := f.rival(t, first, "eager")
	reply, answers := f.inbox(t)
	f.request(t, reply, 1)
	m, err := peer.NextMsg(patience)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"\x01\x00", "\x01\x00", "\x01\x01"} {
		if err := m.Respond([]byte(word)); err != nil {
			t.Fatal(err)
		}
	}
	f.ask(t, "seq.a.key", header("Seq-Count", "0"), "")
	eventually(t, func() bool { return f.Snapshot().HandedOver == 1 }, "it is not taken")
	// Nor is it a word about what was handed over later.
	f.request(t, reply, 1)
	if _, err := peer.NextMsg(patience); err != nil {
		t.Fatal(err)
	}
	if err := m.Respond([]byte("\x01\x00")); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, answers) // its own, as no word came
	wantNoAnswer(t, answers)
	if s := f.Snapshot(); s.HandedOver != 1 || s.HandoversRefused != 0 || s.HandoversLost != 1 || s.InFlight != 0 {
		t.Errorf("got %+v", s)
	}
}

// Two that believe in each other do not pass requests back and forth.
func TestRivalsOfEachOther(t *testing.T) {
	f, first, second, other := pair(t)
	idFirst, idSecond := f.ID(), other.ID()
	first.rival.Store(&idSecond)
	second.rival.Store(&idFirst)
	for want := int64(1); want <= 20; want++ {
		if ids, err := f.next(t, key, subjects.Strong, 1); err != nil || ids.First != want {
			t.Errorf("got %v, %v, want %d", ids, err, want)
		}
	}
}

// A worker that hands a key over itself does not take it from others, so that all
// come to ask the one that wins.
func TestLosersTakeNothing(t *testing.T) {
	f, first, second, other := pair(t)
	taker, idSecond := "taker", other.ID()
	second.rival.Store(&taker)
	if _, err := f.nc.Subscribe(worker.PeerSubject(taker), func(m *nats.Msg) { _ = m.Respond([]byte("\x01\x00")) }); err != nil {
		t.Fatal(err)
	}
	request := subjects.Request{N: 1, Mode: subjects.Strong}
	if err := f.nc.PublishRequest("other.a.key", "_INBOX.nobody", request.Append(nil)); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return other.Snapshot().HandedOver == 1 }, "it is not handed over")
	first.rival.Store(&idSecond)
	if ids, err := f.next(t, key, subjects.Strong, 1); err != nil || ids.First != 1 {
		t.Errorf("got %v, %v, want 1", ids, err)
	}
	if s, o := f.Snapshot(), other.Snapshot(); s.HandoversRefused != 1 || s.HandedOver != 0 || o.HandoversReceived != 0 {
		t.Errorf("got %+v and %+v", s, o)
	}
}

// A worker that drains takes nothing. It did once, and where callers wanted a key
// all the time its rivals kept it busy until DrainTimeout.
func TestDrainingWorkerTakesNothing(t *testing.T) {
	f, first, second, other := pair(t)
	id := other.ID()
	first.rival.Store(&id)
	release := f.memory.Stall(key) // holds up what the second has taken, and so its drain
	reply, answers := f.inbox(t)
	f.request(t, reply, 1)
	eventually(t, func() bool { return second.alone.Load() == 1 }, "the request was not handed over")
	stopped := make(chan error, 1)
	go func() { stopped <- other.stop(t) }()
	other.waitState(t, worker.Draining)
	f.request(t, reply, 1)
	eventually(t, func() bool { return first.alone.Load() == 1 }, "it is not served where it came to")
	release()
	wantAnswer(t, answers)
	wantAnswer(t, answers)
	wantNoAnswer(t, answers)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// A worker stops with what it has handed over on its way.
func TestDrainWithHandoversOnTheirWay(t *testing.T) {
	f, first, _, _ := pair(t)
	peer := f.rival(t, first, "mute")
	reply, answers := f.inbox(t)
	f.request(t, reply, 1)
	if _, err := peer.NextMsg(patience); err != nil {
		t.Fatal(err)
	}
	if err := f.stop(t); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, answers)
	wantNoAnswer(t, answers)
}

// Versions that handed over counts of ids are told at once that nobody is there.
func TestOldVersionsAreNotHeard(t *testing.T) {
	f := start(t, nil)
	if _, err := f.nc.Request("_SEQD."+f.ID()+".advance.a.key", nil, patience); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("got %v, want no responders", err)
	}
}

// What a worker can't read it does not take.
func TestMalformedHandover(t *testing.T) {
	f := start(t, nil)
	for _, body := range []string{"", "junk", "\x01", "\x01\x00\xc8\xff\xff", "\x02\x00\xc8\x00\x01"} {
		if m := f.ask(t, worker.PeerSubject(f.ID()), nil, body); !strings.HasPrefix(string(m.Data), "\x01\x01") {
			t.Errorf("%q: got %q, want that none is taken", body, m.Data)
		}
	}
	if err := f.nc.PublishRequest(worker.PeerSubject(f.ID()), "seq.a.b", []byte("junk")); err != nil {
		t.Fatal(err)
	}
	f.ask(t, "seq.a.fence", nil, "")
	if n := f.Snapshot().NoReply; n != 1 {
		t.Errorf("%d messages without a usable reply subject, want 1", n)
	}
}

// Several workers over one etcd, without leases: nobody is answered twice, while
// they race and one after the other is replaced.
func TestRacingTeam(t *testing.T) {
	free := func(c *worker.Config) { c.Backends[0].Lease, c.Backends[0].Stores = 0, []worker.Store{{Name: "a"}} }
	tm := startTeam(t, 3, free)
	c := tm.call(t, 12, keys(6)...)
	for i := range 3 {
		before := len(c.history.Ops())
		eventually(t, func() bool { return len(c.history.Ops()) > before+1000 }, "it is too slow")
		tm.join(t, free)
		if err := tm.crew[i].stop(t); err != nil {
			t.Error(err)
		}
	}
	c.end(t, 0)
	if len(c.refused) > 0 {
		t.Errorf("refused: %v", c.refused)
	}
	over := int64(0)
	for _, m := range tm.crew {
		s := m.Snapshot()
		over += s.HandedOver
	}
	if over == 0 {
		t.Error("nothing was handed over")
	}
}

// A worker that has ended, and whose name is in the record still, is asked once and
// not again for each batch.
func TestNobodyIsAskedOnce(t *testing.T) {
	f, first, _, _ := pair(t)
	dead := "dead"
	first.rival.Store(&dead)
	reply, answers := f.inbox(t)
	for range 20 {
		f.request(t, reply, 1)
		wantAnswer(t, answers)
	}
	if s := f.Snapshot(); s.HandoverMessages != 1 || s.HandoversRefused != 1 {
		t.Errorf("got %+v", s)
	}
	wantNoAnswer(t, answers)
}
