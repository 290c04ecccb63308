package worker_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/numbering"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// rules returns what a store's Numbers is, with one rule for all keys but those
// that begin with plain.
func rules(t testing.TB, c numbering.Config) func(string) *numbering.Rule {
	t.Helper()
	rule, err := numbering.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return func(key string) *numbering.Rule {
		if strings.HasPrefix(key, "plain") {
			return nil
		}
		return rule
	}
}

// counting counts by the rules of stores, as a Counter must.
func counting(stores []worker.Store) func(allocator.Key) etcd.Counting {
	return func(k allocator.Key) (c etcd.Counting) {
		for _, st := range stores {
			if st.Name != k.Store || st.Numbers == nil {
				continue
			}
			if rule := st.Numbers(k.Name); rule != nil {
				if rule.Bounded() {
					c.Limit = rule.Limit()
				}
				if rule.Periodic() {
					c.Period = rule.Period
				}
			}
		}
		return c
	}
}

// wallClock is a clock that a test sets.
type wallClock struct{ now atomic.Pointer[time.Time] }

func clockAt(t testing.TB, at string) *wallClock {
	c := &wallClock{}
	c.set(t, at)
	return c
}

func (c *wallClock) set(t testing.TB, at string) {
	t.Helper()
	now, err := time.Parse(time.RFC3339, at)
	if err != nil {
		t.Fatal(err)
	}
	c.now.Store(&now)
}

func (c *wallClock) Now() time.Time { return *c.now.Load() }

// put sends a request to a worker by the root that it alone listens under.
func (tm *team) put(t testing.TB, subject string, header nats.Header, body string) *nats.Msg {
	t.Helper()
	m, err := tm.nc.RequestMsg(&nats.Msg{Subject: subject, Header: header, Data: []byte(body)}, patience)
	if err != nil {
		t.Fatalf("%s: %v", subject, err)
	}
	return m
}

// want checks an answer byte for byte, and whether it is a repeat.
func want(t testing.TB, m *nats.Msg, body string, replayed bool) {
	t.Helper()
	if got := string(m.Data); got != body {
		t.Errorf("got  %q\nwant %q", got, body)
	}
	if got := m.Header.Get("Seq-Replayed"); (got == "true") != replayed || len(m.Header) > 1 {
		t.Errorf("headers %v, want a repeat %v", m.Header, replayed)
	}
}

var (
	strong, weak = []string{"Seq-Mode", "strong"}, []string{"Seq-Mode", "weak"}
	inText       = []string{"Accept", "text/plain"}
	inJSON       = []string{"Accept", "application/json"}
)

func with(pairs ...[]string) nats.Header {
	var all []string
	for _, p := range pairs {
		all = append(all, p...)
	}
	return header(all...)
}

// The answers of keys with numbers, byte for byte, in all formats: strong, weak from
// etcd and from memory, and owned. By the worker's clock it is 2026 in Greenwich, and
// 2027 in Berlin already.
func TestNumbersInEveryFormat(t *testing.T) {
	clock := clockAt(t, "2026-12-31T23:30:00Z")
	tm := newTeam(t, 1, true, func(c *worker.Config) {
		numbers := rules(t, numbering.Config{Period: "year", Zone: "Europe/Berlin", Format: "INV-{period}-{id:06}"})
		c.Now = clock.Now
		c.Backends[0].Stores = []worker.Store{
			{Name: "free", Numbers: numbers},
			{Name: "leased", Leased: true, Numbers: numbers},
			{Name: "timeless", Numbers: rules(t, numbering.Config{Format: "T{id:04}{check:damm}"})},
		}
	})
	for _, store := range []string{"free", "leased"} {
		for mode, asked := range map[string][]string{"strong": strong, "weak": weak} {
			t.Run(store+" "+mode, func(t *testing.T) {
				key := "seq." + store + ".k-" + mode
				ask := func(body string, pairs ...[]string) *nats.Msg {
					return tm.put(t, key, with(append(pairs, asked)...), body)
				}
				want(t, ask("", inText), "INV-2027-000001", false)
				want(t, ask(unhex(t, "80")), unhex(t, "84 a26964 d30000000000000002 a16e ce00000001"+
					"a6706572696f64 a432303237 a66e756d626572 af494e562d323032372d303030303032"), false)
				want(t, ask(`{"nonce":"x"}`), `{"id":"3","n":1,"period":"2027","number":"INV-2027-000003","nonce":"x"}`, false)
				want(t, ask(`{"n":2,"nonce":7}`), `{"id":"4","n":2,"period":"2027","numbers":["INV-2027-000004","INV-2027-000005"],"nonce":7}`, false)
				want(t, ask("", inText, []string{"Seq-Count", "3"}), "INV-2027-000006\nINV-2027-000007\nINV-2027-000008", false)
				reply, err := subjects.DecodeReply(nil, ask(unhex(t, "81 a16e cd03e8")).Data)
				if err != nil || reply.ID != 9 || reply.N != 1000 || len(reply.Numbers) != 1000 || reply.Numbers[999] != "INV-2027-001008" {
					t.Errorf("got %d ids from %d with %d numbers, %v", reply.N, reply.ID, len(reply.Numbers), err)
				}
				wantError(t, ask(`{"n":1001}`), subjects.BadRequest, "400", `{"code":"BAD_REQUEST","error":"n must be between 1 and 1000 for a key whose ids have numbers"}`)
				want(t, ask("", inText), "INV-2027-001009", false)
			})
		}
	}
	want(t, tm.put(t, "seq.timeless.k", nil, `{}`), `{"id":"1","n":1,"number":"T00013"}`, false)
	want(t, tm.put(t, "seq.timeless.k", with(strong, inText), ""), "T"+damm("0011"), false) // above the segment
	want(t, tm.put(t, "seq.free.plain", nil, `{"n":1001}`), `{"id":"1","n":1001}`, false)   // its own rule is none
	want(t, tm.put(t, "seq.free.plain2", nil, ""), unhex(t, "82 a26964 d30000000000000001 a16e ce00000001"), false)
}

// damm appends a check digit by the table that H. M. Damm published.
func damm(digits string) string {
	table := [10]string{
		"0317598642", "7092154863", "4206871359", "1750983426", "6123045978",
		"3674209581", "5869720134", "8945362017", "9438617205", "2581436790",
	}
	at := byte('0')
	for i := range len(digits) {
		at = table[at-'0'][digits[i]-'0']
	}
	return digits + string(at)
}

// apart is a team of two whose clocks a test sets. Callers choose between them by
// the root, "seq" or "other".
func apart(t *testing.T, store worker.Store, first, second *wallClock) *team {
	t.Helper()
	tm := newTeam(t, 0, true, nil)
	for root, clock := range map[string]*wallClock{subjects.Root: first, "other": second} {
		tm.join(t, func(c *worker.Config) {
			c.Root, c.Now = root, clock.Now
			c.Backends[0].Stores = []worker.Store{store}
		})
	}
	return tm
}

// Two workers whose clocks are 40 s apart begin a new period once: the one that is
// ahead begins it, and the other's next strong id is of it, whatever its clock says,
// nor does it end when that clock is set back. Owned keys' ids come from the owner.
func TestOneCutOver(t *testing.T) {
	for _, leased := range []bool{false, true} {
		t.Run(fmt.Sprintf("leased=%v", leased), func(t *testing.T) {
			before, after := "2026-10-25T22:59:40Z", "2026-10-25T23:00:20Z" // midnight, on the day when summer time ends
			ahead, behind := clockAt(t, before), clockAt(t, before)
			numbers := rules(t, numbering.Config{Period: "day", Zone: "Europe/Berlin", Format: "{yyyy}{mm}{dd}/{id}"})
			tm := apart(t, worker.Store{Name: "a", Leased: leased, Numbers: numbers}, ahead, behind)
			ask := func(root, number string) {
				t.Helper()
				want(t, tm.put(t, root+".a.ticket", with(strong, inText), ""), number, false)
			}
			ask("seq", "20261025/1")
			ask("other", "20261025/2")
			ahead.set(t, after)
			ask("seq", "20261026/1")
			ask("other", "20261026/2")
			ahead.set(t, before)
			ask("seq", "20261026/3")
			ask("other", "20261026/4")
			if !leased { // nobody hands weak requests over: the record alone tells the period
				want(t, tm.put(t, "other.a.ticket", with(weak, inText), ""), "20261026/5", false)
				ask("seq", "20261026/15")
			}
			ahead.set(t, "2026-10-26T23:00:00Z")
			behind.set(t, "2026-10-26T23:00:00Z")
			ask("other", "20261027/1")
			ask("seq", "20261027/2")
		})
	}
}

// A worker drops the rest of a segment once its clock is past the segment's period,
// and weak ids of the next one begin at 1.
func TestSegmentsEndWithThePeriod(t *testing.T) {
	clock := clockAt(t, "2028-02-29T23:59:59Z")
	numbers := rules(t, numbering.Config{Period: "month"})
	tm := newTeam(t, 1, true, func(c *worker.Config) {
		c.Now = clock.Now
		c.Backends[0].Stores = []worker.Store{{Name: "a", Numbers: numbers}}
	})
	ask := func(number string) {
		t.Helper()
		want(t, tm.put(t, "seq.a.ticket", with(weak, inText), ""), number, false)
	}
	ask("2028-02-1")
	ask("2028-02-2")
	clock.set(t, "2028-03-01T00:00:00Z")
	ask("2028-03-1")
	ask("2028-03-2")
	skipped := tm.crew[0].Snapshot().Stores[0].Skipped
	if skipped[allocator.GapPeriod.String()] == 0 {
		t.Errorf("ids skipped: %v, want those of the period that was over", skipped)
	}
}

// A number without room for the id is EXHAUSTED, in both modes, never cut; the next
// period has room again.
func TestNumbersBeyondTheirDigits(t *testing.T) {
	clock := clockAt(t, "2026-06-30T12:00:00Z")
	numbers := rules(t, numbering.Config{Period: "day", Format: "{period}-{id:02}"})
	tm := newTeam(t, 1, true, func(c *worker.Config) {
		c.Now = clock.Now
		c.Backends[0].Stores = []worker.Store{{Name: "a", Numbers: numbers}, {Name: "b", Leased: true, Numbers: numbers}}
	})
	for _, store := range []string{"a", "b"} {
		clock.set(t, "2026-06-30T12:00:00Z")
		key := "seq." + store + ".k"
		const exhausted = `{"code":"EXHAUSTED","error":"the key has no ids left"}`
		wantError(t, tm.put(t, key, nil, `{"n":100,"mode":"strong"}`), subjects.Exhausted, "507", exhausted)
		reply, err := subjects.DecodeReply(nil, tm.put(t, key, with(strong), unhex(t, "81 a16e 63")).Data)
		if err != nil || reply.Numbers[98] != "2026-06-30-99" {
			t.Fatalf("got %v, %v", reply.Numbers, err)
		}
		for _, mode := range [][]string{strong, weak} {
			wantError(t, tm.put(t, key, with(inJSON, mode), ""), subjects.Exhausted, "507", exhausted)
		}
		clock.set(t, "2026-07-01T12:00:00Z")
		want(t, tm.put(t, key, with(inText, strong), ""), "2026-07-01-01", false)
	}
}

// Who asks for owned ids by another worker gets numbers as well.
func TestNumbersOfAnotherOwner(t *testing.T) {
	clock := clockAt(t, "2026-06-30T12:00:00Z")
	numbers := rules(t, numbering.Config{Period: "day"})
	tm := apart(t, worker.Store{Name: "a", Leased: true, Numbers: numbers}, clock, clock)
	for i := range 6 {
		root := []string{"seq", "other"}[i%2]
		want(t, tm.put(t, root+".a.k", with(inText), ""), fmt.Sprint("2026-06-30-", i+1), false)
	}
	// The word about a request follows its answer.
	eventually(t, func() bool {
		over := int64(0)
		for _, m := range tm.crew {
			over += m.Snapshot().HandedOver
		}
		return over > 0
	}, "nothing was handed over")
}
