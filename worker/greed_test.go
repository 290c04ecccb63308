package worker_test

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// A store that asks for more than there is finds no place any more while there is still
// room for the others. Each of them was BUSY whenever it was.
func TestOneStoreDoesNotTakeEveryPlace(t *testing.T) {
	const places, most = 16, 14 // seven of eight
	f := start(t, func(c *worker.Config) {
		c.MaxWaiting = places
		c.Backends[0].Stores = []worker.Store{{Name: "a"}, {Name: "b"}, {Name: "c"}}
	})
	answers := make(chan *nats.Msg, places)
	inbox := nats.NewInbox()
	if _, err := f.nc.ChanSubscribe(inbox, answers); err != nil {
		t.Fatal(err)
	}
	for round := range 2 { // what was refused, and what was answered, leaves nothing behind
		before := len(f.memory.Calls())
		var releases []func()
		waits := func(store string) {
			t.Helper()
			key := allocator.Key{Store: store, Name: fmt.Sprintf("slow%d-%d", round, len(releases))}
			releases = append(releases, f.memory.Stall(key))
			m := &nats.Msg{Subject: subjects.Subject(subjects.Root, store, key.Name), Reply: inbox, Header: header("Seq-Mode", "strong")}
			if err := f.nc.PublishMsg(m); err != nil {
				t.Fatal(err)
			}
			eventually(t, func() bool { return len(f.memory.Calls()) == before+len(releases) }, "a request did not get through")
		}
		busy := func(store string) {
			t.Helper()
			m := f.ask(t, "seq."+store+".other", header("Seq-Mode", "strong"), "")
			if got := m.Header.Get(subjects.ErrorCodeHeader); got != "429" {
				t.Fatalf("round %d, %s: got code %q", round, store, got)
			}
		}
		for range most {
			waits("a")
		}
		for range 10 {
			busy("a")
		}
		waits("b")
		busy("a")
		waits("c")
		for _, store := range []string{"a", "b", "c"} { // now it is full
			busy(store)
		}
		for _, release := range releases {
			release()
		}
		for range releases {
			if m := <-answers; m.Header.Get(subjects.ErrorCodeHeader) != "" {
				t.Errorf("got %v", m.Header)
			}
		}
		eventually(t, func() bool { return f.running.Snapshot().InFlight == 0 }, "places were not given back")
	}
}
