package worker_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/numbering"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// cutOvers is workers whose clocks are wrong, each by its offset, and go on when
// the test says so. Each of the calendars has two stores of theirs, of which one is
// leased.
type cutOvers struct {
	*team
	clock atomic.Int64        // the right one, in ns
	rules [][]*numbering.Rule // of a calendar, each worker's
}

func startCutOvers(t *testing.T) *cutOvers {
	t.Helper()
	c := &cutOvers{team: &team{server: servers.StartNATS(t, nil), db: servers.StartEtcd(t), log: &logBuffer{}, direct: true}}
	c.nc = c.server.Connect(t)
	for _, calendar := range calendars {
		var rules []*numbering.Rule
		for i := range offsets {
			config := calendar.rule
			config.Format = "{period}/{id}"
			if i == 0 && calendar.older != "" {
				config.Zone = calendar.older
			}
			rule, err := numbering.New(config)
			if err != nil {
				t.Fatal(err)
			}
			rules = append(rules, rule)
		}
		c.rules = append(c.rules, rules)
	}
	for i := range offsets {
		c.counting = func(k allocator.Key) etcd.Counting {
			return etcd.Counting{Limit: allocator.MaxPeriodID, Period: func(time.Time) allocator.Period { return c.ruleOf(k.Store, i).Period(c.now(i)) }}
		}
		c.join(t, func(config *worker.Config) {
			config.Now = func() time.Time { return c.now(i) }
			b := &config.Backends[0]
			b.Lease, b.Stores = 5*lease, nil
			for row := range calendars {
				numbers := func(string) *numbering.Rule { return c.rules[row][i] }
				b.Stores = append(b.Stores,
					worker.Store{Name: fmt.Sprint("free", row), Numbers: numbers},
					worker.Store{Name: fmt.Sprint("leased", row), Numbers: numbers, Leased: true})
			}
		})
	}
	return c
}

// now is what the clock of a worker says.
func (c *cutOvers) now(worker int) time.Time {
	return time.Unix(0, c.clock.Load()).Add(offsets[worker])
}

func (c *cutOvers) ruleOf(store string, worker int) *numbering.Rule {
	var row int
	if _, err := fmt.Sscan(strings.TrimLeft(store, "adefslr"), &row); err != nil {
		panic(err)
	}
	return c.rules[row][worker]
}

// cutOverLoad is callers of one calendar's stores.
type cutOverLoad struct {
	t       *testing.T
	c       *cutOvers
	rules   []*numbering.Rule
	keys    []allocator.Key
	history allocatortest.History // of marks
	count   atomic.Int64          // answers with ids
	apart   atomic.Int64          // of them, those that came while the workers did not agree on the period
	failed  atomic.Int64
	refused sync.Once // an error that should not be
	stop    chan struct{}
	done    sync.WaitGroup
}

// load starts callers. The clock must have been set by the time they are asked for
// anything, so they begin with the calendar's first step.
func (c *cutOvers) load(t *testing.T, row int) *cutOverLoad {
	t.Helper()
	first, err := time.Parse(time.RFC3339, calendars[row].at[0])
	if err != nil {
		t.Fatal(err)
	}
	c.clock.Store(first.Add(steps[0]).UnixNano())
	free, leased := fmt.Sprint("free", row), fmt.Sprint("leased", row)
	l := &cutOverLoad{
		t: t, c: c, rules: c.rules[row], stop: make(chan struct{}),
		keys: []allocator.Key{strongOnly(free), {Store: free, Name: "mixed"}, {Store: leased, Name: "mixed"}},
	}
	for i := range cutOverTeam {
		l.done.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(row), uint64(i)))
			for !closed(l.stop) {
				key := l.keys[rnd.IntN(len(l.keys))]
				mode := subjects.Strong
				if key != strongOnly(key.Store) && rnd.IntN(2) > 0 {
					mode = subjects.Weak
				}
				l.ask(key, mode, 1+rnd.IntN(5))
			}
		})
	}
	return l
}

func (l *cutOverLoad) end() {
	close(l.stop)
	l.done.Wait()
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// periods returns the first and the last of those that the workers' clocks are in.
func (l *cutOverLoad) periods() (first, last allocator.Period) {
	for i, rule := range l.rules {
		p := rule.Period(l.c.now(i))
		if i == 0 {
			first, last = p, p
		}
		first, last = min(first, p), max(last, p)
	}
	return first, last
}

// ask makes one request, and holds its period against the workers' clocks: it is
// none that no clock has come to, and none that all have left.
func (l *cutOverLoad) ask(key allocator.Key, mode subjects.Mode, n int) {
	request := subjects.Request{N: n, Mode: mode}
	op := allocatortest.Op{Key: key, Strong: mode == subjects.Strong, Start: l.history.Now()}
	earliest, _ := l.periods()
	m, err := l.c.nc.Request(subjects.Subject(subjects.Root, key.Store, key.Name), request.Append(nil), 10*time.Second)
	if err != nil {
		l.refused.Do(func() { l.t.Errorf("%s: %v", key, err) })
		return
	}
	first, latest := l.periods()
	op.End = l.history.Now()
	reply, err := subjects.DecodeReply(m.Header, m.Data)
	if e, ok := errors.AsType[*subjects.Error](err); ok && (e.Code == subjects.Expired || e.Code == subjects.Unavailable) {
		l.failed.Add(1) // a busy machine's lease has ended, or its patience
		return
	} else if err != nil {
		l.refused.Do(func() { l.t.Errorf("%s: %v", key, err) })
		return
	}
	p, err := l.rules[1].ParsePeriod(reply.Period)
	if err != nil || len(reply.Numbers) != n || reply.Numbers[n-1] != fmt.Sprintf("%s/%d", reply.Period, reply.ID+int64(n)-1) {
		l.t.Errorf("%s: got %+v for %d ids: %v", key, reply, n, err)
		return
	}
	if p < earliest || p > latest {
		l.t.Errorf("%s: got an id of %s, and the clocks were in %s to %s", key, reply.Period, l.rules[1].Label(earliest), l.rules[1].Label(latest))
	}
	op.Ids = allocator.Range{First: p.Mark(reply.ID), N: n}
	l.history.Add(op)
	if first < latest {
		l.apart.Add(1)
	}
	l.count.Add(1)
}
