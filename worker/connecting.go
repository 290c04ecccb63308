package worker

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/seqd-io/seqd/internal/backoff"
)

// startGrace is how long after a worker's start it is no surprise that NATS is
// not up yet: servers are started together.
const startGrace = 10 * time.Second

// connecting tells why NATS can't be connected to: each reason once, from one
// connection to the next. The zero value is ready.
type connecting struct {
	mu   sync.Mutex
	told map[string]bool // texts of errors
}

// maxReasons bounds what is remembered; there are as many as servers, or twice.
const maxReasons = 64

// isNew reports whether err was not told of since the last connection.
func (c *connecting) isNew(err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.told == nil {
		c.told = map[string]bool{}
	}
	text := err.Error()
	if c.told[text] || len(c.told) >= maxReasons {
		return false
	}
	c.told[text] = true
	return true
}

func (c *connecting) done() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.told)
}

// cantConnect tells why a try to connect has failed.
func (w *Worker) cantConnect(err error) {
	if err == nil || w.draining.Load() {
		return
	}
	hint := w.config.Advise(&NATSError{err})
	early := hint == "" && !w.everConnected.Load() && time.Since(w.started) < startGrace
	if early && w.connecting.isNew(fmt.Errorf("early: %w", err)) { // and once more if it lasts
		w.log.Info("NATS is not up yet; waiting for it", "err", err)
	}
	if early || !w.connecting.isNew(err) {
		return
	}
	w.log.Warn("can't connect to NATS; trying again", "err", err, "hint", cmp.Or(hint, w.config.Advise(ErrNoNATS)))
}

// watchConnecting looks for why NATS can't be connected to, until ctx ends:
// nats.go tells nobody of a try that failed in the handshake.
func (w *Worker) watchConnecting(ctx context.Context) {
	for backoff.Sleep(ctx, time.Second) {
		if !w.connected.Load() && !w.conn().IsConnected() {
			w.cantConnect(w.conn().LastError())
		}
	}
}
