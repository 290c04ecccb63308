package conformance_test

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/integration/pace"
)

const loadPatience = 2 * pace.Patience

// restart kills the worker when a third of 10 000 ids is out, and ends another
// one in peace when two thirds are: each call gets ids all the same, within 20 s.
func restart(t *testing.T, s *system, c *sdk) (string, error) {
	load := command{
		Op: "load", Store: strongStore, Key: c.name + ".restart", N: 1, Mode: "strong",
		Callers: 16, Calls: 625, TimeoutMs: 20_000,
	}
	ids := int64(load.Callers * load.Calls)
	type done struct {
		result
		err error
	}
	results := make(chan done, 1)
	start := time.Now()
	go func() {
		r, err := c.do(load, loadPatience)
		results <- done{r, err}
	}()
	for i, with := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		at := ids / 3 * int64(i+1)
		for deadline := time.Now().Add(pace.Patience); ; time.Sleep(time.Millisecond) {
			if last, err := s.last(strongStore, load.Key); err == nil && last >= at {
				break
			}
			if len(results) > 0 || time.Now().After(deadline) {
				d := <-results
				_, err := d.history(load, 0)
				return "", errors.Join(fmt.Errorf("%d ids are not out", at), d.err, err)
			}
		}
		s.endWorker(t, with)
		s.startWorker(t)
	}
	d := <-results
	if d.err != nil {
		return "", d.err
	}
	ops, err := d.history(load, 0)
	if err == nil {
		err = errors.Join(allocatortest.CheckUnique(ops), allocatortest.CheckStrong(ops))
	}
	last, lerr := s.last(strongStore, load.Key)
	return fmt.Sprintf("%.1f s, %d gaps", time.Since(start).Seconds(), last-ids), errors.Join(err, lerr)
}

// together lets all SDKs ask for the same key at once, 64 callers each, and
// checks the union of what they got. round gives each SDK its command.
//
// There is one worker, which makes CheckWeak as sharp as it can be.
func together(sdks []*sdk, key string, rounds int, round func(command, int, int) command) (notes []string, errs []error, union error) {
	const callers, calls = 64, 40
	notes, errs = make([]string, len(sdks)), make([]error, len(sdks))
	var mu sync.Mutex // guards ops and errs
	var ops []allocatortest.Op
	for r := range rounds {
		var all sync.WaitGroup
		for i, c := range sdks {
			all.Go(func() {
				load := round(command{
					Op: "load", Store: weakStore, Key: key, N: 1, Mode: "strong",
					Callers: callers, Calls: calls, TimeoutMs: 20_000,
				}, i, r)
				got, err := c.do(load, loadPatience)
				var own []allocatortest.Op
				if err == nil {
					own, err = got.history(load, i)
				}
				mu.Lock()
				defer mu.Unlock()
				ops = append(ops, own...)
				errs[i] = errors.Join(errs[i], err)
			})
		}
		all.Wait()
	}
	union = errors.Join(allocatortest.CheckUnique(ops), allocatortest.CheckStrong(ops), allocatortest.CheckWeak(ops))
	for i := range notes {
		if len(sdks) == 1 {
			break
		}
		percent := overlap(ops, i)
		notes[i] = fmt.Sprintf("%d%% beside others", percent)
		if percent == 0 && errs[i] == nil {
			errs[i] = errors.New("it did not ask at the same time as the others, which shows nothing")
		}
	}
	return notes, errs, union
}

// overlap returns how many of the client's ops, in percent, were under way while
// another client's were: without that a check over the union shows nothing.
func overlap(ops []allocatortest.Op, client int) int {
	first, last, n, own := int64(1<<63-1), int64(0), 0, 0
	for _, o := range ops {
		if o.Client != client {
			first, last = min(first, o.Start), max(last, o.End)
		}
	}
	for _, o := range ops {
		if o.Client == client {
			own++
			if o.End >= first && o.Start <= last {
				n++
			}
		}
	}
	return 100 * n / max(own, 1)
}

func calls(c command, _, _ int) command { return c }

func sequences(c command, _, _ int) command {
	c.Sequence = true
	return c
}

// mixed has every other SDK ask for WEAK, by sequences in every other round, and
// for ranges here and there.
func mixed(c command, i, round int) command {
	if (i+round)%2 == 1 {
		c.Mode = "weak"
	}
	c.Sequence = round/2%2 == 1
	c.N = 1 + (i+round)%3
	return c
}
