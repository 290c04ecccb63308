package servers

import (
	"slices"
	"sync"
	"testing"
)

// Balancer stands for several servers at one address, as a Kubernetes Service
// does: each new connection goes to the next of them, and stays there. Its
// methods are safe for concurrent use.
type Balancer struct {
	*Proxy
	targets []string

	mu    sync.Mutex
	sent  []int // the servers that the connections went to, by number
	stuck bool  // all go to the server of the last one
}

// StartBalancer starts a balancer before targets, host:port each, until the
// test's end. The first connection goes to the first of them.
func StartBalancer(t testing.TB, targets ...string) *Balancer {
	t.Helper()
	b := &Balancer{targets: targets}
	b.Proxy = startProxy(t, b.next)
	return b
}

func (b *Balancer) next() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := 0
	if n := len(b.sent); n > 0 {
		i = b.sent[n-1]
		if !b.stuck {
			i = (i + 1) % len(b.targets)
		}
	}
	b.sent = append(b.sent, i)
	return b.targets[i]
}

// Stick has new connections go where the last one went, or ends that.
func (b *Balancer) Stick(stuck bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stuck = stuck
}

// Sent returns the numbers of the servers that the connections have gone to, in
// their order.
func (b *Balancer) Sent() []int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.sent)
}

// Last returns the number of the server that the last connection went to, -1 if
// there was none.
func (b *Balancer) Last() int {
	if sent := b.Sent(); len(sent) > 0 {
		return sent[len(sent)-1]
	}
	return -1
}
