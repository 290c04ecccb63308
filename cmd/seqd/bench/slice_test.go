package bench

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/subjects"
)

// fake is a peer in memory: one counter for all keys.
type fake struct {
	about About
	took  time.Duration                                     // by each answer
	lie   func(caller int, id int64) (first int64, e error) // in place of the truth, if set

	mu    sync.Mutex
	last  int64
	keys  map[int]int // how often each was asked for
	trace func(string)
}

func (f *fake) About() About { return f.about }
func (f *fake) Close()       {}

func (f *fake) Open(context.Context, Wiring) error { return nil }

func (f *fake) Ask(_ context.Context, caller, key int) (int64, int, error) {
	f.mu.Lock()
	f.last++
	id := f.last
	if f.keys == nil {
		f.keys = map[int]int{}
	}
	f.keys[key]++
	if f.trace != nil {
		f.trace(f.about.ID)
	}
	f.mu.Unlock()
	time.Sleep(f.took)
	if f.lie != nil {
		first, err := f.lie(caller, id)
		return first, 1, err
	}
	return id, 1, nil
}

func TestSliceMeasuresWhatCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer := &fake{took: time.Millisecond}
		engine, meter := newEngine(), newMeter()
		meter.add(engine.run(t.Context(), peer, Load{Callers: 4, Keys: 1}, 100*time.Millisecond, 500*time.Millisecond))
		f := meter.figures()
		if f.Requests != 4*500 || f.Rate != 4000 || f.IDs != 4000 {
			t.Errorf("got %+v", f)
		}
		if f.P50 < 999 || f.P50 > 1001 || f.Max < 999 || f.Max > 1001 {
			t.Errorf("latencies: %+v", f)
		}
	})
}

// A stall that outlasts the slice must be seen, though its answers come too late
// to count.
func TestSliceSeesStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer := &fake{took: time.Minute}
		engine, meter := newEngine(), newMeter()
		meter.add(engine.run(t.Context(), peer, Load{Callers: 4, Keys: 1}, 0, time.Second))
		if f := meter.figures(); f.Requests != 0 || f.Max < 59e6 {
			t.Errorf("got %+v", f)
		}
	})
}

func TestSliceSpreadsCallersOverKeys(t *testing.T) {
	for _, load := range []Load{{1, 4}, {4, 4}, {8, 4}, {2, 3}, {3, 1}} {
		synctest.Test(t, func(t *testing.T) {
			peer := &fake{took: time.Millisecond}
			newEngine().run(t.Context(), peer, load, 0, 120*time.Millisecond)
			for key := range load.Keys {
				if got, want := peer.keys[key], 120*load.Callers/load.Keys; got < want-2 || got > want+2 {
					t.Errorf("%v: key %d was asked for %d times, want about %d", load, key, got, want)
				}
			}
		})
	}
}

func TestSliceEndsEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		s := newEngine().run(ctx, &fake{took: time.Millisecond}, Load{Callers: 2, Keys: 1}, 100*time.Millisecond, time.Hour)
		if got := time.Duration(s.to - s.from); got < 199*time.Millisecond || got > 201*time.Millisecond {
			t.Errorf("measured %v", got)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		s = newEngine().run(ctx, &fake{took: time.Millisecond}, Load{Callers: 2, Keys: 1}, 100*time.Millisecond, time.Hour)
		m := newMeter()
		m.add(s)
		if f := m.figures(); f.Rate != 0 || f.Requests != 0 {
			t.Errorf("a slice that was never warm measured %+v", f)
		}
	})
}

// Callers that are turned away wait as they are told, and are counted by code.
func TestSliceCountsFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer := &fake{lie: func(caller int, id int64) (int64, error) {
			switch caller {
			case 0:
				return 0, &subjects.Error{Code: subjects.Busy, Text: "full", RetryAfter: 100 * time.Millisecond}
			case 1:
				return 0, nats.ErrNoResponders
			default:
				return 0, errors.New("odd")
			}
		}}
		m := newMeter()
		m.add(newEngine().run(t.Context(), peer, Load{Callers: 3, Keys: 1}, 0, time.Second))
		f := m.figures()
		if f.Requests != 0 || f.Errors["BUSY"] != 10 || f.Errors["NO_RESPONDERS"] != 100 || f.Errors["OTHER"] != 100 || len(f.Errors) != 3 {
			t.Errorf("got %+v", f)
		}
		if m.failures["BUSY"].text != "BUSY: full" {
			t.Errorf("got %+v", m.failures)
		}
	})
}
