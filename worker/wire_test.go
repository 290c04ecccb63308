package worker_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// The answers of a worker, byte for byte, over a real connection.
func TestAnswers(t *testing.T) {
	f := start(t, nil)
	for _, test := range []struct {
		name    string
		subject string
		header  nats.Header
		body    string // msgpack in hex behind "0x"
		want    string
	}{
		{"empty body", "seq.a.plain", nil, "", "0x 82 a26964 d30000000000000001 a16e ce00000001"},
		{"empty map", "seq.a.map", nil, "0x 80", "0x 82 a26964 d30000000000000001 a16e ce00000001"},
		{"range and nonce", "seq.a.range", nil, "0x 83 a16e 0a a46d6f6465 a67374726f6e67 a56e6f6e6365 a3616263",
			"0x 83 a26964 d30000000000000001 a16e ce0000000a a56e6f6e6365 a3616263"},
		{"nonce keeps its width", "seq.a.nonce", nil, "0x 81 a56e6f6e6365 cf0000000000000007",
			"0x 83 a26964 d30000000000000001 a16e ce00000001 a56e6f6e6365 cf0000000000000007"},
		{"JSON", "seq.a.json", nil, `{"n":3,"nonce":"x","other":[1,{}]}`, `{"id":"1","n":3,"nonce":"x"}`},
		{"headers", "seq.a.headers", header("Seq-Count", "10", "Seq-Mode", "strong", "Accept", "text/plain"), "", "1 10"},
		{"text for one", "seq.a.text", header("Accept", "text/plain"), "", "1"},
		{"header wins", "seq.a.wins", header("Seq-Count", "2", "Accept", "application/json"), "0x 81 a16e 64", `{"id":"1","n":2}`},
		{"headers in small letters", "seq.a.small", header("seq-count", "10", "seq-mode", "strong", "accept", "text/plain"), "", "1 10"},
		{"names in binary", "seq.a.binary", nil, "0x 82 c4016e 0a c4046d6f6465 c4067374726f6e67", "0x 82 a26964 d30000000000000001 a16e ce0000000a"},
		{"null is not given", "seq.a.null", nil, ` {"n":2,"mode":null,"nonce":null,"idempotency_key":null}`, `{"id":"1","n":2}`},
		{"most ids at once", "seq.a.most", header("Seq-Count", "100000", "Accept", "text/plain"), "", "1 100000"},
		{"odd key", "seq.a.=E5=8F=91/b.c=20d", header("Accept", "text/plain"), "", "1"},
		{"200 bytes of key", "seq.a." + strings.Repeat("k", 200), header("Accept", "text/plain"), "", "1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := f.ask(t, test.subject, test.header, bytesOf(t, test.body))
			if got, want := string(m.Data), bytesOf(t, test.want); got != want {
				t.Errorf("got %q\nwant %q", got, want)
			}
			if len(m.Header) > 0 {
				t.Errorf("headers %v on ids", m.Header)
			}
		})
	}
}

func bytesOf(t *testing.T, s string) string {
	if data, ok := strings.CutPrefix(s, "0x"); ok {
		return unhex(t, data)
	}
	return s
}

// wantError checks an error answer: its headers, and its body in JSON.
func wantError(t *testing.T, m *nats.Msg, code subjects.Code, number, body string) {
	t.Helper()
	if got := m.Header[subjects.ErrorCodeHeader]; len(got) != 1 || got[0] != number {
		t.Errorf("code header %q, want %s", got, number)
	}
	if got := m.Header[subjects.ErrorHeader]; len(got) != 1 || !strings.HasPrefix(got[0], string(code)+": ") {
		t.Errorf("error header %q, want %s: …", got, code)
	}
	if string(m.Data) != body {
		t.Errorf("got  %s\nwant %s", m.Data, body)
	}
}

var asJSON = header("Accept", "application/json")

func TestBadRequests(t *testing.T) {
	f := start(t, func(c *worker.Config) {
		c.Backends[0].Stores = []worker.Store{
			{Name: subjects.AnyStore},
			{Name: "strict", DefaultMode: subjects.Strong, Modes: []subjects.Mode{subjects.Strong}, MaxCount: 5},
		}
	})
	for _, test := range []struct {
		name    string
		subject string
		header  nats.Header
		body    string
		text    string
	}{
		{"bad escape", "seq.a.x=2", asJSON, "", `key byte 1: = must be followed by two upper-case hex digits`},
		{"literal wildcard", "seq.a.*", asJSON, "", `key byte 0, '*', must be written =2A`},
		{"number", "seq.a.x", nil, "1", `body must be empty, a msgpack map or a JSON object, not a JSON number: for a count send {\"n\":2} or the header Seq-Count`},
		{"array", "seq.a.x", nil, " [1]", `body must be empty, a msgpack map or a JSON object, not a JSON array`},
		{"nearly n", "seq.a.x", nil, `{"N":10}`, `field \"N\" must be written \"n\"`},
		{"nearly n in msgpack", "seq.a.x", asJSON, "0x 82 a16e 0a a14e 0a", `field \"N\" must be written \"n\"`},
		{"envelope", "seq.a.x", nil, `{"pattern":"seq.a.x","data":{"n":2},"id":"6d1f0a"}`, `no field of the body is known: seqd knows n, mode, nonce and idempotency_key, at the top of the map, not inside an envelope`},
		{"n twice", "seq.a.x", nil, `{"n":2,"n":3}`, `field \"n\" stands twice`},
		{"idempotency key", "seq.a.x", nil, `{"idempotency_key":""}`, `idempotency_key must have 1 to 64 bytes`},
		{"idempotency header", "seq.a.x", header("idempotency-key", strings.Repeat("k", 65), "accept", "application/json"), "", `Idempotency-Key must have 1 to 64 bytes`},
		{"unknown header", "seq.a.x", header("Seq-N", "3"), `{}`, `header \"Seq-N\" is not known: seqd reads Accept, Seq-Count, Seq-Mode, Seq-Timeout-Ms and Idempotency-Key`},
		{"nearly a header", "seq.a.x", header("Seq_Count", "3"), `{}`, `header \"Seq_Count\" must be written Seq-Count`},
		{"no ids", "seq.a.x", nil, `{"n":0}`, `n must be between 1 and 4294967295, not 0`},
		{"wrong type", "seq.a.x", nil, `{"n":"7"}`, `n must be an integer that fits 64 bits`},
		{"too many", "seq.a.x", nil, `{"n":100001}`, `n must be between 1 and 100000 for this store, not 100001`},
		{"mode", "seq.a.x", nil, `{"mode":"fast"}`, `mode must be strong or weak, not \"fast\"`},
		{"store's mode", "seq.strict.x", nil, `{"mode":"weak"}`, `mode weak is not allowed for this store, only strong`},
		{"store's count", "seq.strict.x", nil, `{"n":6}`, `n must be between 1 and 5 for this store, not 6`},
		{"count header", "seq.a.x", header("Seq-Count", "ten", "Accept", "application/json"), "", `Seq-Count must be a whole number, not \"ten\"`},
		{"timeout header", "seq.a.x", header("Seq-Timeout-Ms", "-1", "Accept", "application/json"), "", `Seq-Timeout-Ms must be a whole number, not \"-1\"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := f.ask(t, test.subject, test.header, bytesOf(t, test.body))
			wantError(t, m, subjects.BadRequest, "400", `{"code":"BAD_REQUEST","error":"`+test.text+`"}`)
		})
	}
	if calls := f.memory.Calls(); len(calls) > 0 {
		t.Errorf("bad requests burnt ids: %v", calls)
	}
	// The store's own rules, reached through the subscription for every store.
	if ids, err := f.next(t, allocator.Key{Store: "strict", Name: "x"}, subjects.DefaultMode, 5); err != nil || ids.N != 5 {
		t.Errorf("got %v, %v", ids, err)
	}
	if calls := f.memory.Calls(); len(calls) != 1 || calls[0].N != 5 {
		t.Errorf("the store's default mode was not strong: %v", calls)
	}
}

// Every error in the three formats, with the nonce it came with.
func TestErrorFormats(t *testing.T) {
	f := start(t, nil)
	f.memory.Set(allocator.Key{Store: "a", Name: "end"}, math.MaxInt64)
	for _, test := range []struct {
		name   string
		header nats.Header
		body   string
		want   string
	}{
		{"msgpack", nil, "0x 81 a56e6f6e6365 07", "0x 83 a4636f6465 a9455848415553544544 a56572726f72 b7" +
			"746865206b657920686173206e6f20696473206c656674 a56e6f6e6365 07"},
		{"JSON", nil, `{"nonce":7}`, `{"code":"EXHAUSTED","error":"the key has no ids left","nonce":7}`},
		{"text", header("Accept", "text/plain"), "", "error: EXHAUSTED: the key has no ids left"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := f.ask(t, "seq.a.end", test.header, bytesOf(t, test.body))
			wantError(t, m, subjects.Exhausted, "507", bytesOf(t, test.want))
		})
	}
}

// What the counter's errors look like to a caller: a code and our own words,
// never etcd's.
func TestCounterErrors(t *testing.T) {
	f := start(t, func(c *worker.Config) { c.MaxPatience = patience })
	for _, test := range []struct {
		err    error
		code   subjects.Code
		number string
		body   string
	}{
		{allocator.ErrExhausted, subjects.Exhausted, "507", `{"code":"EXHAUSTED","error":"the key has no ids left"}`},
		{allocator.ErrFenced, subjects.Fenced, "409", `{"code":"FENCED","error":"etcd's history went backwards; an operator must act"}`},
		{allocator.ErrUnreadable, subjects.Internal, "500", `{"code":"INTERNAL","error":"the key's record in etcd is not understood"}`},
		{errors.New("etcdserver: something foreign"), subjects.Internal, "500", `{"code":"INTERNAL","error":"a fault in seqd"}`},
	} {
		f.memory.Script(func(allocatortest.Call) allocatortest.Fault {
			return allocatortest.Fault{Outcome: allocatortest.Refused, Err: test.err}
		})
		for _, mode := range []string{"strong", "weak"} {
			t.Run(test.err.Error()+"/"+mode, func(t *testing.T) {
				m := f.ask(t, "seq.a."+mode, header("Accept", "application/json", "Seq-Mode", mode), "")
				wantError(t, m, test.code, test.number, test.body)
			})
		}
	}
}

// What may pass is tried again until the request's patience ends, and what it
// came to then is said.
func TestUnavailable(t *testing.T) {
	asks := func(t *testing.T, modes []string, spoil func(*allocatortest.Memory)) {
		pace.Enough(t, 50*time.Millisecond, func(d time.Duration) error {
			f := start(t, func(c *worker.Config) { c.MaxPatience = d })
			spoil(f.memory)
			for _, mode := range modes {
				m := f.ask(t, "seq.a."+mode, header("Accept", "application/json", "Seq-Mode", mode), "")
				if m.Header.Get(subjects.ErrorCodeHeader) == "504" {
					return errors.New("it was too late when the worker came to it")
				}
				wantError(t, m, subjects.Unavailable, "503", `{"code":"UNAVAILABLE","error":"etcd can't be reached or refuses writes","retry_after_ms":250}`)
			}
			return nil
		})
	}
	t.Run("refused", func(t *testing.T) {
		asks(t, []string{"strong", "weak"}, func(m *allocatortest.Memory) {
			m.Script(func(allocatortest.Call) allocatortest.Fault {
				return allocatortest.Fault{Outcome: allocatortest.Refused, Err: allocator.ErrUnavailable}
			})
		})
	})
	t.Run("no answer in time", func(t *testing.T) {
		asks(t, []string{"strong"}, func(m *allocatortest.Memory) {
			t.Cleanup(m.Stall(allocator.Key{Store: "a", Name: "strong"}))
		})
	})
}

func TestBusy(t *testing.T) {
	f := start(t, func(c *worker.Config) { c.MaxWaiting = 1 })
	key := allocator.Key{Store: "a", Name: "slow"}
	release := f.memory.Stall(key)
	first := make(chan error, 1)
	go func() {
		_, err := f.next(t, key, subjects.Strong, 1)
		first <- err
	}()
	eventually(t, func() bool { return len(f.memory.Calls()) == 1 }, "the first request did not get through")
	m := f.ask(t, "seq.a.other", header("Accept", "application/json"), "")
	wantError(t, m, subjects.Busy, "429", `{"code":"BUSY","error":"the worker's queue is full","retry_after_ms":50}`)
	release()
	if err := <-first; err != nil {
		t.Error(err)
	}
	// There is room again, for a refused request has left nothing behind.
	if _, err := f.next(t, allocator.Key{Store: "a", Name: "other"}, subjects.Strong, 1); err != nil {
		t.Error(err)
	}
}

func TestExpired(t *testing.T) {
	f := start(t, nil)
	t.Run("on arrival", func(t *testing.T) {
		m := f.ask(t, "seq.a.key", header("Accept", "application/json", "Seq-Timeout-Ms", "0"), "")
		wantError(t, m, subjects.Expired, "504", `{"code":"EXPIRED","error":"the request outlived its timeout"}`)
		if calls := f.memory.Calls(); len(calls) > 0 {
			t.Errorf("it burnt ids: %v", calls)
		}
	})
	t.Run("on arrival, ids in memory", func(t *testing.T) {
		for _, test := range []struct{ timeout, want string }{
			{"1000", "1"},
			{"0", "error: EXPIRED: the request outlived its timeout"},
			{"1000", "2"},
		} {
			m := f.ask(t, "seq.a.held", header("Accept", "text/plain", "Seq-Timeout-Ms", test.timeout, "Seq-Mode", "weak"), "")
			if string(m.Data) != test.want {
				t.Errorf("got %s, want %s", m.Data, test.want)
			}
		}
	})
	for _, mode := range []string{"strong", "weak"} {
		t.Run("while waiting/"+mode, func(t *testing.T) {
			key := allocator.Key{Store: "a", Name: mode}
			release := f.memory.Stall(key)
			defer release()
			m := f.ask(t, "seq.a."+mode, header("Accept", "application/json", "Seq-Timeout-Ms", "30", "Seq-Mode", mode), "")
			wantError(t, m, subjects.Expired, "504", `{"code":"EXPIRED","error":"the request outlived its timeout"}`)
		})
	}
}

// A worker must not answer where no caller listens, nor let a caller choose a
// reply subject that leads back to workers: no ids for those.
func TestReplySubjects(t *testing.T) {
	f := start(t, nil)
	for _, reply := range []string{"", "seq.a.x", "seq.a.b.c", "_SEQD.worker.x", "a..b", "_INBOX.*", "_INBOX.>", ".a", "a.", strings.Repeat("r", 2000)} {
		if err := f.nc.PublishMsg(&nats.Msg{Subject: "seq.a.key", Reply: reply}); err != nil {
			t.Logf("reply %.20q: nats.go refuses it: %v", reply, err)
		}
	}
	// An answer to a later request shows that the ones before it were handled.
	// "sequence.x" only looks like the root.
	sub, err := f.nc.SubscribeSync("sequence.x")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.nc.PublishRequest("seq.a.key", "sequence.x", nil); err != nil {
		t.Fatal(err)
	}
	m, err := sub.NextMsg(patience)
	if err != nil {
		t.Fatal(err)
	}
	if reply, err := subjects.DecodeReply(m.Header, m.Data); err != nil || reply.ID != 1 {
		t.Errorf("got %v, %v: others burnt ids", reply, err)
	}
	if calls := f.memory.Calls(); len(calls) != 1 {
		t.Errorf("%d advances, want 1: %v", len(calls), calls)
	}
}

func TestUnknownStoreHasNoResponders(t *testing.T) {
	f := start(t, func(c *worker.Config) { c.Backends[0].Stores = []worker.Store{{Name: "known"}} })
	if _, err := f.nc.Request("seq.unknown.key", nil, patience); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("got %v, want no responders", err)
	}
	if _, err := f.next(t, allocator.Key{Store: "known", Name: "key"}, subjects.Weak, 1); err != nil {
		t.Error(err)
	}
}
