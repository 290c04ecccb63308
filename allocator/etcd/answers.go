package etcd

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// answerLeases are the etcd leases that answers end with. One is shared by the
// answers of a minute, or by the first leaseAnswers of it: so there are few of them,
// and none takes so many records along when it ends that etcd stands still. It
// is how Kubernetes' API server keeps events (the lease manager of its etcd3
// storage, with the same two bounds).
type answerLeases struct {
	grant func(ctx context.Context, ttl int64) (*clientv3.LeaseGrantResponse, error)
	ctx   context.Context

	mu       sync.Mutex
	byWindow map[time.Duration]*answerLease
	most     int // answers in a transaction; see fewer
}

const (
	leaseShared  = time.Minute // how long a lease gets answers
	leaseAnswers = 1000        // that share one

	// leaseSpare makes up for what lies between the choice of a lease and the
	// instant at which etcd has the answer.
	leaseSpare = time.Minute

	// mostTogether is how many answers share a transaction, with their counter and
	// two guards.
	mostTogether = maxSwaps - 3
	_            = uint(mostTogether - allocator.MaxAnswers) // does not compile if an advance can have more
)

// answerLease is the latest one for a window.
type answerLease struct {
	id      clientv3.LeaseID // 0: there is none
	granted time.Time        // when it was asked for
	left    int              // answers that it may still get
	waiting []func(error)    // for the next one; it is under way unless there are none
}

func newAnswerLeases(ctx context.Context, lease clientv3.Lease) *answerLeases {
	return &answerLeases{grant: lease.Grant, ctx: ctx, byWindow: map[time.Duration]*answerLease{}, most: mostTogether}
}

// of returns a lease for n answers that are to last for a window. If there is none
// it is 0, and then is called when there is one, or could not be had.
func (a *answerLeases) of(window time.Duration, n int, then func(error)) clientv3.LeaseID {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.byWindow[window]
	if l == nil {
		l = &answerLease{}
		a.byWindow[window] = l
	}
	if l.id != 0 && l.left > 0 && young(l.granted, time.Now()) {
		l.left -= n
		return l.id
	}
	l.waiting = append(l.waiting, then)
	if len(l.waiting) == 1 {
		go a.renew(l, window)
	}
	return 0
}

// young reports whether a lease that was asked for then gets answers now, by a
// clock that stands still while a machine is suspended, and by one that does not.
func young(granted, now time.Time) bool {
	wall := now.Round(0).Sub(granted.Round(0))
	return now.Sub(granted) < leaseShared && wall > -time.Second && wall < leaseShared
}

// renew asks for a lease, and tells those who wait for it.
func (a *answerLeases) renew(l *answerLease, window time.Duration) {
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(a.ctx), record.AttemptTimeout)
	defer cancel()
	asked := time.Now()
	resp, err := a.grant(ctx, int64((window+leaseShared+leaseSpare+time.Second-1)/time.Second))
	a.mu.Lock()
	if err == nil {
		l.id, l.granted, l.left = resp.ID, asked, leaseAnswers
	}
	waiting := l.waiting
	l.waiting = nil
	a.mu.Unlock()
	if err != nil {
		err = fmt.Errorf("grant a lease for answers: %w", err)
	}
	for _, then := range waiting {
		then(err)
	}
}

// unknown forgets a lease if it is for its sake that a transaction failed: etcd was
// set up anew, or somebody has revoked it. It returns false if it is not.
func (a *answerLeases) unknown(err error, window time.Duration, id clientv3.LeaseID) bool {
	if !errors.Is(rpctypes.Error(err), rpctypes.ErrLeaseNotFound) {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if l := a.byWindow[window]; l != nil && l.id == id {
		l.id = 0
	}
	return true
}

// together returns how many answers may share a transaction.
func (a *answerLeases) together() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.most
}

// fewer notes that n answers in one transaction were too many for etcd.
func (a *answerLeases) fewer(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.most = max(1, min(a.most, n/2))
}
