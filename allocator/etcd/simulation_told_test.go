package etcd_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// An owner does not learn that it has reserved the ids of a request that is made
// once, and holds lower ones. A repeat that comes to another worker is for the
// owner to answer: who is told those ids, and then asks the owner, gets greater ones. (It got lower ones, when
// the repeat was answered by whom it came to.)
func TestRepeatIsForTheOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, ownersWorld(1, time.Second))
		key := w.plan.keys[0]
		ask := func(worker int, once string, patience time.Duration) *ask {
			a := w.newAsk(0, key, strong, 1, patience)
			a.once = once
			a.send(worker)
			<-a.done
			return a
		}
		time.Sleep(w.plan.lease)
		for _, once := range []string{"zero", "", ""} { // the first one gets the answers' lease
			if a := ask(0, once, time.Minute); a.err != nil {
				t.Fatal(a.err)
			}
		}
		w.slot(0).loseNext.Store(true)
		if a := ask(0, "one", 100*time.Millisecond); a.err == nil {
			t.Fatal("the answer was not lost")
		}
		if a := ask(1, "one", time.Minute); a.err != nil {
			t.Fatal(a.err)
		}
		if n := w.tally.n["first told by a repeat"].Load(); n != 1 {
			t.Errorf("%d requests were first answered by a repeat, want 1", n)
		}
		if a := ask(0, "", time.Minute); a.err != nil {
			t.Fatal(a.err)
		}
		ops := w.history.Ops()
		if told, then := ops[len(ops)-2].Ids, ops[len(ops)-1].Ids; then.First <= told.Last() {
			t.Errorf("%v were told, and then %v", told, then)
		}
		w.quiet.Store(true)
		w.stopAll()
		w.verdict()
	})
}
