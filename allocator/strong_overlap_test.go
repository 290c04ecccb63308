package allocator_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

// slowWaiter is not done with its answer before it is let go.
type slowWaiter struct {
	began chan struct{}
	letGo chan struct{}
}

func newSlowWaiter() *slowWaiter {
	return &slowWaiter{began: make(chan struct{}), letGo: make(chan struct{})}
}

func (h *slowWaiter) Allocated(*allocator.Request, allocator.Range, error) {
	close(h.began)
	<-h.letGo
}

// etcd has work while answers are sent: the next advance begins before the first
// batch has been told of its ids.
func TestStrongBeginsBeforeItTells(t *testing.T) {
	inStrong(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		m.Script(slow(2 * time.Second))
		first, second := newSlowWaiter(), newSlowWaiter()
		c.allocator.Allocate(&allocator.Request{Key: key, N: 1, Deadline: time.Now().Add(time.Minute), Waiter: first})
		time.Sleep(time.Second)
		c.allocator.Allocate(&allocator.Request{Key: key, N: 2, Deadline: time.Now().Add(time.Minute), Waiter: second})
		<-first.began
		<-second.began // for good if the second advance waits for the first answer
		wantAdvances(t, m, 0, 1, 2)
		close(first.letGo)
		close(second.letGo)
	})
}

// A worker hangs up when its allocator has stopped, and must not do so before the
// last answer has been sent.
func TestStopWaitsForTheAnswers(t *testing.T) {
	inStrong(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		m.Script(slow(2 * time.Second))
		last := newSlowWaiter()
		c.allocator.Allocate(&allocator.Request{Key: key, N: 1, Deadline: time.Now().Add(time.Minute), Waiter: last})
		<-last.began
		stopped := make(chan struct{})
		go func() {
			c.allocator.Stop()
			close(stopped)
		}()
		synctest.Wait()
		select {
		case <-stopped:
			t.Error("the allocator has stopped, and an answer was still on its way")
		default:
		}
		close(last.letGo)
		<-stopped
	})
}
