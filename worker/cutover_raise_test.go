package worker_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/allocator/etcd/operate"
)

// An operator raises keys again and again while three workers whose clocks are 40
// seconds apart go over from a year to the next: every STRONG request that is made
// after a command has returned gets more than what it raised the key to, and no
// period goes back.
func TestRaiseOverACutOver(t *testing.T) {
	const row = 6
	if calendars[row].name != "end of a year" {
		t.Fatal("another calendar stands there now")
	}
	c := startCutOvers(t)
	l := c.load(t, row)
	cut, err := time.Parse(time.RFC3339, calendars[row].at[0])
	if err != nil {
		t.Fatal(err)
	}
	operator := newOperator(t, l)
	var raising sync.WaitGroup
	for _, key := range l.keys {
		raising.Go(func() { operator.raise(t, key) })
	}
	for _, step := range steps {
		c.clock.Store(cut.Add(step).UnixNano())
		before, raised := l.count.Load(), operator.changes.Load()
		eventually(t, func() bool { return l.count.Load() >= before+opsOfStep && operator.changes.Load() >= raised+6 }, "it is too slow")
	}
	l.end()
	raising.Wait()
	ops := l.history.Ops()
	all := append(operator.raised.Ops(), ops...)
	for _, err := range []error{allocatortest.CheckUnique(ops), allocatortest.CheckStrong(all), allocatortest.CheckStrong(ofOwnedStrongly(all))} {
		if err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d answers, %d raises, %d that came too late for their period", len(ops), operator.changes.Load(), operator.late.Load())
	if operator.late.Load() == 0 {
		t.Error("no raise was for a period that was over")
	}
}

// operator raises the keys of a load.
type operator struct {
	admin   *operate.Admin
	load    *cutOverLoad
	raised  allocatortest.History // to which marks
	changes atomic.Int64
	late    atomic.Int64 // for a period that is over
}

func newOperator(t *testing.T, l *cutOverLoad) *operator {
	return &operator{admin: operate.New(l.c.db.Connect(t), ""), load: l}
}

// raise raises a key until the load ends, in the period that has begun by the right
// clock. Each second time it is a jump, in whichever period the key is.
func (o *operator) raise(t *testing.T, key allocator.Key) {
	rule := o.load.rules[1]
	for round := 0; !closed(o.load.stop); round++ {
		op := allocatortest.Op{Key: key, Start: o.load.history.Now()}
		var change operate.Change
		var err error
		if round%2 == 0 {
			period, id := rule.Period(o.load.c.now(1)), int64(0)
			if m, err := o.admin.Peek(t.Context(), key); err == nil {
				if at, last := m.Split(); at == period {
					id = last
				}
			}
			change, err = o.admin.RaisePeriod(t.Context(), key, period, id+500, true)
		} else if change, err = o.admin.Jump(t.Context(), key, 50); errors.Is(err, operate.ErrNoRecord) {
			continue
		}
		if _, ok := errors.AsType[*operate.PeriodError](err); ok {
			o.late.Add(1)
			continue
		}
		if err != nil {
			t.Error(fmt.Errorf("%v: %w", key, err))
			return
		}
		op.End, op.Ids = o.load.history.Now(), allocator.Range{First: change.Is, N: 1}
		o.raised.Add(op)
		o.changes.Add(1)
	}
}
