package operate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/record"
	"github.com/seqd-io/seqd/internal/backoff"
)

// Raised are the counters that were raised although somebody owns them, by
// owner.
type Raised map[string]*Keys

// Keys are the counters of one owner.
type Keys struct {
	N     int
	named []string // as a session names them; [record.AllKeys] beyond maxNamed
}

// maxNamed bounds the keys that an owner is told by name. Beyond, it lets go of
// all that it has.
const maxNamed = 100

// Add adds a counter, if somebody owns it.
func (r Raised) Add(c Change) {
	if c.Owner == "" || c.Err != nil {
		return
	}
	if r[c.Owner] == nil {
		r[c.Owner] = &Keys{}
	}
	keys := r[c.Owner]
	if keys.N++; keys.N <= maxNamed {
		keys.named = append(keys.named, record.KeyName(c.Key))
	} else {
		keys.named = []string{record.AllKeys}
	}
}

// Wait is what a call waits for: owners of counters that it has raised.
type Wait struct {
	Owners []string // those that have a session which is understood, in order
	Keys   int      // of theirs
	AtMost time.Duration
}

// WaitFor returns for whom a call that raises these counters would wait now.
func (a *Admin) WaitFor(ctx context.Context, raised Raised) (Wait, error) {
	sessions, err := a.Sessions(ctx)
	return raised.wait(sessions), err
}

func (r Raised) wait(sessions map[string]Session) (w Wait) {
	for _, owner := range slices.Sorted(maps.Keys(r)) {
		if s, ok := sessions[owner]; ok && s.Err == nil {
			w.Owners = append(w.Owners, owner)
			w.Keys += r[owner].N
			w.AtMost = max(w.AtMost, s.StandsFor())
		}
	}
	return w
}

// HeldError is returned where counters were raised, and their owners perhaps still
// issue ids from before.
type HeldError struct {
	Owners []string
	Err    error // why it is not known that they don't
}

func (e *HeldError) Error() string {
	owners := "their owners"
	if len(e.Owners) > 0 {
		owners = strings.Join(e.Owners, ", ")
	}
	return fmt.Sprintf("the marks are raised, but STRONG ids may be lower until %s let go or their lease ends: %v", owners, e.Err)
}

func (e *HeldError) Unwrap() error { return e.Err }

// letGo has the owners of counters that were raised drop the ids that they hold of
// them, and returns when all have: by their own word, or because their leases are
// over. It waits for them side by side.
//
// An owner whose session is not there has stopped by itself, and so has one whose
// session comes up later: it has claimed its counters above their marks.
func (a *Admin) letGo(ctx context.Context, raised Raised) error {
	if len(raised) == 0 {
		return nil
	}
	sessions, err := a.Sessions(ctx)
	if err != nil {
		return &HeldError{Err: err}
	}
	wait := raised.wait(sessions)
	if len(wait.Owners) > 0 {
		a.tell(wait)
	}
	held := &HeldError{}
	var mu sync.Mutex // guards held
	var all sync.WaitGroup
	for owner, keys := range raised {
		s, ok := sessions[owner]
		if !ok {
			continue
		}
		all.Go(func() {
			err := s.Err
			if err == nil {
				err = a.haveDropped(ctx, owner, keys.named)
			}
			if err != nil {
				mu.Lock()
				defer mu.Unlock()
				held.Owners, held.Err = append(held.Owners, owner), errors.Join(held.Err, err)
			}
		})
	}
	all.Wait()
	if held.Err == nil {
		return nil
	}
	slices.Sort(held.Owners)
	return held
}

const (
	firstLook = 5 * time.Millisecond
	lookEvery = 100 * time.Millisecond // at most
)

// haveDropped tells an owner, in its session, to drop what it holds of keys, and
// waits until its session is renewed without that word, which it does when it has
// dropped them; or is gone; or has stood still for so long that its lease is over.
//
// How long it stands still is counted by our clock, from after the word was
// written: no renewal sent later has been written over it. Who else writes in the
// session, another operator, has us begin again, for the owner may have renewed it
// between.
func (a *Admin) haveDropped(ctx context.Context, owner string, keys []string) error {
	told, err := a.tellToLetGo(ctx, owner, keys)
	since := time.Now()
	if errors.Is(err, ErrNoSession) {
		return nil
	}
	if err != nil {
		return err
	}
	for pause := firstLook; backoff.Sleep(ctx, pause); pause = min(pause*3/2, lookEvery) {
		now, err := a.Session(ctx, owner)
		at := time.Now()
		switch {
		case errors.Is(err, ErrNoSession):
			return nil
		case err != nil:
		case now.Err != nil:
			return fmt.Errorf("the session of %s: %w", owner, now.Err)
		case now.Rev == told.Rev:
			if at.Sub(since) < now.StandsFor() {
				break
			}
			var gone bool
			if gone, err = a.depose(ctx, now); gone {
				return nil
			}
		case !now.isTold(keys):
			return nil
		default:
			told, since = now, at
		}
		if err != nil && at.Sub(since) > told.StandsFor()+adminPatience {
			return err
		}
	}
	return fmt.Errorf("wait for %s: %w: %w", owner, allocator.ErrUnavailable, context.Cause(ctx))
}

// isTold reports whether the owner has still to drop one of keys.
func (s Session) isTold(keys []string) bool {
	return slices.ContainsFunc(keys, s.rec.LetsGo)
}

// tellToLetGo writes keys into an owner's session, beside what it has been told
// already, and returns what it has written. It writes also if they are all there:
// an owner that has read them may have reserved more since, before they were
// raised, and our write has it look again.
func (a *Admin) tellToLetGo(ctx context.Context, owner string, keys []string) (Session, error) {
	ctx, cancel := context.WithTimeout(ctx, adminPatience)
	defer cancel()
	path := a.prefix.Session(owner)
	var again backoff.Backoff
	for {
		s, err := a.Session(ctx, owner)
		if errors.Is(err, ErrNoSession) {
			return Session{}, err
		}
		if err == nil && s.Err != nil {
			return Session{}, fmt.Errorf("the session of %s: %w", owner, s.Err)
		}
		if err == nil {
			s.rec.LetGo = merged(s.rec.LetGo, keys)
			var out record.Swapped
			out, err = a.swap(ctx, &record.Swap{Path: path, Rev: s.Rev, Value: s.rec.Encode()})
			switch {
			case err != nil:
				err = fmt.Errorf("write %s: %w", path, err)
			case out.Won:
				s.Rev = out.Rev
				return s, nil
			default: // it was renewed between, or another operator has come first
				continue
			}
		}
		if !again.Wait(ctx, rand.N[time.Duration]) {
			return Session{}, err
		}
	}
}

// merged returns what an owner is told that has been told one thing before and is
// to be told another.
func merged(before, keys []string) []string {
	all := slices.Clone(before)
	for _, key := range keys {
		if !slices.Contains(all, key) {
			all = append(all, key)
		}
	}
	if len(all) > maxNamed || slices.Contains(all, record.AllKeys) {
		return []string{record.AllKeys}
	}
	return all
}
