package worker_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/numbering"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// refusing starts a worker of stores a, b and c on a server that change makes
// refuse something to its user, "worker". The caller's user may do everything.
func refusing(t *testing.T, change func(*server.Options)) *fixture {
	t.Helper()
	f := &fixture{memory: &allocatortest.Memory{}, log: &logBuffer{}}
	f.server = servers.StartNATS(t, func(o *server.Options) {
		o.Users = users(nil)
		change(o)
	})
	f.running = f.worker(t, f.asUser)
	return f
}

func users(permissions *server.Permissions) []*server.User {
	return []*server.User{{Username: "worker", Password: "w", Permissions: permissions}, {Username: "caller", Password: "c"}}
}

func (f *fixture) asUser(c *worker.Config) {
	c.Connect = func(options ...nats.Option) (*nats.Conn, error) {
		return nats.Connect(f.server.URL, append(options, nats.UserInfo("worker", "w"))...)
	}
	c.Backends[0].Stores = []worker.Store{{Name: "a"}, {Name: "b"}, {Name: "c"}}
}

// call connects the caller.
func (f *fixture) call(t *testing.T) {
	t.Helper()
	f.nc = f.server.Connect(t, nats.UserInfo("caller", "c"))
}

// wantServing checks that every store is served.
func (f *fixture) wantServing(t *testing.T) {
	t.Helper()
	f.waitState(t, worker.Serving)
	for _, store := range []string{"a", "b", "c"} {
		f.ask(t, "seq."+store+".key", nil, "")
	}
	eventually(t, func() bool { return len(f.stats(t)) == 1 }, "the worker can't be discovered") // answers are waited for a moment only
}

// wantNobody checks that no store is served.
func (f *fixture) wantNobody(t *testing.T) {
	t.Helper()
	for _, store := range []string{"a", "b", "c"} {
		if _, err := f.nc.Request("seq."+store+".key", nil, patience); !errors.Is(err, nats.ErrNoResponders) {
			t.Errorf("store %s: got %v, want no responders", store, err)
		}
	}
}

func (f *fixture) wantDenied(t *testing.T, words string) {
	t.Helper()
	f.waitState(t, worker.Denied)
	var said []string
	for _, c := range f.Checks() {
		if c.Err != nil {
			said = append(said, c.Err.Error())
		}
	}
	if !strings.Contains(strings.Join(said, "\n"), words) {
		t.Errorf("the checks say %q, want the server's words: %s", said, words)
	}
	eventually(t, func() bool { return f.log.contains(strings.ReplaceAll(words, `"`, `\"`)) }, "the log does not say %q", words)
}

// A server that allows five subscriptions to a connection was taken for one that
// allows all: "joined the queue group", ready, and callers got no responders. It
// stayed so when the limit was raised.
func TestTooFewSubscriptions(t *testing.T) {
	const need = 9 + 2 + 3 // discovery, peers and answers, stores
	stores := make([]worker.Store, 3)
	if n := worker.Subscriptions(stores); n != need {
		t.Errorf("it says that it needs %d, want %d", n, need)
	}
	stores[1].Numbers = func(string) *numbering.Rule { return nil }
	if n := worker.Subscriptions(stores); n != need+1 { // what others ask of its clock
		t.Errorf("it says that it needs %d where keys count in periods, want %d", n, need+1)
	}
	for _, limit := range []int{5, need - 3, need - 2, need - 1} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			t.Parallel()
			f := refusing(t, func(o *server.Options) { o.MaxSubs = limit })
			f.wantDenied(t, "maximum subscriptions exceeded")
			select {
			case <-f.Ready():
				t.Error("it was ready meanwhile")
			default:
			}
			f.server.Restart(t, func(o *server.Options) { o.MaxSubs = need }) // no reload changes it
			f.call(t)
			f.wantServing(t)
		})
	}
}

// nats.go sends all subscriptions again with a new connection, in no order; a
// limit that was lowered meanwhile refuses some.
func TestLimitLoweredBeforeAReconnect(t *testing.T) {
	f := refusing(t, func(*server.Options) {})
	f.call(t)
	f.wantServing(t)
	f.server.Restart(t, func(o *server.Options) { o.MaxSubs = 7 })
	f.wantDenied(t, "maximum subscriptions exceeded")
	f.call(t)
	f.wantNobody(t)
	f.server.Restart(t, func(o *server.Options) { o.MaxSubs = 0 })
	f.call(t)
	f.wantServing(t)
}

// Everything else that a server refuses a subscription with.
func TestSubscriptionsRefused(t *testing.T) {
	subscribe := func(p server.SubjectPermission) func(*server.Options) {
		return func(o *server.Options) { o.Users = users(&server.Permissions{Subscribe: &p}) }
	}
	rest := []string{"$SRV.>", "_SEQD.>", "_INBOX.>"}
	for name, test := range map[string]struct {
		change func(*server.Options)
		words  string
	}{
		"another group":   {subscribe(server.SubjectPermission{Allow: append(rest, "seq.*.> other", "seq.*.> seqd-*")}), `Subscription to "seq.a.>" using queue "seqd"`},
		"deny overlaps":   {subscribe(server.SubjectPermission{Allow: []string{">"}, Deny: []string{"seq.*.>"}}), `Subscription to "seq.a.>" using queue "seqd"`},
		"too many tokens": {func(o *server.Options) { o.MaxSubTokens = 2 }, `Subscription to "seq.a.>", too many tokens`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := refusing(t, test.change)
			f.wantDenied(t, test.words)
			if name == "too many tokens" { // no caller could hear an answer either, and no reload changes it
				f.server.Restart(t, func(o *server.Options) { o.MaxSubTokens = 0 })
			} else {
				f.call(t)
				f.wantNobody(t)
				f.server.Reload(t, func(o *server.Options) { o.Users = users(nil) })
			}
			f.call(t)
			f.wantServing(t)
		})
	}
}

// One store's refusal is not the others'.
func TestOneStoreRefused(t *testing.T) {
	f := refusing(t, func(o *server.Options) {
		o.Users = users(&server.Permissions{Subscribe: &server.SubjectPermission{Allow: []string{">"}, Deny: []string{"seq.b.>"}}})
	})
	f.wantDenied(t, `Subscription to "seq.b.>"`)
	f.call(t)
	for _, store := range []string{"a", "c"} {
		f.ask(t, "seq."+store+".key", nil, "")
	}
	if _, err := f.nc.Request("seq.b.key", nil, patience); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("got %v, want no responders", err)
	}
}

// A permission that a reload takes away is noticed while nothing is sent.
func TestSubscriptionTakenBack(t *testing.T) {
	f := refusing(t, func(*server.Options) {})
	f.call(t)
	f.wantServing(t)
	f.server.Reload(t, func(o *server.Options) {
		o.Users = users(&server.Permissions{Subscribe: &server.SubjectPermission{Allow: []string{">"}, Deny: []string{"seq.>"}}})
	})
	f.wantDenied(t, `Subscription to "seq.a.>"`)
	f.server.Reload(t, func(o *server.Options) { o.Users = users(nil) })
	f.call(t)
	f.wantServing(t)
}

// Without discovery, or without its peers, a worker can serve; but somebody
// should know.
func TestServesWithoutDiscovery(t *testing.T) {
	f := refusing(t, func(o *server.Options) {
		o.Users = users(&server.Permissions{Subscribe: &server.SubjectPermission{Allow: []string{">"}, Deny: []string{"$SRV.>", "_SEQD.>"}}})
	})
	f.call(t)
	f.waitState(t, worker.Serving)
	f.ask(t, "seq.a.key", nil, "")
	if n := f.Snapshot().SubscriptionsRefused; n != 10 {
		t.Errorf("%d subscriptions are counted as refused, want 10", n)
	}
	if !f.log.contains(`without="discovery and what other workers hand over"`) {
		t.Error("the log does not say what it does without")
	}
}

// A user who may not publish to callers' inboxes took requests and burnt their
// ids: beside a good worker it had half the callers wait in vain.
func TestMayNotAnswer(t *testing.T) {
	for name, permissions := range map[string]*server.Permissions{
		"not allowed": {Publish: &server.SubjectPermission{Allow: []string{"_SEQD.>"}}},
		"denied":      {Publish: &server.SubjectPermission{Deny: []string{"_INBOX.>"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := refusing(t, func(o *server.Options) { o.Users = users(permissions) })
			f.wantDenied(t, `Publish to "_INBOX.`)
			f.call(t)
			f.wantNobody(t)
			if n := len(f.memory.Calls()); n != 0 {
				t.Errorf("%d advances, want 0: ids are burnt", n)
			}
			f.server.Reload(t, func(o *server.Options) { o.Users = users(nil) })
			f.call(t)
			f.wantServing(t)

			// And it leaves when that is taken back.
			f.server.Reload(t, func(o *server.Options) { o.Users = users(permissions) })
			f.call(t)
			eventually(t, func() bool {
				_, _ = f.nc.Request("seq.a.key", nil, 50*time.Millisecond)
				return f.State() == worker.Denied
			}, "it did not leave")
			f.wantNobody(t)
		})
	}
}

// What takes all that a worker needs and no more.
func TestMayAnswer(t *testing.T) {
	hears := &server.SubjectPermission{Allow: []string{"seq.*.> seqd", "$SRV.>", "_SEQD.>", "_INBOX.>"}}
	for name, permissions := range map[string]*server.Permissions{
		"inboxes":   {Subscribe: hears, Publish: &server.SubjectPermission{Allow: []string{"_SEQD.>", "_INBOX.>"}}},
		"responses": {Subscribe: hears, Publish: &server.SubjectPermission{Allow: []string{"_SEQD.>"}}, Response: &server.ResponsePermission{MaxMsgs: 1, Expires: time.Minute}},
		"nothing but responses": {Subscribe: &server.SubjectPermission{Allow: []string{"seq.*.> seqd", "$SRV.>"}},
			Publish: &server.SubjectPermission{Deny: []string{">"}}, Response: &server.ResponsePermission{MaxMsgs: 1, Expires: time.Minute}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := refusing(t, func(o *server.Options) { o.Users = users(permissions) })
			f.call(t)
			f.wantServing(t)
		})
	}
}

// A worker that may do nothing but respond can't ask itself. That its answers are
// refused it learns from callers, and stays away for a while at a time.
func TestMayNotAnswerNorAsk(t *testing.T) {
	f := refusing(t, func(o *server.Options) {
		o.Users = users(&server.Permissions{Publish: &server.SubjectPermission{Deny: []string{">"}}})
	})
	f.call(t)
	f.waitState(t, worker.Serving)
	if _, err := f.nc.Request("seq.a.key", nil, 50*time.Millisecond); err == nil {
		t.Fatal("an answer came")
	}
	f.wantDenied(t, `Publish to "_INBOX.`)
	f.wantNobody(t)
}

// A caller who names a reply subject that this user may not publish to loses his
// answer, and does not push the worker out.
func TestForgedReplySubject(t *testing.T) {
	f := refusing(t, func(o *server.Options) {
		o.Users = users(&server.Permissions{Publish: &server.SubjectPermission{Allow: []string{"_SEQD.>", "_INBOX.>"}}})
	})
	f.call(t)
	f.wantServing(t)
	const forged = 100
	for range forged {
		if err := f.nc.PublishRequest("seq.a.key", "secret.subject", nil); err != nil {
			t.Fatal(err)
		}
		f.ask(t, "seq.a.key", nil, "")
	}
	eventually(t, func() bool { return f.Snapshot().AnswersLost[worker.LostRefused] == forged }, "the refused answers are not counted")
	f.wantServing(t)
	if f.log.contains("not serving the store") {
		t.Error("it has left the queue group")
	}
}

// A max_payload that no answer fits into.
func TestTinyMaxPayload(t *testing.T) {
	f := refusing(t, func(o *server.Options) { o.MaxPayload = 32 })
	f.wantDenied(t, "max_payload is 32 bytes")
	f.server.Restart(t, func(o *server.Options) { o.MaxPayload = 110 })
	f.call(t)
	f.waitState(t, worker.Serving)

	// An error whose text does not fit is sent without it.
	m := f.ask(t, "seq.a.key", nil, "1")
	if _, err := subjects.DecodeReply(m.Header, m.Data); !errors.Is(err, subjects.ErrBadRequest) {
		t.Errorf("got %q %q, %v, want BAD_REQUEST", m.Header, m.Data, err)
	}

	// One that does not fit even so is counted, and ids still come.
	before := f.Snapshot().Reconnects
	f.server.Restart(t, func(o *server.Options) { o.MaxPayload = 70 })
	f.call(t)
	eventually(t, func() bool { return f.Snapshot().Reconnects > before }, "it did not come back")
	f.waitState(t, worker.Serving)
	if err := f.nc.PublishRequest("seq.a.key", f.nc.NewInbox(), []byte("1")); err != nil {
		t.Fatal(err)
	}
	f.ask(t, "seq.a.key", nil, "")
	eventually(t, func() bool { return f.Snapshot().AnswersLost[worker.LostTooLarge] == 1 }, "the answer that can't be sent is not counted")
}

// Without headers no error could be told: callers waited in vain, and a Go client
// could not ask at all, while the worker said that all was well.
func TestNoHeaders(t *testing.T) {
	f := refusing(t, func(o *server.Options) { o.NoHeaderSupport = true })
	f.wantDenied(t, "supports no headers")
	f.server.Restart(t, func(o *server.Options) { o.NoHeaderSupport = false })
	f.call(t)
	f.waitState(t, worker.Serving)
	f.ask(t, "seq.a.key", nil, "")
}

// An answer that was larger than max_payload was not sent, and nothing was in its
// place: the caller asked again and again, each time for as many ids.
func TestAnswerTooLarge(t *testing.T) {
	f := &fixture{memory: &allocatortest.Memory{}, log: &logBuffer{}}
	f.server = servers.StartNATS(t, func(o *server.Options) { o.Users, o.MaxPayload = users(nil), 2000 })
	f.running = f.worker(t, func(c *worker.Config) {
		f.asUser(c)
		c.Backends[0].Stores[0].Numbers = rules(t, numbering.Config{Format: "INV-{id:06}"})
	})
	f.call(t)
	f.waitState(t, worker.Serving)
	for _, test := range []struct {
		n    int
		want error
	}{{1000, subjects.ErrBadRequest}, {100, nil}} {
		request := subjects.Request{N: test.n}
		m := f.ask(t, "seq.a.key", nil, string(request.Append(nil)))
		reply, err := subjects.DecodeReply(m.Header, m.Data)
		if !errors.Is(err, test.want) || err == nil && len(reply.Numbers) != test.n {
			t.Errorf("%d numbers: got %d, %v, want %v", test.n, len(reply.Numbers), err, test.want)
		}
	}
	if lost := f.Snapshot().AnswersLost[worker.LostTooLarge]; lost != 1 {
		t.Errorf("%d answers were too large, want 1", lost)
	}
}

// nats-server ends the connection of a client whose message is larger than
// max_payload, and nats.go gives such a connection up for good. A reload that
// lowers the limit tells no client, so that the next answer ended the worker.
func TestMaxPayloadLowered(t *testing.T) {
	f := refusing(t, func(*server.Options) {})
	f.call(t)
	f.wantServing(t)
	f.server.Reload(t, func(o *server.Options) { o.MaxPayload = 400 })
	// A worker's statistics are larger.
	if err := f.nc.PublishRequest("$SRV.STATS.seqd", f.nc.NewInbox(), nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return f.log.contains("NATS has ended the connection") }, "nats.go did not give up")
	f.waitState(t, worker.Serving)
	f.ask(t, "seq.a.key", nil, "")
	select {
	case err := <-f.ended:
		t.Fatalf("the worker ended: %v", err)
	default:
	}
	if err := f.nc.PublishRequest("$SRV.STATS.seqd", f.nc.NewInbox(), nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return f.Snapshot().AnswersLost[worker.LostTooLarge] == 1 }, "the answer that is too large is not counted")
	f.waitState(t, worker.Serving)
}
