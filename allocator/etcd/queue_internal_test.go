package etcd

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
)

// named returns a swap whose path tells its store and its number.
func named(store string, i int) *swap {
	s := &swap{store: store}
	s.Path = fmt.Sprint(store, i)
	return s
}

// A store with a long queue waits behind itself: whoever comes later is next.
func TestQueueTakesTurns(t *testing.T) {
	var q queue
	for i := range 5 {
		q.push(named("many", i))
	}
	q.push(named("a", 0))
	q.push(named("b", 0))
	q.push(named("a", 1))
	for store, want := range map[string]int{"many": 8, "a": 8, "b": 5, "new": 3} {
		if got := q.before(store); got != want {
			t.Errorf("before %s: got %d, want %d", store, got, want)
		}
	}
	first := q.pop()
	q.unpop(first) // it was not taken along
	var got []string
	for q.len > 0 {
		got = append(got, q.pop().Path)
	}
	if got, want := strings.Join(got, " "), "a0 b0 many0 a1 many1 many2 many3 many4"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if len(q.turns) > 0 || q.first != nil || q.last != nil {
		t.Errorf("left over: %+v", q)
	}
}

// Whatever is put in and back comes out once, each store's in order; and nobody waits for
// longer than was foreseen, unless more comes.
func TestQueueLosesNothing(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		var q queue
		in, out := map[string]int{}, map[string]int{}
		took := func(s *swap) {
			if want := fmt.Sprint(s.store, out[s.store]); s.Path != want {
				t.Fatalf("seed %d: got %s, want %s", seed, s.Path, want)
			}
			out[s.store]++
		}
		for range 300 {
			store := string(rune('a' + rnd.IntN(1+rnd.IntN(6))))
			switch rnd.IntN(5) {
			case 0, 1, 2:
				q.push(named(store, in[store]))
				in[store]++
			case 3:
				if q.len > 0 {
					took(q.pop())
				}
			case 4: // some are put back, the last one first
				var back []*swap
				for range min(q.len, rnd.IntN(4)) {
					back = append(back, q.pop())
				}
				for i := len(back) - 1; i >= 0; i-- {
					q.unpop(back[i])
				}
			}
		}
		foreseen := q.before("last")
		q.push(named("last", 0))
		for before := 0; q.len > 0; before++ {
			s := q.pop()
			if took(s); s.store == "last" && before > foreseen {
				t.Errorf("seed %d: %d came before it, %d were foreseen", seed, before, foreseen)
			}
		}
		for store, n := range in {
			if out[store] != n {
				t.Errorf("seed %d: %d of %s's %d came out", seed, out[store], store, n)
			}
		}
	}
}

// Who foresees that a swap would come too late counts what is sent before it, and not
// what another store has to wait for itself.
func TestAnotherStoresQueueRefusesNobody(t *testing.T) {
	var all txns
	all.load.note(time.Second)
	all.flying = maxFlying // nothing is sent meanwhile
	for i := range 20 * maxSwaps {
		all.due.push(named("many", i))
	}
	for store, refused := range map[string]bool{"many": true, "other": false} {
		s := named(store, 0)
		s.deadline = time.Now().Add(3 * time.Second)
		var err error
		s.done = func(out outcome) { err = out.err }
		all.start(s)
		if errors.Is(err, allocator.ErrBusy) != refused {
			t.Errorf("%s: got %v, refused: want %v", store, err, refused)
		}
	}
}
