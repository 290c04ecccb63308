package worker_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// A worker stayed on a nats-server that was to stop as planned until that closed the
// connection, and what it answered at this moment was lost. Now it leaves while the
// server waits, is asked over another one before that, and what it has in hand is
// answered.
func TestLeavesALameDuck(t *testing.T) {
	patiently := func(o *server.Options) { o.LameDuckGracePeriod, o.LameDuckDuration = time.Hour, 2*time.Hour }
	pair := servers.StartNATSPair(t, patiently)
	duck, other := pair[0], pair[1]
	f := &fixture{server: duck, memory: &allocatortest.Memory{}, log: &logBuffer{}}
	f.nc = other.Connect(t) // callers are on the other server
	f.running = f.worker(t, nil)
	f.waitReady(t)
	eventually(t, func() bool {
		_, err := f.next(t, key, subjects.Strong, 1)
		return err == nil
	}, "the worker is not asked from the other server")

	begun, end := make(chan struct{}), make(chan struct{})
	slow := allocator.Key{Store: "a", Name: "slow"}
	f.memory.Script(func(c allocatortest.Call) allocatortest.Fault {
		if c.Key == slow {
			close(begun)
			<-end
		}
		return allocatortest.Fault{}
	})
	inHand := make(chan error, 1)
	go func() {
		_, err := f.next(t, slow, subjects.Strong, 1)
		inHand <- err
	}()
	<-begun
	duck.LameDuck()
	left := func() bool { return duck.Clients() == 0 }
	eventually(t, func() bool {
		if _, err := f.next(t, key, subjects.Strong, 1); err != nil {
			t.Fatalf("while the worker moves: %v", err)
		}
		return left()
	}, "the worker did not leave")
	close(end)
	if err := <-inHand; err != nil {
		t.Errorf("what was in hand: %v", err)
	}
	if _, err := f.next(t, key, subjects.Weak, 1); err != nil {
		t.Error(err)
	}
	if got := f.State(); got != worker.Serving {
		t.Errorf("the worker is %s", got)
	}
	if !f.log.contains("left a nats-server that is about to stop") || f.log.contains("disconnected from NATS") {
		t.Error("the log does not say that it left, or says that it was cut off")
	}
}
