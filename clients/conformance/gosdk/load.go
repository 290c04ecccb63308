package main

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	seqd "github.com/seqd-io/seqd/clients/go"
)

// outcome is what many calls came to.
type outcome struct {
	Ops    [][4]any       `json:"ops"` // start ns, end ns, first id, n
	Errors map[string]int `json:"errors"`
}

// load lets callers make so many calls each, all at the same time.
func load(call call, callers, calls int) (outcome, error) {
	var mu sync.Mutex // guards o and strange
	o := outcome{Ops: [][4]any{}, Errors: map[string]int{}}
	var strange error // no error of the SDK
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range calls {
				start := now()
				ids, err := call(context.Background())
				end := now()
				mu.Lock()
				if e, ok := errors.AsType[*seqd.Error](err); ok {
					o.Errors[e.Code()]++
				} else if err != nil {
					strange = err
				} else {
					o.Ops = append(o.Ops, [4]any{start, end, strconv.FormatInt(ids.First, 10), ids.N})
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return o, strange
}

// rate lets callers call for a while, and returns how many ids came per second.
func rate(call call, callers int, during time.Duration) any {
	var ids atomic.Int64
	start := time.Now()
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for time.Since(start) < during {
				got, _ := call(context.Background()) // an error lowers the rate, which is what is asked for
				ids.Add(int64(got.N))
			}
		})
	}
	all.Wait()
	return map[string]float64{"ids_per_second": float64(ids.Load()) / time.Since(start).Seconds()}
}

// crowdRate lets callers wait together for a while, each of them for one id: the
// last one to come makes the call for all. It returns how many ids came per second.
func crowdRate(call call, callers int, during time.Duration) (any, error) {
	type crowd struct {
		n    int
		err  error
		over bool
		done chan struct{}
	}
	var mu sync.Mutex // guards gathers, and its n
	gathers := &crowd{done: make(chan struct{})}
	start := time.Now()
	var ids atomic.Int64
	caller := func() error {
		for {
			mu.Lock()
			c := gathers
			c.n++
			last := c.n == callers
			if last {
				gathers = &crowd{done: make(chan struct{})}
			}
			mu.Unlock()
			if last {
				_, c.err = call(context.Background())
				c.over = time.Since(start) >= during
				close(c.done)
			}
			<-c.done
			if c.err != nil {
				return c.err
			}
			ids.Add(1)
			if c.over {
				return nil
			}
		}
	}
	errs := make([]error, callers)
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() { errs[i] = caller() })
	}
	all.Wait()
	return map[string]float64{"ids_per_second": float64(ids.Load()) / time.Since(start).Seconds()}, errors.Join(errs...)
}

// now reads the clock that all processes share, in ns. Package time reads it too
// and does not tell.
func now() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err) // the system has no such clock
	}
	return t.Nano()
}
