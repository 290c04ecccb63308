package worker_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/numbering"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

const window = 10 * 60 * 1e9 // ten minutes

func once(key string) []string { return []string{"Idempotency-Key", key} }

// recorded returns how many answers etcd holds for a key.
func (tm *team) recorded(t testing.TB, store, key string) int64 {
	t.Helper()
	resp, err := tm.db.Connect(t).Get(t.Context(), "/seqd/v1/answers/"+store+"/"+key+"/", clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		t.Fatal(err)
	}
	return resp.Count
}

// onceTeam is two workers that callers choose between by the root.
func onceTeam(t *testing.T, change func(*worker.Config), stores ...worker.Store) *team {
	t.Helper()
	for i := range stores {
		stores[i].IdempotencyWindow = window
	}
	tm := newTeam(t, 0, true, nil)
	for _, root := range []string{subjects.Root, "other"} {
		tm.join(t, func(c *worker.Config) {
			c.Root, c.Backends[0].Stores = root, stores
			c.Now = clockAt(t, "2026-11-29T12:00:00Z").Now
			if change != nil {
				change(c)
			}
		})
	}
	return tm
}

// A request that is made again gets the answer that it got, from the other worker
// too, in whatever format it asks for it now, and is told so; another one with its
// key gets none.
func TestSameAnswer(t *testing.T) {
	numbers := rules(t, numbering.Config{Period: "year", Format: "INV-{period}-{id:06}"})
	tm := onceTeam(t, nil, worker.Store{Name: "free", Numbers: numbers}, worker.Store{Name: "leased", Leased: true, Numbers: numbers})
	const clash = `{"code":"BAD_REQUEST","error":"the idempotency key was used for a request with another n or mode"}`
	for _, store := range []string{"free", "leased"} {
		for mode, asked := range map[string][]string{"strong": strong, "weak": weak} {
			t.Run(store+" "+mode, func(t *testing.T) {
				ask := func(root, key, body string, pairs ...[]string) *nats.Msg {
					return tm.put(t, root+"."+store+"."+key+"-"+mode, with(append(pairs, asked)...), body)
				}
				want(t, ask("seq", "plain", "", once("a")), unhex(t, "82 a26964 d30000000000000001 a16e ce00000001"), false)
				want(t, ask("seq", "plain", "", once("a")), unhex(t, "82 a26964 d30000000000000001 a16e ce00000001"), true)
				want(t, ask("other", "plain", `{"idempotency_key":"a","nonce":"x"}`), `{"id":"1","n":1,"nonce":"x"}`, true)
				want(t, ask("other", "plain", unhex(t, "81 af"+"6964656d706f74656e63795f6b6579"+"c40161"), inText), "1", true)
				want(t, ask("seq", "plain", `{"idempotency_key":"a"}`, once("b")), `{"id":"2","n":1}`, false) // the header wins
				want(t, ask("other", "plain", `{"n":3}`, once("a/µ ")), `{"id":"3","n":3}`, false)
				want(t, ask("seq", "plain", `{"n":3}`, []string{"idempotency-key", "a/µ "}, inText), "3 5", true)
				if n := tm.recorded(t, store, "plain-"+mode); n != 3 {
					t.Errorf("%d answers are recorded, want 3", n)
				}

				want(t, ask("other", "k", "", once("a"), inText), "INV-2026-000001", false)
				want(t, ask("seq", "k", "", once("a"), inText), "INV-2026-000001", true)
				want(t, ask("seq", "k", "", once("a")), unhex(t, "84 a26964 d30000000000000001 a16e ce00000001"+
					"a6706572696f64 a432303236 a66e756d626572 af494e562d323032362d303030303031"), true)
				want(t, ask("other", "k", `{"n":2}`, once("b")), `{"id":"2","n":2,"period":"2026","numbers":["INV-2026-000002","INV-2026-000003"]}`, false)
				want(t, ask("seq", "k", `{"n":2}`, once("b")), `{"id":"2","n":2,"period":"2026","numbers":["INV-2026-000002","INV-2026-000003"]}`, true)

				for _, m := range []*nats.Msg{
					ask("seq", "k", `{"n":3}`, once("b")), ask("other", "k", `{}`, once("b")),
					tm.put(t, "other."+store+".k-"+mode, with(once("a"), map[string][]string{"strong": weak, "weak": strong}[mode]), `{}`),
				} {
					wantError(t, m, subjects.BadRequest, "400", clash)
				}
				want(t, ask("seq", "plain", `{"n":2}`, once("c")), `{"id":"6","n":2}`, false) // nothing was spent by repeats
			})
		}
	}
	for _, store := range []string{"free", "leased"} { // whoever has made them
		eventually(t, func() bool { return replayed(tm, store) == 14 }, "repeats of %s: %d are counted, want 14", store, replayed(tm, store))
	}
}

func replayed(tm *team, store string) (n int64) {
	for _, m := range tm.crew {
		for _, st := range m.Snapshot().Stores {
			if st.Name == store {
				n += st.Replayed
			}
		}
	}
	return n
}

// A store whose window is 0 refuses idempotency keys, and spends nothing.
func TestNoWindow(t *testing.T) {
	f := start(t, nil)
	for _, m := range []*nats.Msg{f.ask(t, "seq.a.k", with(inJSON, once("a")), ""), f.ask(t, "seq.a.k", nil, `{"idempotency_key":"a"}`)} {
		wantError(t, m, subjects.BadRequest, "400", `{"code":"BAD_REQUEST","error":"this store takes no idempotency keys: a second request would get other ids"}`)
	}
	if calls := f.memory.Calls(); len(calls) > 0 {
		t.Errorf("refused requests burnt ids: %v", calls)
	}
}

// What is answered EXHAUSTED, BUSY or FENCED leaves no record: the key is free for
// the request that is made when that has passed.
func TestErrorsAreNotRecorded(t *testing.T) {
	tm := newTeam(t, 1, false, func(c *worker.Config) {
		c.MaxWaiting = 1
		c.Backends[0].Stores = []worker.Store{{
			Name: "a", DefaultMode: subjects.Strong, IdempotencyWindow: window, Numbers: rules(t, numbering.Config{Format: "N{id:01}"}),
		}}
	})
	waiting := int64(0) // beside the one that asks
	ask := func(key, id string, n int, mode []string) *nats.Msg {
		// A request's place is free only shortly after its answer.
		eventually(t, func() bool { return tm.crew[0].Snapshot().InFlight == waiting }, "an answered request still waits")
		return tm.put(t, "seq.a."+key, with(inJSON, once(id), mode), fmt.Sprintf(`{"n":%d}`, n))
	}
	wantCode := func(m *nats.Msg, code subjects.Code) {
		t.Helper()
		if got := m.Header.Get("Nats-Service-Error"); !strings.HasPrefix(got, string(code)+":") {
			t.Errorf("got %q %s, want %s", got, m.Data, code)
		}
	}
	none := func(key string, records int64) {
		t.Helper()
		if n := tm.recorded(t, "a", key); n != records {
			t.Errorf("%s: %d answers are recorded, want %d", key, n, records)
		}
	}

	wantCode(ask("exhausted", "x", 10, strong), subjects.Exhausted)
	none("exhausted", 0)
	want(t, ask("exhausted", "x", 8, weak), `{"id":"1","n":8,"numbers":["N1","N2","N3","N4","N5","N6","N7","N8"]}`, false)
	wantCode(ask("exhausted", "y", 2, strong), subjects.Exhausted)
	none("exhausted", 1)
	want(t, ask("exhausted", "y", 1, strong), `{"id":"9","n":1,"number":"N9"}`, false)
	want(t, ask("exhausted", "y", 1, strong), `{"id":"9","n":1,"number":"N9"}`, true) // though none is left

	m := tm.crew[0]
	m.etcd.Blackhole()
	reply := tm.nc.NewInbox()
	first, err := tm.nc.SubscribeSync(reply)
	if err != nil {
		t.Fatal(err)
	}
	if err := tm.nc.PublishMsg(&nats.Msg{Subject: "seq.a.plain", Reply: reply, Header: with(once("w"))}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return m.Snapshot().InFlight == 1 }, "it does not wait")
	waiting = 1
	wantCode(ask("plain", "x", 1, strong), subjects.Busy)
	m.etcd.Heal()
	if _, err := first.NextMsg(patience); err != nil {
		t.Fatal(err)
	}
	waiting = 0
	eventually(t, func() bool { return m.Snapshot().InFlight == 0 }, "it still waits")
	if n := tm.recorded(t, "a", "plain"); n > 1 {
		t.Errorf("%d answers are recorded, want that of who has waited at most", n)
	}
	eventually(t, func() bool { // after the black hole etcd may be away for a moment
		return ask("plain", "x", 1, strong).Header == nil
	}, "the request that was BUSY gets no answer of its own")

	want(t, ask("fenced", "a", 1, strong), `{"id":"1","n":1,"number":"N1"}`, false)
	if _, err := tm.db.Connect(t).Delete(context.Background(), "/seqd/v1/counters/a/fenced"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		wantCode(ask("fenced", "b", 1, strong), subjects.Fenced)
	}
	none("fenced", 1)
}

// The owner answers requests with an idempotency key that are handed over to it, and
// makes repeats as well.
func TestHandedOverWithItsKey(t *testing.T) {
	tm := onceTeam(t, nil, worker.Store{Name: "a", Leased: true})
	want(t, tm.put(t, "seq.a.k", with(strong, inText), ""), "1", false)
	first := tm.put(t, "other.a.k", with(strong, inText, once("a")), "")
	want(t, tm.put(t, "seq.a.k", with(strong, inText, once("a")), ""), string(first.Data), true)
	want(t, tm.put(t, "other.a.k", with(strong, inText, once("a")), ""), string(first.Data), true)
	// The word about a request follows its answer.
	eventually(t, func() bool {
		return tm.crew[1].Snapshot().HandedOver == 2 && tm.crew[0].Snapshot().HandoversReceived == 2
	}, "not two requests are known to be handed over, and taken")
	if first.Header != nil || string(first.Data) == "1" {
		t.Errorf("got %q, %v", first.Data, first.Header)
	}
}

// Two workers that race for a key get every request twice, at one time: each of the
// two has the same ids, and one of them is the repeat.
func TestRacingRepeats(t *testing.T) {
	for _, leased := range []bool{false, true} {
		t.Run(fmt.Sprintf("leased=%v", leased), func(t *testing.T) {
			tm := onceTeam(t, nil, worker.Store{Name: "a", DefaultMode: subjects.Strong, Leased: leased})
			const requests = 200
			reply := tm.nc.NewInbox()
			answers, err := tm.nc.SubscribeSync(reply + ".*")
			if err != nil {
				t.Fatal(err)
			}
			for i := range requests {
				for _, root := range []string{"seq", "other"} {
					m := &nats.Msg{Subject: root + ".a.k", Reply: fmt.Sprint(reply, ".", i), Header: with(inText, once(fmt.Sprint("r", i)))}
					if err := tm.nc.PublishMsg(m); err != nil {
						t.Fatal(err)
					}
				}
			}
			got, repeats, seen := map[string]string{}, map[string]int{}, map[string]bool{}
			for range 2 * requests {
				m, err := answers.NextMsg(patience)
				if err != nil {
					t.Fatal(err)
				}
				id := string(m.Data)
				if before, again := got[m.Subject]; again && before != id {
					t.Errorf("%s got %s and %s", m.Subject, before, id)
				} else if !again && seen[id] {
					t.Errorf("%s got %s, which another request has", m.Subject, id)
				}
				got[m.Subject], seen[id] = id, true
				if m.Header.Get("Seq-Replayed") == "true" {
					repeats[m.Subject]++
				}
			}
			for subject, n := range repeats {
				if n != 1 {
					t.Errorf("%s has %d repeats", subject, n)
				}
			}
			if len(got) != requests || len(repeats) != requests {
				t.Errorf("%d requests were answered, %d of them once more; want %d", len(got), len(repeats), requests)
			}
		})
	}
}

// A weak request with an idempotency key is not answered from a segment in memory,
// whose ids nobody has recorded for it.
func TestNotFromMemory(t *testing.T) {
	tm := onceTeam(t, nil, worker.Store{Name: "a"})
	want(t, tm.put(t, "seq.a.k", with(weak, inText), ""), "1", false)
	first := tm.put(t, "seq.a.k", with(weak, inText, once("a")), "")
	want(t, tm.put(t, "other.a.k", with(weak, inText, once("a")), ""), string(first.Data), true)
}
