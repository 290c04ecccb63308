package admin

import (
	"context"
	"errors"
	"fmt"

	"github.com/seqd-io/seqd/allocator/etcd/operate"
)

// ownerSession is what the session of a counter's owner is like.
type ownerSession struct {
	Stands  bool   `json:"stands"` // the owner has one
	LeaseMs int64  `json:"lease_ms,omitempty"`
	Error   string `json:"error,omitempty"` // why it is not understood

	owner operate.Session
}

// sessionOf looks for the session of a counter's owner; nil: it has none.
func sessionOf(ctx context.Context, c place, m operate.Mark) (*ownerSession, error) {
	if m.Owner == "" {
		return nil, nil
	}
	s, err := c.Session(ctx, m.Owner)
	switch {
	case errors.Is(err, operate.ErrNoSession):
		return &ownerSession{}, nil
	case err != nil:
		return nil, err
	case s.Err != nil:
		return &ownerSession{Stands: true, Error: s.Err.Error(), owner: s}, nil
	}
	return &ownerSession{Stands: true, LeaseMs: s.Lease().Milliseconds(), owner: s}, nil
}

// String says it to people.
func (o *ownerSession) String() string {
	switch {
	case !o.Stands:
		return "its owner has no session: the next worker that is asked takes it over"
	case o.Error != "":
		return "its owner's session is not understood: " + quoted(o.Error)
	}
	return fmt.Sprintf("its owner has a session: if that is not renewed for %v, others may take it over", o.owner.StandsFor())
}

// isHeld reports whether counters were raised, and only their owners are in doubt.
func isHeld(err error) bool {
	_, held := errors.AsType[*operate.HeldError](err)
	return held
}

// waits says for whom a command waits.
func (a *admin) waits(w operate.Wait) {
	_ = a.print.note("waiting for " + untilLetGo(w)) // what can't be written now shows at the end
}

// wouldWait says, of what is not done yet, for whom it will wait.
func (a *admin) wouldWait(ctx context.Context, c place, raised operate.Raised) error {
	if len(raised) == 0 {
		return nil
	}
	w, err := c.WaitFor(ctx, raised)
	if err != nil || len(w.Owners) == 0 {
		return err
	}
	return a.print.note("it will wait for " + untilLetGo(w))
}

// untilLetGo says what is waited for.
func untilLetGo(w operate.Wait) string {
	who := fmt.Sprintf("%d workers to let go of %d counters", len(w.Owners), w.Keys)
	switch {
	case len(w.Owners) == 1 && w.Keys == 1:
		who = fmt.Sprintf("its owner %s to let go", quoted(w.Owners[0]))
	case len(w.Owners) == 1:
		who = fmt.Sprintf("worker %s to let go of %d counters", quoted(w.Owners[0]), w.Keys)
	}
	return fmt.Sprintf("%s, %v at most", who, w.AtMost)
}
