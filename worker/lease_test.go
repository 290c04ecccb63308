package worker_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

func keys(n int) (all []allocator.Key) {
	for i := range n {
		all = append(all, allocator.Key{Store: "a", Name: fmt.Sprint("k", i)})
	}
	return all
}

// One worker owns a key, and whoever is asked, that one answers.
func TestOwnedKeysOfATeam(t *testing.T) {
	tm := startTeam(t, 3, nil)
	c := tm.call(t, 12, keys(8)...)
	eventually(t, func() bool { return len(c.history.Ops()) > 3000 }, "it is too slow")
	c.end(t, 0)
	if len(c.refused) > 0 {
		t.Errorf("refused: %v", c.refused)
	}
	for _, m := range tm.crew {
		eventually(t, func() bool { return m.Snapshot().InFlight == 0 }, "a word does not come")
	}
	owned, over, received, messages := 0, int64(0), int64(0), int64(0)
	for _, m := range tm.crew {
		s := m.Snapshot()
		owned += s.Backends[0].OwnedKeys
		over += s.HandedOver
		received += s.HandoversReceived
		messages += s.HandoverMessages
		if s.HandoversLost > 0 || s.InFlight > 0 {
			t.Errorf("%d hand-overs are lost, %d requests in flight", s.HandoversLost, s.InFlight)
		}
		if s.Backends[0].Renewals == 0 || s.Backends[0].Lease != lease {
			t.Errorf("got %+v", s.Backends[0])
		}
	}
	if owned != 8 {
		t.Errorf("%d keys are owned, want each by one: 8", owned)
	}
	if over == 0 || over != received || messages > over {
		t.Errorf("%d were handed over in %d messages, and %d taken", over, messages, received)
	}
}

// Whatever becomes of an owner, its keys are taken over, and no promise is
// broken. Only what was sent to a worker that can't be reached is not answered.
func TestTakeover(t *testing.T) {
	for _, test := range []struct {
		name    string
		end     func(*member)
		unheard int           // requests of each caller's, at most
		within  time.Duration // others answer
		why     string        // that is counted; "": it had let go
	}{
		{"stopped", func(m *member) { m.cancel() }, 0, lease / 4, ""},
		{"killed", func(m *member) { m.etcd.Cut(); m.nats.Cut() }, 1, 3 * lease, "stood_still"},
		{"cut off from NATS", func(m *member) { m.nats.Cut() }, 1, 3 * lease, ""},
		{"cut off from etcd", func(m *member) { m.etcd.Cut() }, 0, 3 * lease, "stood_still"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			tm := startTeam(t, 3, nil)
			tm.ask(t, key)
			owner, others := tm.owner(t)
			c := tm.call(t, 6, key)
			before := len(c.history.Ops())
			eventually(t, func() bool { return len(c.history.Ops()) > before+300 }, "it is too slow")
			test.end(owner)
			begun := time.Now()
			eventually(t, func() bool {
				for _, m := range others {
					if m.Snapshot().Backends[0].LeaseLeft > 0 {
						return true
					}
				}
				return false
			}, "nobody takes the key over")
			took := time.Since(begun)
			t.Logf("%s: another one owns the key after %v", test.name, took.Round(time.Millisecond))
			if took > test.within+2*time.Second { // a busy machine's
				t.Errorf("the key was taken over after %v, want %v at most", took, test.within)
			}
			before = len(c.history.Ops())
			eventually(t, func() bool { return len(c.history.Ops()) > before+300 }, "it does not go on")
			c.end(t, 6*test.unheard)
			if test.name == "stopped" && len(c.refused) > 0 {
				t.Errorf("refused: %v", c.refused)
			}
			t.Logf("refused: %v, without an answer: %d", c.refused, c.unheard)
			if test.why != "" && others[0].Snapshot().Stores[0].Takeovers[test.why]+others[1].Snapshot().Stores[0].Takeovers[test.why] == 0 {
				t.Errorf("no takeover is counted as %v", test.why)
			}
		})
	}
}

// While an owner can't be replaced yet, who asks for its keys is told so.
func TestUnowned(t *testing.T) {
	tm := startTeam(t, 2, func(c *worker.Config) { c.MaxPatience = 300 * time.Millisecond })
	tm.ask(t, key)
	owner, others := tm.owner(t)
	owner.etcd.Cut()
	owner.nats.Cut()
	eventually(t, func() bool {
		m, err := tm.nc.Request("seq.a.key", []byte("\x81\xa4mode\xa6strong"), lease)
		if err != nil {
			return false
		}
		_, err = subjects.DecodeReply(m.Header, m.Data)
		e, ok := errors.AsType[*subjects.Error](err)
		if ok && (e.Code != subjects.Unavailable || e.RetryAfter == 0) {
			t.Fatalf("got %v", err)
		}
		return ok && e.Text == "the key's owner is being replaced"
	}, "nobody says that the owner is being replaced")
	eventually(t, func() bool { return others[0].Snapshot().Stores[0].Unleased > 0 }, "it is not counted")
	tm.ask(t, key)
}

// renewals is a Counter that counts what a lease's loop asks of it.
type renewals struct {
	*allocatortest.Memory
	renewed, letGo atomic.Int64
	stuck          chan struct{} // closed: Renew fails
}

func (r *renewals) Renew(ctx context.Context) error {
	select {
	case <-r.stuck:
		return fmt.Errorf("%w: by the test", allocator.ErrUnavailable)
	default:
	}
	r.renewed.Add(1)
	return r.Memory.Renew(ctx)
}

func (r *renewals) LetGo(ctx context.Context) error {
	r.letGo.Add(1)
	return r.Memory.LetGo(ctx)
}

func startLeased(t *testing.T, change func(*worker.Config)) (*fixture, *renewals) {
	t.Helper()
	r := &renewals{stuck: make(chan struct{})}
	f := &fixture{memory: &allocatortest.Memory{}, log: &logBuffer{}}
	f.server = servers.StartNATS(t, func(o *server.Options) { o.Users = users(nil) })
	f.call(t)
	f.running = f.worker(t, func(c *worker.Config) {
		f.asUser(c)
		r.Memory = c.Backends[0].Counter.(*allocatortest.Memory)
		c.Backends[0].Counter, c.Backends[0].Lease = r, 300*time.Millisecond
		c.Backends[0].Stores = []worker.Store{{Name: "a", Leased: true}}
		if change != nil {
			change(c)
		}
	})
	f.waitReady(t)
	eventually(t, func() bool { return r.renewed.Load() > 0 }, "the lease is not begun")
	if ids, err := f.next(t, key, subjects.Strong, 1); err != nil || ids.First != 1 {
		t.Fatalf("got %v, %v", ids, err)
	}
	return f, r
}

// Both modes draw from the owner's window, and are counted as fast.
func TestLeasedStoreServesFromMemory(t *testing.T) {
	f, _ := startLeased(t, nil)
	for want := int64(2); want < 6; want++ {
		mode := []subjects.Mode{subjects.Strong, subjects.Weak}[want%2]
		if ids, err := f.next(t, key, mode, 1); err != nil || ids.First != want {
			t.Errorf("got %v, %v, want %d", ids, err, want)
		}
	}
	f.wantRequests(t, map[string]int64{"strong slow": 1, "strong fast": 2, "weak fast": 2})
	if s := f.Snapshot(); s.Backends[0].OwnedKeys != 1 || s.Backends[0].LeaseLeft <= 0 || !s.Stores[0].Leased {
		t.Errorf("got %+v, %+v", s.Backends[0], s.Stores[0])
	}
}

// Whatever keeps a worker from serving has it let go of its keys, and it does not
// renew before it serves again.
func TestLetsGo(t *testing.T) {
	var failing atomic.Pointer[error]
	ready := func(context.Context) error {
		if err := failing.Load(); err != nil {
			return *err
		}
		return nil
	}
	for _, test := range []struct {
		name        string
		begin, over func(*testing.T, *fixture, *renewals)
		state       worker.State
	}{
		{"etcd", func(_ *testing.T, f *fixture, r *renewals) {
			err := fmt.Errorf("%w: no space", allocator.ErrUnavailable)
			failing.Store(&err)
			r.Script(func(allocatortest.Call) allocatortest.Fault {
				return allocatortest.Fault{Outcome: allocatortest.Refused}
			})
			for f.State() == worker.Serving { // until a request is refused
				_, _ = f.nc.Request("seq.a.other", nil, 300*time.Millisecond)
			}
		}, func(*testing.T, *fixture, *renewals) { failing.Store(nil) }, worker.Unavailable},
		{"a fence", func(_ *testing.T, _ *fixture, r *renewals) {
			err := fmt.Errorf("%w: by the test", allocator.ErrFenced)
			failing.Store(&err)
			r.Revoke()
		}, func(*testing.T, *fixture, *renewals) { failing.Store(nil) }, worker.Fenced},
		{"NATS away", func(_ *testing.T, f *fixture, _ *renewals) { f.server.Stop() },
			func(t *testing.T, f *fixture, _ *renewals) { f.server.Start(t) }, worker.Disconnected},
		{"NATS refuses", func(t *testing.T, f *fixture, _ *renewals) {
			f.server.Reload(t, func(o *server.Options) {
				o.Users = users(&server.Permissions{Subscribe: &server.SubjectPermission{Deny: []string{"seq.>"}}})
			})
		}, func(t *testing.T, f *fixture, _ *renewals) {
			f.server.Reload(t, func(o *server.Options) { o.Users = users(nil) })
		}, worker.Denied},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, r := startLeased(t, func(c *worker.Config) { c.Backends[0].Ready = ready })
			test.begin(t, f, r)
			f.waitState(t, test.state)
			eventually(t, func() bool { return r.letGo.Load() > 0 }, "the keys are not let go of")
			eventually(t, func() bool { s := f.Snapshot().Backends[0]; return s.OwnedKeys == 0 && s.LeaseLeft == 0 }, "it owns keys")
			n := r.renewed.Load()
			begun := time.Now()
			eventually(t, func() bool { return time.Since(begun) > 400*time.Millisecond || r.renewed.Load() != n }, "")
			if r.renewed.Load() != n {
				t.Error("it renews though it does not serve")
			}
			r.Script(nil)
			test.over(t, f, r)
			f.waitState(t, worker.Serving)
			eventually(t, func() bool { return r.renewed.Load() > n }, "it does not renew though it serves again")
		})
	}
	t.Run("drain", func(t *testing.T) {
		f, r := startLeased(t, nil)
		if err := f.stop(t); err != nil || r.letGo.Load() != 1 {
			t.Errorf("let go %d times, %v", r.letGo.Load(), err)
		}
	})
}

// A worker whose subscription is stuck does not renew: others are to take over.
func TestStuckWorkerDoesNotRenew(t *testing.T) {
	var stuck, release = make(chan struct{}), make(chan struct{})
	f, r := startLeased(t, func(c *worker.Config) {
		c.Trace = func(*worker.Traced) { // on the subscription's goroutine; it should not block
			close(stuck)
			<-release
		}
	})
	traced := header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	if err := f.nc.PublishMsg(&nats.Msg{Subject: "seq.a.key", Reply: f.nc.NewInbox(), Header: traced}); err != nil {
		t.Fatal(err)
	}
	<-stuck
	held := f.Snapshot().Backends[0].RenewalsHeld
	eventually(t, func() bool { return f.Snapshot().Backends[0].RenewalsHeld >= held+3 }, "its renewals are not held")
	n := r.renewed.Load()
	if s := f.Snapshot().Backends[0]; s.Renewals != n {
		t.Errorf("%d renewals are counted, want %d", s.Renewals, n)
	}
	close(release)
	eventually(t, func() bool { return r.renewed.Load() > n }, "it does not renew though it goes on")
	if n := f.Snapshot().Backends[0].RenewalGap.Count; n == 0 {
		t.Error("the time between renewals is not counted")
	}
}

// Renewals that etcd does not take are counted, and tried again soon.
func TestRenewalsFail(t *testing.T) {
	f, r := startLeased(t, nil)
	close(r.stuck)
	eventually(t, func() bool { return f.Snapshot().Backends[0].RenewalsFailed >= 3 }, "failures are not counted")
}

// An owner that did not take a request only because it came late is asked again at
// once, not when it is known to have renewed its session.
func TestLateIsHandedOverAgain(t *testing.T) {
	tm := startTeam(t, 1, nil)
	client := tm.db.Connect(t)
	for path, value := range map[string]string{
		"/seqd/v1/sessions/busy":   `{"fmt":1,"lease_ms":60000}`,
		"/seqd/v1/counters/a/key1": `{"fmt":2,"last":10,"by":"busy","owner":"busy"}`,
	} {
		if _, err := client.Put(t.Context(), path, value); err != nil {
			t.Fatal(err)
		}
	}
	busy, err := tm.nc.SubscribeSync(worker.PeerSubject("busy"))
	if err != nil {
		t.Fatal(err)
	}
	if err := tm.nc.PublishRequest("seq.a.key1", tm.nc.NewInbox(), nil); err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"\x01\x03", "\x01\x03", "\x01\x00"} {
		m, err := busy.NextMsg(patience)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Respond([]byte(word)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, func() bool { s := tm.crew[0].Snapshot(); return s.HandedOver == 1 && s.InFlight == 0 }, "it is not taken")
}

// A worker that NATS lets answer only who has asked it takes nothing from others,
// whose callers would get no answer, and owns no keys.
func TestMayAnswerOnlyWhoHasAsked(t *testing.T) {
	own := &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: []string{"_SEQD.>"}},
		Subscribe: &server.SubjectPermission{Allow: []string{"seq.> seqd", "$SRV.>", "_SEQD.>", "_INBOX.>"}},
		Response:  &server.ResponsePermission{MaxMsgs: -1, Expires: time.Minute},
	}
	f := refusing(t, func(o *server.Options) { o.Users = users(own) })
	f.call(t)
	f.wantServing(t)
	eventually(t, func() bool { return f.log.contains("can't hand requests over to this one") }, "the log does not say so")
	request := []byte("a parcel")
	m, err := f.nc.Request(worker.PeerSubject(f.ID()), request, patience)
	if err != nil || !strings.HasPrefix(string(m.Data), "\x01\x01") {
		t.Errorf("the word is %q, %v; want that nothing is taken", m.Data, err)
	}

	leased := f.worker(t, func(c *worker.Config) {
		f.asUser(c)
		c.Backends[0].Lease, c.Backends[0].Stores = lease, []worker.Store{{Name: "leased", Leased: true}}
	})
	eventually(t, func() bool { return leased.Snapshot().Backends[0].RenewalsHeld > 0 }, "the session is renewed")
	answer, err := f.nc.Request("seq.leased.key", nil, patience)
	if err != nil || answer.Header.Get(subjects.ErrorCodeHeader) != "503" {
		t.Errorf("got %v, %v; want UNAVAILABLE", answer, err)
	}
}
