package page

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/seqd-io/seqd/cmd/seqd/fleet"
)

const (
	connectTimeout = 2 * time.Second
	idleFor        = 30 * time.Second // after which a connection that nobody needs is closed
)

// line is the page's connection to NATS. It is made when it is needed, and closed
// when it was not for a while. A connection that is lost is not kept up: the next
// who looks tries again, and until then nobody wants to know.
type line struct {
	connect func(...nats.Option) (*nats.Conn, error)
	id      string // of the worker

	mu     sync.Mutex // held while it is made, for which all who need it have to wait
	nc     *nats.Conn
	idle   *time.Timer
	closed bool
}

var errClosed = errors.New("the worker is ending")

// get returns a connection that is up. It blocks for connectTimeout at most.
func (l *line) get() (*nats.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errClosed
	}
	if l.idle == nil {
		l.idle = time.AfterFunc(idleFor, l.hangUp)
	}
	l.idle.Reset(idleFor)
	if l.nc != nil && l.nc.IsConnected() {
		return l.nc, nil
	}
	if l.nc != nil {
		l.nc.Close()
		l.nc = nil
	}
	nc, err := l.connect(nats.Name("seqd page "+l.id), nats.Timeout(connectTimeout), nats.NoReconnect(),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // a refusal comes back with the answers
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	l.nc = nc
	return nc, nil
}

func (l *line) hangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.nc != nil {
		l.nc.Close()
		l.nc = nil
	}
}

// close closes the connection for good.
func (l *line) close() {
	l.mu.Lock()
	l.closed = true
	if l.idle != nil {
		l.idle.Stop()
	}
	l.mu.Unlock()
	l.hangUp()
}

// others is what the other workers say.
type others struct {
	stats []fleet.Answer[micro.Stats]
	infos []fleet.Answer[micro.Info]
	err   error // why they could not be asked
}

// ask asks all workers what they do, and what they serve if that is wanted too.
func (l *line) ask(ctx context.Context, infos bool) (o others) {
	nc, err := l.get()
	if err != nil {
		return others{err: err}
	}
	var wait sync.WaitGroup
	var infosErr error
	if infos {
		wait.Go(func() { o.infos, infosErr = fleet.Infos(ctx, nc) })
	}
	o.stats, o.err = fleet.Stats(ctx, nc)
	wait.Wait()
	if o.err == nil {
		o.err = infosErr
	}
	switch {
	case o.err == nil:
	case !errors.Is(o.err, nats.ErrPermissionViolation):
		l.hangUp() // it may be to a server that is gone and has not said so
	default:
		o.err = fmt.Errorf("%w; allow this worker's user to publish to \"$SRV.STATS.seqd\" and \"$SRV.INFO.seqd\"", o.err)
	}
	return o
}
