package worker

import (
	"errors"
	"fmt"
)

// Check is one of the things that a worker needs in order to serve.
type Check struct {
	Name string // "nats", "etcd <backend>" or "store <name>"
	Err  error  // nil: all is well
}

// Checks returns what the worker's state rests on, as it was last found. It tries
// nothing. A store may be served from memory for a while although its etcd is away.
func (w *Worker) Checks() []Check {
	nats := Check{Name: "nats"}
	if b := w.bar.Load(); !w.connected.Load() {
		nats.Err = errors.New("not connected")
	} else if b != nil && b.state == Denied {
		nats.Err = b.why
	} else {
		nats.Err = w.unheard()
	}
	checks := []Check{nats}
	for _, b := range w.backends {
		checks = append(checks, Check{Name: "etcd " + b.Name, Err: b.health()})
	}
	for _, st := range w.sortedStores() {
		c := Check{Name: "store " + st.Name}
		if s := st.currentState(); s != Serving && s != Disconnected { // which is NATS's fault alone
			c.Err = errors.New(string(s))
			if why := st.refusal(); why != nil {
				c.Err = fmt.Errorf("%s: %w", s, why)
			}
		}
		checks = append(checks, c)
	}
	return checks
}

// found notes what a probe came to.
func (b *backend) found(err error) { b.probed.Store(&err) }

// health returns what the latest probe came to.
func (b *backend) health() error {
	err := b.probed.Load()
	switch {
	case err == nil:
		return errors.New(string(Starting))
	case *err == nil:
		return nil
	}
	return fmt.Errorf("%s: %w", stateFor(*err), *err)
}
