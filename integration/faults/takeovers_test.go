package faults

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/servers"
)

var (
	takeovers = flag.Duration("takeovers", 0, "for how `long` owners are spoilt under a throng of callers; 0: not at all")
	seed      = flag.Uint64("seed", 1, "what is done to owners is drawn by this `number`; when, the machine decides too")
)

// siegeKeys is how many leased keys the throng asks for.
const siegeKeys = 16

// blow is what is done to an owner, and ended again.
type blow struct {
	name string
	do   func(*siege, *worker)
}

var blows = []blow{
	{"SIGKILL", func(s *siege, w *worker) {
		s.losing(func() {
			w.kill()
			s.during(s.upTo(2))
		})
		s.startWorker(s, w)
	}},
	{"SIGTERM", func(s *siege, w *worker) {
		w.terminate(s, 5*time.Second)
		s.startWorker(s, w)
	}},
	{"SIGSTOP", func(s *siege, w *worker) {
		s.losing(func() {
			s.tearing()
			w.freeze(s)
			s.during(s.upTo(3))
			w.thaw(s)
		})
	}},
	{"cut off from etcd", func(s *siege, w *worker) {
		w.setLinks((*servers.Proxy).Blackhole)
		s.during(s.upTo(4))
		w.setLinks((*servers.Proxy).Heal)
	}},
	{"cut off from NATS", func(s *siege, w *worker) {
		s.losing(func() {
			s.tearing()
			w.natsLink.Blackhole()
			s.during(s.upTo(4))
			w.natsLink.Heal()
		})
	}},
	{"cut off from both", func(s *siege, w *worker) {
		s.losing(func() {
			s.tearing()
			w.setLinks((*servers.Proxy).Blackhole)
			w.natsLink.Blackhole()
			s.during(s.upTo(4))
			w.setLinks((*servers.Proxy).Heal)
			w.natsLink.Heal()
		})
	}},
	{"etcd's answers lost", func(s *siege, w *worker) {
		w.setLinks((*servers.Proxy).DropResponses)
		s.during(s.upTo(3))
		w.setLinks((*servers.Proxy).Cut)
		w.setLinks((*servers.Proxy).Heal)
	}},
	{"etcd's answers late", func(s *siege, w *worker) {
		w.setLinks((*servers.Proxy).DropResponses)
		s.during(s.upTo(3))
		w.setLinks((*servers.Proxy).Heal)
	}},
}

// siege is owners that are spoilt one after the other.
type siege struct {
	run
	rnd     *rand.Rand
	slowest float64 // how many times longer everything took on this machine, at worst
}

// upTo draws a time of that many leases at most.
func (s *siege) upTo(leases int) time.Duration {
	return time.Duration(s.rnd.Int64N(int64(leases) * int64(s.lease)))
}

// losing has requests be lost while during runs, and shortly after it.
func (s *siege) losing(during func()) {
	end := s.run.losing()
	during()
	s.during(500 * time.Millisecond)
	end()
}

// TestTakeovers has a throng ask for leased ids as fast as it gets them, while the
// keys' owners are killed, frozen, cut off and restarted, and holds every answer
// against U and S. It prints its verdict in one line.
func TestTakeovers(t *testing.T) {
	if *takeovers == 0 {
		t.Skip("takes the processors for itself: for how long says -takeovers")
	}
	bin, err := built()
	if err != nil {
		t.Fatal(err)
	}
	sys := newSystem(t, bin, plan{natsLinks: true})
	var keys []allocator.Key
	for i := range siegeKeys {
		keys = append(keys, allocator.Key{Store: leasedStore, Name: fmt.Sprintf("k%d", i)})
	}
	s := &siege{
		run: run{TB: t, system: sys, record: &record{}, owners: watchOwners(t, sys.etcd, keys)},
		rnd: rand.New(rand.NewPCG(*seed, 0)),
	}
	throng := newThrong(keys, s.record.history.Now)
	throng.start(t, sys)
	done := map[string]int{}
	begin, told := time.Now(), time.Now()
	for time.Since(begin) < *takeovers {
		s.during(s.upTo(2))
		w := s.owner(t, keys[s.rnd.IntN(len(keys))])
		b := blows[s.rnd.IntN(len(blows))]
		b.do(s, w)
		done[b.name]++
		s.slowest = max(s.slowest, crowd())
		for _, w := range sys.workers {
			w.waitReady(t, pace.Patience)
		}
		if problems, _, _ := throng.found(); len(problems) > 0 {
			t.Logf("after %s: %v", b.name, errors.Join(problems...))
			break
		}
		if time.Since(told) > time.Minute {
			told = time.Now()
			fmt.Printf("%v: %d requests answered with ids, %d takeovers\n", time.Since(begin).Round(time.Second), throng.answered.Load(), s.owners.changes())
		}
	}
	took := time.Since(begin)
	throng.stop()
	s.during(late)
	s.judge(throng, done, took)
}

// judge prints the verdict.
func (s *siege) judge(c *throng, done map[string]int, took time.Duration) {
	problems, twice, outcomes := c.found()
	marks := s.marks()
	for i, key := range c.keys {
		if greatest := c.tallies[i].known(); greatest > marks[key] {
			problems = append(problems, fmt.Errorf("%s: id %d is above the mark %d", key.Name, greatest, marks[key]))
		}
	}
	torn := 0
	for _, sent := range twice {
		if sentIn(s.torn, sent) {
			torn++
		}
	}
	if torn < len(twice) && s.slowest <= veryBusy {
		problems = append(problems, fmt.Errorf("%d requests were answered twice that no worker had in hand when it was cut off", len(twice)-torn))
	}
	unheard := c.unheard()
	for _, a := range unheard {
		if !sentIn(s.lost, a.sent) {
			problems = append(problems, fmt.Errorf("never answered, and nothing explains it: sent at %d ns", a.sent))
			break
		}
	}
	if s.owners.changes() == 0 {
		problems = append(problems, errors.New("no key got another owner, which shows nothing"))
	}
	verdict := "kept"
	if len(problems) > 0 {
		verdict = "BROKEN"
		s.Error(errors.Join(problems...))
	}
	var blows []string
	for _, name := range slices.Sorted(maps.Keys(done)) {
		blows = append(blows, fmt.Sprintf("%s ×%d", name, done[name]))
	}
	if len(twice) > torn {
		verdict += fmt.Sprintf(" (on a machine with %.1f times as much to do)", s.slowest)
	}
	fmt.Printf("U and S %s: %d requests answered with %d ids of %d leased keys in %v, over %d takeovers; failed: %s; %d unheard; %d answered by two workers, %d of which one had in hand when it was cut off; done to owners, seed %d: %s\n",
		verdict, c.answered.Load(), c.ids.Load(), len(c.keys), took.Round(time.Second), s.owners.changes(),
		failuresOf(outcomes), len(unheard), len(twice), torn, *seed, strings.Join(blows, ", "))
}
