package faults

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
)

var soakFor = flag.Duration("soak", time.Minute, "for how `long` two and three faults at once are done to a system; what they are is drawn by -seed")

var soakLeases = flag.Bool("soak-leases", true, "the system of -soak has leased stores too")

// TestSoak does two and three faults at once to a system, round after round, and
// holds every answer against U and S as it comes. It prints its verdict in one line.
// The seed repeats what is done to whom, for how long and in which order.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a dozen processes, and spoils them for a minute")
	}
	bin, err := built()
	if err != nil {
		t.Fatal(err)
	}
	s := newSoak(t, bin)
	oldest := &elder{worker: s.workers[0]}
	rnd, rounds := soakRand(*seed), 0
	begin, told, problem := time.Now(), time.Now(), s.recover()
	for problem == nil && time.Since(begin) < *soakFor {
		rounds++
		did, wrong := restored, error(nil)
		if rounds%restoreEvery == 0 {
			wrong = s.restore()
		} else {
			strikes := draw(rnd)
			did = describe(strikes)
			s.strike(strikes)
		}
		problem = errors.Join(wrong, s.recover(), s.check(), oldest.look())
		if problem != nil || t.Failed() {
			t.Errorf("round %d, seed %d: %s: %v", rounds, *seed, did, problem)
			break
		}
		if time.Since(told) > time.Minute {
			told = time.Now()
			fmt.Printf("%v: %d rounds, %d requests answered with ids, %d takeovers; %v\n", time.Since(begin).Round(time.Second), rounds, s.throng.answered.Load(), s.owners.changes(), oldest)
		}
	}
	took := time.Since(begin)
	s.throng.stop()
	s.bills.stop()
	s.bills.rest()
	s.during(late)
	missing, unbalanced := s.books()
	if err := errors.Join(s.check(), unbalanced, oldest.flat()); err != nil {
		t.Errorf("in the end, seed %d: %v", *seed, err)
	}
	fmt.Println(s.verdict(rounds, took, missing, oldest))
}

// newSoak starts a system, and callers of all that rows have: clock-free keys,
// leased ones, bills and receipts.
func newSoak(t *testing.T, bin binaries) *soak {
	p := plan{natsServers: 2, workers: soakWorkers, natsLinks: true, mesh: true, balanced: 1}
	keys, counted := slices.Concat(mixedKeys, strongKeys, leasedKeys), billKeys
	if !*soakLeases {
		p.lease, keys, counted = noLease, slices.Concat(mixedKeys, strongKeys), billKeys[:1]
	}
	sys := newSystem(t, bin, p)
	s := &soak{
		run:    run{TB: t, system: sys, record: &record{}, owners: watchOwners(t, sys.etcd, leasedKeys)},
		raised: map[allocator.Key]int64{}, counts: map[string]int{},
	}
	s.throng = newThrong(keys, s.record.history.Now)
	s.throng.spacing = soakSpacing
	for i, key := range keys {
		s.throng.tallies[i].shelf = newShelf(t, key.Name, soakRoom)
	}
	bills := map[allocator.Key]*tally{}
	for _, key := range counted {
		bills[key] = &tally{shelf: newShelf(t, key.Store, soakRoom)}
	}
	s.bills = newReceipts(&s.run, counted, bills)
	s.keys = slices.Concat(keys, counted)
	s.throng.start(t, sys)
	if err := s.throng.call(soakClients); err != nil {
		t.Fatal(err)
	}
	s.bills.start()
	return s
}

func (s *soak) verdict(rounds int, took time.Duration, missing map[allocator.Key]int64, oldest *elder) string {
	verdict := "kept"
	if s.Failed() {
		verdict = "BROKEN"
	}
	_, twice, outcomes := s.throng.found()
	var lost []string
	for _, key := range s.throng.keys {
		lost = append(lost, fmt.Sprintf("%d of %s/%s", missing[key], key.Store, key.Name))
	}
	var did []string
	for _, name := range slices.Sorted(maps.Keys(s.counts)) {
		did = append(did, fmt.Sprintf("%s ×%d", name, s.counts[name]))
	}
	var mine runtime.MemStats
	runtime.ReadMemStats(&mine)
	bills := int64(0)
	for _, t := range s.bills.tallies {
		bills += t.answered()
	}
	return fmt.Sprintf("U and S %s: seed %d, %d rounds in %v, %d requests answered with %d ids, and bills with %d, of which %d were asked for once more and got the same; "+
		"%d of %d calls of the Go client failed; failed in all: %s; %d unheard, %d answered by two workers; %d takeovers of leased keys, %d lives of workers; "+
		"nobody got %s; %s; the checkers take %d MB; done: %s",
		verdict, *seed, rounds, took.Round(time.Second), s.throng.answered.Load(), s.throng.ids.Load(), bills, s.bills.repeats,
		s.throng.badCalls, s.throng.calls.Load(), failuresOf(outcomes), len(s.throng.unheard()), len(twice), s.owners.changes(), s.lives,
		strings.Join(lost, ", "), oldest, mine.HeapInuse>>20, strings.Join(did, ", "))
}

// A seed draws the same, time after time, and all that there is, sooner or later.
func TestSoakIsDrawnByItsSeed(t *testing.T) {
	a, b, other := soakRand(7), soakRand(7), soakRand(8)
	drawn, same := map[string]bool{}, 0
	for range 1000 {
		strikes := draw(a)
		if got := describe(draw(b)); got != describe(strikes) {
			t.Fatalf("drew %s, and again %s", describe(strikes), got)
		}
		if describe(draw(other)) == describe(strikes) {
			same++
		}
		for i, s := range strikes {
			drawn[s.party+" "+s.name] = true
			for _, o := range strikes[:i] {
				if s.excludes(o) {
					t.Fatalf("both at once: %v and %v", o, s)
				}
			}
			if s.which < s.least {
				t.Fatalf("done to one that is to be left alone: %v", s)
			}
		}
	}
	if len(drawn) != len(troubles) || same > 0 {
		t.Errorf("drew %d of %d troubles; another seed drew the same %d times", len(drawn), len(troubles), same)
	}
}
