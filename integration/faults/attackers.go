package faults

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

// attackers are at work until stop.
type attackers struct {
	all    []*attacker
	cancel context.CancelFunc
	work   sync.WaitGroup
}

const (
	neighbours     = 3
	tenants        = 2
	shotsAtOnce    = 32 // at most
	assaultSpacing = 150 * time.Millisecond
	assaultClients = 8
)

// attack starts attackers.
func (s *assault) attack(t testing.TB) *attackers {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	as := &attackers{cancel: cancel}
	for i := range neighbours + tenants {
		user := neighbour
		if i >= neighbours {
			user = tenant
		}
		a, err := dialAttacker(s, i, user)
		if err != nil {
			t.Fatal(err)
		}
		as.all = append(as.all, a)
		as.work.Go(func() {
			if err := a.run(ctx); err != nil {
				s.problemf("%s: %v", a.name, err)
			}
		})
	}
	t.Cleanup(as.stop)
	return as
}

func (a *attacker) run(ctx context.Context) error {
	for ctx.Err() == nil {
		var shots []*shot
		for range 1 + a.rnd.IntN(shotsAtOnce) {
			if a.rnd.IntN(8) == 0 {
				shots = append(shots, a.forged())
			} else {
				shots = append(shots, a.request())
			}
		}
		if err := a.fire(shots); err != nil {
			return err
		}
	}
	return nil
}

func (as *attackers) stop() {
	as.cancel()
	as.work.Wait()
	for _, a := range as.all {
		a.nc.Close()
	}
}

// kept returns an error if NATS let somebody publish where he may not.
func (as *attackers) kept() error {
	var problems []error
	for _, a := range as.all {
		a.mu.Lock()
		if a.user == tenant && (a.refused < a.denied || a.denied == 0) {
			problems = append(problems, fmt.Errorf("%s sent %d messages that it may not send, and NATS refused %d", a.name, a.denied, a.refused))
		}
		a.mu.Unlock()
	}
	return errors.Join(problems...)
}

// newAssaultThrong starts the ordinary callers.
func newAssaultThrong(t testing.TB, s *assault) *throng {
	t.Helper()
	var keys []allocator.Key
	for _, some := range [][]allocator.Key{mixedKeys, strongKeys, leasedKeys} {
		keys = append(keys, some...)
	}
	clock := &allocatortest.History{}
	c := newThrong(keys, clock.Now)
	c.spacing = assaultSpacing
	c.start(t, s.system)
	if err := c.call(assaultClients); err != nil {
		t.Fatal(err)
	}
	return c
}

// unnoticed returns an error for what ordinary callers noticed. On a machine that has
// more to do some of them may find that their patience ends, as in any row.
func (s *assault) unnoticed() error {
	problems, _, outcomes := s.throng.found()
	crowded, failed := crowd() > busy || s.etcd.waitedForDisk(), 0
	for outcome, n := range outcomes {
		failed += n
		if !crowded || !strings.Contains("EXPIRED, UNAVAILABLE, BUSY, "+noAnswer+", "+noResponders, outcome) {
			problems = append(problems, fmt.Errorf("%d requests of callers failed with %q", n, outcome))
		}
	}
	if most := s.throng.answered.Load() / 20; int64(failed) > most && crowd() < veryBusy {
		problems = append(problems, fmt.Errorf("%d requests of callers failed, more than %d", failed, most))
	}
	return errors.Join(problems...)
}

// noStrangeCounters returns an error if etcd has a counter for which no well-formed
// request has asked that could be answered.
func (s *assault) noStrangeCounters(t testing.TB) error {
	r := &run{TB: t, system: s.system}
	marks, strange := r.marks(), 0
	for _, key := range s.throng.keys {
		s.asks(key)
	}
	var example allocator.Key
	for key := range marks {
		if !s.wasAsked(key) {
			strange++
			example = key
		}
	}
	if int64(strange) > s.spoilt.Load() {
		return fmt.Errorf("%d counters that nobody asked for, such as %v", strange, example)
	}
	return nil
}
