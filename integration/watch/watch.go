package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	seqd "github.com/seqd-io/seqd/clients/go"
)

// Ids flow if, in the last second, no call failed and each mode brought some.
const (
	flowSpan    = int64(time.Second)
	flowAnswers = 5
	lookEvery   = 100 * time.Millisecond
)

// watch is four callers and what they got. The zero value has none yet.
type watch struct {
	store   string
	pace    time.Duration
	callers sync.WaitGroup
	history allocatortest.History

	mu       sync.Mutex
	failures []int64 // when calls failed; stamps of history
}

// call asks until ctx ends, in STRONG mode if caller is even. All ask for one key.
func (w *watch) call(ctx context.Context, client *seqd.Client, caller int) {
	key := allocator.Key{Store: w.store, Name: "key"}
	strong := caller%2 == 0
	mode := seqd.Weak
	if strong {
		mode = seqd.Strong
	}
	for ctx.Err() == nil {
		op := allocatortest.Op{Start: w.history.Now(), Key: key, Strong: strong, Client: caller}
		// What is under way when ctx ends is waited for: its ids count.
		id, err := client.Next(context.WithoutCancel(ctx), key.Store, key.Name, seqd.WithMode(mode))
		op.End, op.Ids = w.history.Now(), allocator.Range{First: id, N: 1}
		if err != nil {
			w.mu.Lock()
			w.failures = append(w.failures, op.End)
			w.mu.Unlock()
		} else {
			w.history.Add(op)
		}
		select {
		case <-time.After(w.pace):
		case <-ctx.Done():
		}
	}
}

// flows waits until ids flow, after what event names, and says for how long they
// had stopped.
func (w *watch) flows(ctx context.Context, out io.Writer, event string, within time.Duration) error {
	from := w.history.Now()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		now := w.history.Now()
		ops := w.history.Ops()
		strong, weak := answers(ops, true), answers(ops, false)
		if now-from >= flowSpan && w.failed(now-flowSpan) == 0 && since(strong, now-flowSpan) >= flowAnswers && since(weak, now-flowSpan) >= flowAnswers {
			_, err := fmt.Fprintf(out, "%s: ids stopped for STRONG %v, WEAK %v; %d calls answered, %d failed\n", event,
				gap(strong, from), gap(weak, from), since(strong, from)+since(weak, from), w.failed(from))
			return err
		}
		if time.Duration(now-from) > within {
			return fmt.Errorf("%s: ids do not flow after %v; in the last second STRONG %d, WEAK %d; %d calls failed in all; look at the workers' logs",
				event, within, since(strong, now-flowSpan), since(weak, now-flowSpan), w.failed(from))
		}
	}
}

// verdict checks all ids.
func (w *watch) verdict(out io.Writer) error {
	ops := w.history.Ops()
	err := errors.Join(allocatortest.CheckUnique(ops), allocatortest.CheckStrong(ops))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%d ids checked: unique, and STRONG ones in order; %d calls failed\n", len(ops), w.failed(0))
	return err
}

// failed returns how many calls have failed since a stamp.
func (w *watch) failed(from int64) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return since(w.failures, from)
}

// answers returns when one mode's answers came, in order.
func answers(ops []allocatortest.Op, strong bool) []int64 {
	var ends []int64
	for _, op := range ops {
		if op.Strong == strong {
			ends = append(ends, op.End)
		}
	}
	slices.Sort(ends)
	return ends
}

// since counts the stamps from from on.
func since(stamps []int64, from int64) int {
	n := 0
	for _, s := range stamps {
		if s >= from {
			n++
		}
	}
	return n
}

// gap returns the longest time between two answers, of which the later one came
// after from.
func gap(ends []int64, from int64) time.Duration {
	var longest int64
	for i := 1; i < len(ends); i++ {
		if ends[i] > from {
			longest = max(longest, ends[i]-ends[i-1])
		}
	}
	return time.Duration(longest).Round(10 * time.Millisecond)
}
