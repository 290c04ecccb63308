package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/subjects"
)

const (
	soakWorkers = 4
	soakSpacing = 25 * time.Millisecond // between a caller's requests
	soakClients = 16                    // callers of the Go client
	soakRoom    = 64                    // pages of a tally in memory, for two million ids
)

// soak is a system under two and three troubles at once, round after round. Its
// methods are safe for concurrent use, unlike those of the run in it.
type soak struct {
	run
	throng *throng
	bills  *receipts
	keys   []allocator.Key

	mu     sync.Mutex // guards what troubles change in run, and the following
	raised map[allocator.Key]int64
	spoilt time.Duration // for how long something was wrong
	counts map[string]int
}

// losing has requests be lost until shortly after the returned function is called.
func (s *soak) losing() (end func()) {
	w := window{from: s.record.history.Now() - int64(late)}
	return func() {
		s.during(500 * time.Millisecond)
		s.mu.Lock()
		defer s.mu.Unlock()
		w.to = s.record.history.Now()
		s.lost = append(s.lost, w)
	}
}

func (s *soak) tearing() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.run.tearing()
}

// strike does what was drawn, and returns when all of it has ended.
func (s *soak) strike(strikes []strike) {
	begin := time.Now()
	var all sync.WaitGroup
	for _, k := range strikes {
		all.Go(func() {
			s.during(k.after)
			k.do(s, k)
		})
	}
	all.Wait()
	s.spoilt += time.Since(begin)
	for _, k := range strikes {
		s.counts[strings.TrimSpace(k.party+" "+k.name)]++
	}
}

// calm is for how long nothing may fail between two rounds, in which each key is
// asked for.
const calm = 1500 * time.Millisecond

// recover waits until the system is as before, and returns an error if it does not
// get there.
func (s *soak) recover() error {
	s.etcd.waitLeader(s)
	for _, w := range s.workers {
		w.waitReady(s, pace.Patience)
	}
	patience := time.Duration(float64(settle) * max(1, crowd()))
	for begin := time.Now(); ; {
		failures, got := s.throng.failures.Load(), s.answered()
		s.during(calm)
		now := s.answered()
		idle := slices.IndexFunc(s.keys, func(key allocator.Key) bool { return now[key] == got[key] })
		failed := s.throng.failures.Load() - failures
		if failed == 0 && idle < 0 {
			return nil
		}
		if time.Since(begin) > patience {
			return fmt.Errorf("not as before %v after the round: %d requests failed within %v, and all keys had ids: %v",
				patience.Round(time.Second), failed, calm, idle < 0)
		}
	}
}

// answered returns how many ids of each key were answered.
func (s *soak) answered() map[allocator.Key]int64 {
	answered := map[allocator.Key]int64{}
	for i, key := range s.throng.keys {
		answered[key] = s.throng.tallies[i].answered()
	}
	for key, t := range s.bills.tallies {
		answered[key] = t.answered()
	}
	return answered
}

// raise has an operator raise a key. If the command succeeds, every id of a later
// request is above.
func (s *soak) raise(k strike) {
	const by = 10_000
	i := int(k.lasts/time.Millisecond) % len(s.throng.keys)
	key, t := s.throng.keys[i], &s.throng.tallies[i]
	to := t.known() + by
	s.mu.Lock()
	s.raised[key] += 2 * by // the mark may have been higher by then
	s.mu.Unlock()
	var endpoints []string
	for _, m := range s.etcd.members {
		endpoints = append(endpoints, m.client)
	}
	ctx, cancel := context.WithTimeout(s.Context(), 2*longest)
	defer cancel()
	raise := exec.CommandContext(ctx, s.bin.seqd, "admin", "raise", key.Store, key.Name, "--to", fmt.Sprint(to), "--etcd-endpoints", strings.Join(endpoints, ","))
	if raise.Run() == nil {
		t.raise(to)
	}
}

// check holds what has happened so far against the promises.
func (s *soak) check() error {
	problems, twice, outcomes := s.throng.found()
	problems = append(problems, s.bills.found()...)
	expected := soakOutcomes
	if s.counts[restored] > 0 {
		expected += ", " + string(subjects.Fenced)
	}
	for outcome, n := range outcomes {
		if !strings.Contains(expected, outcome) {
			problems = append(problems, fmt.Errorf("%d requests failed with %q", n, outcome))
		}
	}
	slow := crowd() > veryBusy
	for _, sent := range twice {
		if !slow && !sentIn(s.torn, sent) {
			problems = append(problems, fmt.Errorf("answered twice, and no worker had it in hand when it was cut off: sent at %d ns", sent))
		}
	}
	unheard := s.throng.settle(s.record.history.Now() - int64(late))
	for _, a := range unheard {
		if !sentIn(s.lost, a.sent) {
			problems = append(problems, fmt.Errorf("never answered, and nothing explains it: %v sent at %d ns", s.throng.keys[a.key], a.sent))
		}
	}
	return errors.Join(problems...)
}

// soakOutcomes are how requests may fail while something is wrong.
const soakOutcomes = "no answer, EXPIRED, UNAVAILABLE, no responders, not connected, BUSY"

// books returns how many ids of each key nobody got, and an error if these are more
// than what was done explains.
func (s *soak) books() (missing map[allocator.Key]int64, err error) {
	marks, answered := s.marks(), s.answered()
	budget := budget{lives: s.lives, workers: len(s.workers), callers: lines*callersOfLine + soakClients, ambiguous: s.spoilt, tenures: s.lives + s.owners.changes() + 2}
	missing = map[allocator.Key]int64{}
	var problems []error
	for i, key := range s.throng.keys {
		missing[key] = marks[key] - answered[key]
		if greatest := s.throng.tallies[i].known(); greatest > marks[key] {
			problems = append(problems, fmt.Errorf("%v: id %d is above the mark %d", key, greatest, marks[key]))
		}
		if most := budget.of(key, s.throng.failuresOf(key)) + s.raised[key]; missing[key] > most || missing[key] < 0 {
			problems = append(problems, fmt.Errorf("%v: %d ids are missing, and %d at most are explained", key, missing[key], most))
		}
	}
	for key, t := range s.bills.tallies {
		if t.known() > marks[key] {
			problems = append(problems, fmt.Errorf("%v: mark %d was answered, and etcd has %d", key, t.known(), marks[key]))
		}
	}
	return missing, errors.Join(problems...)
}

// soakRand returns what a soak is drawn by.
func soakRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }
