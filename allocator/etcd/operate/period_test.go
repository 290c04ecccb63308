package operate_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/allocator/etcd/etcdtest"
	"github.com/seqd-io/seqd/allocator/etcd/operate"
	"github.com/seqd-io/seqd/allocator/etcd/record"
	"github.com/seqd-io/seqd/integration/servers"
)

var (
	october  = allocator.PeriodOf(2026, 10, 1)
	november = allocator.PeriodOf(2026, 11, 1)
	december = allocator.PeriodOf(2026, 12, 1)
)

const path = "/seqd/v1/counters/demo/key666"

// periodRecord is what stands at path, without who wrote it.
func periodRecord(t *testing.T, server *servers.Etcd) string {
	t.Helper()
	before, _, _ := strings.Cut(etcdtest.Get(t, server, path), `,"by"`)
	return before
}

func TestRaisePeriod(t *testing.T) {
	const plain, in = `{"fmt":1,"last":70,"by":"w"}`, `{"fmt":3,"period":"2026-11-01","last":12,"by":"w"}`
	raise := func(p allocator.Period, id int64, counted bool) func(*testing.T, *operate.Admin) (operate.Change, error) {
		return func(t *testing.T, a *operate.Admin) (operate.Change, error) {
			return a.RaisePeriod(t.Context(), key, p, id, counted)
		}
	}
	raisePlain := func(t *testing.T, a *operate.Admin) (operate.Change, error) { return a.Raise(t.Context(), key, 1000) }
	for name, test := range map[string]struct {
		record string
		raise  func(*testing.T, *operate.Admin) (operate.Change, error)
		is     string              // the record afterwards
		change operate.Change      // where err is nil
		err    operate.PeriodError // else zero
	}{
		"none":                  {"", raise(november, 5, true), `{"fmt":3,"period":"2026-11-01","last":5`, operate.Change{Is: november.Mark(5), Periods: true, Began: true}, operate.PeriodError{}},
		"none, no rule":         {"", raise(november, 5, false), "", operate.Change{}, operate.PeriodError{Asked: november}},
		"plain":                 {plain, raise(november, 5, true), `{"fmt":3,"period":"2026-11-01","last":5`, operate.Change{Was: 70, Is: november.Mark(5), Periods: true, Began: true}, operate.PeriodError{}},
		"plain, no rule":        {plain, raise(november, 5, false), `{"fmt":1,"last":70`, operate.Change{}, operate.PeriodError{Asked: november}},
		"exhausted":             {`{"fmt":1,"last":9223372036854775807,"by":"w"}`, raise(november, 5, true), `{"fmt":3,"period":"2026-11-01","last":5`, operate.Change{Was: 1<<63 - 1, Is: november.Mark(5), Periods: true, Began: true}, operate.PeriodError{}},
		"higher":                {in, raise(november, 50, false), `{"fmt":3,"period":"2026-11-01","last":50`, operate.Change{Was: november.Mark(12), Is: november.Mark(50), Periods: true}, operate.PeriodError{}},
		"lower":                 {in, raise(november, 5, false), `{"fmt":3,"period":"2026-11-01","last":12`, operate.Change{Was: november.Mark(12), Is: november.Mark(12), Periods: true}, operate.PeriodError{}},
		"the last one":          {in, raise(november, allocator.MaxPeriodID, false), `{"fmt":3,"period":"2026-11-01","last":140737488355327`, operate.Change{Was: november.Mark(12), Is: december.Mark(0) - 1 - int64(december-november-1)<<47, Periods: true}, operate.PeriodError{}},
		"the next period":       {in, raise(december, 0, false), `{"fmt":3,"period":"2026-12-01","last":0`, operate.Change{Was: november.Mark(12), Is: december.Mark(0), Periods: true}, operate.PeriodError{}},
		"one that is over":      {in, raise(october, 99, true), `{"fmt":3,"period":"2026-11-01","last":12`, operate.Change{}, operate.PeriodError{Asked: october, Record: november}},
		"an id without period":  {in, raisePlain, `{"fmt":3,"period":"2026-11-01","last":12`, operate.Change{}, operate.PeriodError{Record: november}},
		"of one whose owner is": {`{"fmt":3,"period":"2026-11-01","last":12,"by":"w","owner":"gone"}`, raise(november, 50, false), `{"fmt":3,"period":"2026-11-01","last":50`, operate.Change{Was: november.Mark(12), Is: november.Mark(50), Periods: true}, operate.PeriodError{}},
	} {
		t.Run(name, func(t *testing.T) {
			server := servers.StartEtcd(t)
			if test.record != "" {
				etcdtest.Put(t, server, path, test.record)
			}
			got, err := test.raise(t, operate.New(server.Connect(t), ""))
			if refused, ok := errors.AsType[*operate.PeriodError](err); ok != (test.err != operate.PeriodError{}) || ok && *refused != test.err {
				t.Errorf("got %v, want %+v", err, test.err)
			}
			if test.change.Key = key; err == nil && got != test.change {
				t.Errorf("got %+v, want %+v", got, test.change)
			}
			if got := periodRecord(t, server); got != test.is {
				t.Errorf("the record is %s, want %s", got, test.is)
			}
		})
	}
}

func TestNoSuchIDOfAPeriod(t *testing.T) {
	server := servers.StartEtcd(t)
	a := operate.New(server.Connect(t), "")
	for _, id := range []int64{-1, allocator.MaxPeriodID + 1} {
		if _, err := a.RaisePeriod(t.Context(), key, november, id, true); err == nil {
			t.Errorf("raised to %d", id)
		}
	}
}

// An owner's counter is raised by one at least, within its period, and its owner
// goes on above.
func TestRaisePeriodOfAnOwner(t *testing.T) {
	server := servers.StartEtcd(t)
	etcdtest.Put(t, server, path, `{"fmt":3,"period":"2026-11-01","last":12,"by":"w","owner":"w"}`)
	etcdtest.Put(t, server, "/seqd/v1/sessions/w", `{"fmt":1,"lease_ms":100}`) // and stands still
	a := operate.New(server.Connect(t), "")
	got, err := a.RaisePeriod(t.Context(), key, november, 5, false)
	if want := (operate.Change{Key: key, Was: november.Mark(12), Is: november.Mark(13), Periods: true, Owner: "w"}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if got, want := periodRecord(t, server), `{"fmt":3,"period":"2026-11-01","last":13`; got != want {
		t.Errorf("the record is %s, want %s", got, want)
	}
}

// A jump stays in the period of each record.
func TestJumpPeriods(t *testing.T) {
	server := servers.StartEtcd(t)
	const records = "/seqd/v1/counters/demo/"
	seeds := map[string]string{
		"a": `{"fmt":3,"period":"2026-11-01","last":12,"by":"w"}`,
		"b": `{"fmt":3,"period":"2026-10-01","last":140737488355320,"by":"w"}`,
		"c": `{"fmt":1,"last":12,"by":"w"}`,
		"d": `{"fmt":3,"period":"2026-11-01","last":12,"by":"w","owner":"gone"}`,
	}
	want := map[string]string{
		"a": `{"fmt":3,"period":"2026-11-01","last":112`,
		"b": `{"fmt":3,"period":"2026-10-01","last":140737488355327`,
		"c": `{"fmt":1,"last":112`,
		"d": `{"fmt":3,"period":"2026-11-01","last":112`,
	}
	a := operate.New(server.Connect(t), "")
	for _, how := range []string{"together", "one by one", "alone"} {
		for name, value := range seeds {
			etcdtest.Put(t, server, records+name, value)
		}
		preview := map[string]operate.Change{}
		for c, err := range a.PreviewJump(t.Context(), "demo", 100) {
			if err != nil {
				t.Fatal(err)
			}
			preview[c.Key.Name] = c
		}
		jumping := a
		if how == "one by one" { // as the answer to the first transaction is lost
			client, lost := server.Connect(t), false
			client.KV = &etcdtest.LossyKV{KV: client.KV, Spoil: func() (bool, error) {
				if lost {
					return false, nil
				}
				lost = true
				return true, errors.New("lost")
			}}
			jumping = operate.New(client, "")
		}
		for _, c := range jump(t, jumping, how == "alone", 100, "a", "b", "c", "d") {
			if p := preview[c.Key.Name]; c.Was != p.Was || c.Is != p.Is || c.Periods != p.Periods || c.Exhausted() != (c.Key.Name == "b") {
				t.Errorf("%s: got %+v, and %+v was said before", how, c, p)
			}
		}
		for name, want := range want {
			if got := etcdtest.Get(t, server, records+name); !strings.HasPrefix(got, want+`,"by":"admin-`) {
				t.Errorf("%s: %s is %s, want %s", how, name, got, want)
			}
		}
	}
}

// jump raises all counters of the store demo, or those that are named one after
// the other.
func jump(t *testing.T, a *operate.Admin, alone bool, by int64, names ...string) (changes []operate.Change) {
	t.Helper()
	if !alone {
		for c, err := range a.JumpMarks(t.Context(), "demo", by) {
			if err != nil || c.Err != nil {
				t.Fatal(err, c.Err)
			}
			changes = append(changes, c)
		}
		return changes
	}
	for _, name := range names {
		c, err := a.Jump(t.Context(), allocator.Key{Store: "demo", Name: name}, by)
		if err != nil {
			t.Fatal(err)
		}
		changes = append(changes, c)
	}
	return changes
}

// A worker begins the next period while an operator raises: a raise within the one
// that is over is refused, and a jump is one of the new period.
func TestPeriodBeginsMeanwhile(t *testing.T) {
	server := servers.StartEtcd(t)
	client, between := server.Connect(t), false
	client.KV = &etcdtest.LossyKV{KV: client.KV, Spoil: func() (bool, error) {
		if between {
			between = false
			etcdtest.Put(t, server, path, `{"fmt":3,"period":"2026-12-01","last":3,"by":"w"}`)
		}
		return false, nil
	}}
	a := operate.New(client, "")
	for name, test := range map[string]struct {
		raise func() error
		is    string
		over  bool
	}{
		"raise":       {func() error { _, err := a.RaisePeriod(t.Context(), key, november, 50, true); return err }, `{"fmt":3,"period":"2026-12-01","last":3`, true},
		"jump":        {func() error { _, err := a.Jump(t.Context(), key, 100); return err }, `{"fmt":3,"period":"2026-12-01","last":103`, false},
		"jump of all": {func() error { jump(t, a, false, 100); return nil }, `{"fmt":3,"period":"2026-12-01","last":103`, false},
	} {
		etcdtest.Put(t, server, path, `{"fmt":3,"period":"2026-11-01","last":12,"by":"w"}`)
		between = true
		err := test.raise()
		if refused, ok := errors.AsType[*operate.PeriodError](err); ok != test.over || ok && *refused != (operate.PeriodError{Record: december, Asked: november}) || !ok && err != nil {
			t.Errorf("%s: got %v", name, err)
		}
		if got := periodRecord(t, server); got != test.is {
			t.Errorf("%s: the record is %s, want %s", name, got, test.is)
		}
	}
}

// What a key had before it counted in periods comes before them all, also where
// both are found at two spellings of the prefix.
func TestPeriodsAreTakenOver(t *testing.T) {
	for _, test := range []struct{ there, here string }{
		{`{"fmt":1,"last":9223372036854775000,"by":"w"}`, `{"fmt":3,"period":"2026-11-01","last":12,"by":"w"}`},
		{`{"fmt":3,"period":"2026-11-01","last":12,"by":"w"}`, `{"fmt":3,"period":"2026-10-01","last":13,"by":"w"}`},
		{`{"fmt":3,"period":"2026-11-01","last":12,"by":"w"}`, ""},
	} {
		server := servers.StartEtcd(t)
		etcdtest.Put(t, server, "/seqd//v1/counters/demo/key666", test.there)
		if test.here != "" {
			etcdtest.Put(t, server, path, test.here)
		}
		a := operate.New(server.Connect(t), "")
		for c, err := range a.PreviewJump(t.Context(), "", 100) {
			if p, id := c.SplitIs(); err != nil || p != november || id != 112 {
				t.Errorf("%+v: got %+v, %v", test, c, err)
			}
		}
		for c, err := range a.JumpMarks(t.Context(), "", 100) {
			if p, id := c.SplitIs(); err != nil || p != november || id != 112 {
				t.Errorf("%+v: got %+v, %v", test, c, err)
			}
		}
		if got, want := periodRecord(t, server), `{"fmt":3,"period":"2026-11-01","last":112`; got != want {
			t.Errorf("%+v: the record is %s, want %s", test, got, want)
		}
	}
}

// A backup is of October, and the ids of November are lost. After a jump no worker
// issues one of them again, and December begins at 1.
func TestPeriodThatTheBackupHasNot(t *testing.T) {
	server := servers.StartEtcd(t)
	monthEnd := time.Now().Add(time.Hour) // of November, by the clock of this test
	c := etcd.NewCounter(server.Connect(t), etcd.Config{
		Writer: "w", StateDir: t.TempDir(), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Counting: func(allocator.Key) etcd.Counting {
			return etcd.Counting{Period: func(now time.Time) allocator.Period {
				if now.Before(monthEnd) {
					return november
				}
				return december
			}}
		},
	})
	defer c.Close()
	issuer := allocator.NewIssuer(c, allocator.IssuerConfig{})
	defer issuer.Stop()
	next := func(k allocator.Key, p allocator.Period) (allocator.Range, error) {
		told := make(tells, 1)
		issuer.AllocateStrong(&allocator.Request{Key: k, N: 1, Above: p.Mark(0), Deadline: time.Now().Add(5 * time.Second), Waiter: told})
		got := <-told
		return got.ids, got.err
	}
	want := func(k allocator.Key, p allocator.Period, first int64) {
		t.Helper()
		if ids, err := next(k, p); err != nil || ids.First != p.Mark(first) {
			_, id := allocator.SplitMark(ids.First)
			t.Errorf("%v: got id %d, %v, want %d", k, id, err, first)
		}
	}
	etcdtest.MustReady(t, c)
	var keys []allocator.Key
	for i := range 3 {
		keys = append(keys, allocator.Key{Store: "demo", Name: fmt.Sprint(i)})
		want(keys[i], october, 1)
	}
	recent := allocator.Key{Store: "demo", Name: "recent"} // in November already
	want(recent, november, 1)
	backup := server.Backup(t)
	for i := range int64(20) {
		want(keys[0], november, 1+i)
		want(recent, november, 2+i)
	}
	server.Restore(t, backup, 0)
	etcdtest.Eventually(t, func() bool { return errors.Is(c.Ready(t.Context()), allocator.ErrFenced) }, "not fenced")
	if ids, err := next(keys[0], november); !errors.Is(err, allocator.ErrFenced) {
		t.Errorf("got %v, %v, want ErrFenced", ids, err)
	}

	a := operate.New(server.Connect(t), "")
	for _, err := range a.JumpMarks(t.Context(), "", 1000) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := a.Reincarnate(t.Context(), 1000); err != nil {
		t.Fatal(err)
	}
	etcdtest.MustReady(t, c)
	want(keys[0], november, 1001) // by the floor
	want(recent, november, 1002)  // by the record
	want(keys[1], november, 1001)
	want(keys[1], november, 1002) // and once only
	for _, k := range append(keys, recent) {
		want(k, december, 1)
	}
}

// tells is who waits for one request.
type tells chan struct {
	ids allocator.Range
	err error
}

func (c tells) Allocated(_ *allocator.Request, ids allocator.Range, err error) {
	c <- struct {
		ids allocator.Range
		err error
	}{ids, err}
}

// Answers are no counters.
func TestAnswersAreNotCounters(t *testing.T) {
	server := servers.StartEtcd(t)
	answer := record.Answer{IDs: allocator.Range{First: november.Mark(7), N: 1}, Periods: true}.Encode()
	for _, prefix := range []record.Prefix{"/seqd", "/seqd/"} {
		etcdtest.Put(t, server, prefix.Answer(key, "once"), answer)
	}
	a := operate.New(server.Connect(t), "")
	for m, err := range a.List(t.Context(), "") {
		t.Errorf("listed %+v, %v", m, err)
	}
	if prefixes, err := a.Elsewhere(t.Context()); err != nil || prefixes != nil {
		t.Errorf("elsewhere: %v, %v", prefixes, err)
	}
	for c, err := range a.JumpMarks(t.Context(), "", 10) {
		t.Errorf("jumped %+v, %v", c, err)
	}
	c := etcdtest.Guarded(t, server, t.TempDir())
	etcdtest.MustReady(t, c)
	etcdtest.MustAdvance(t, c, key, 1, 1)
	if got := etcdtest.Get(t, server, record.Prefix("/seqd").Answer(key, "once")); got != answer {
		t.Errorf("the answer is %s", got)
	}
}
