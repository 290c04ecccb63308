package allocator

import (
	"context"
	"errors"
	"time"
)

// Source is all that the issuing side asks of a counter that several processes
// share.
type Source interface {
	Starter

	// Attach has hooks called from now on. [NewIssuer] does that, before anything
	// else is asked of the Source.
	Attach(hooks Hooks)

	// Lineage names the counters for good: two Sources that say the same can't
	// issue one id twice. It is "" while that is not known.
	Lineage() string

	// Renew begins this process's session, or renews it: only while there is one may
	// keys be owned. It must be called every third of the lease or so, by who
	// knows that this process serves. It blocks for a round trip, or until ctx ends.
	Renew(ctx context.Context) error

	// LetGo ends the session, after what was released before: others may take over
	// at once what this process owns. Nothing is issued of it any more, whatever
	// the error. It blocks until that is durable, or ctx ends.
	LetGo(ctx context.Context) error

	// Release lets others have a key that this process owns, whose ids it issues no
	// more. The ids that were reserved last and not issued are given back where that
	// is safe. It does not block, and may come to nothing: the key stays our own then.
	Release(key Key, rest Range)
}

// Hooks are what a [Source] tells of by itself.
type Hooks struct {
	// Observer is told of ids that are perhaps reserved and that nobody gets. nil
	// means nobody is.
	Observer Observer

	// Revoke is called when ids that were reserved so far must not be issued any
	// more, because the counters' history went backwards, or may not be, because an
	// operator has raised the counters. When an advance has ended with [ErrFenced]
	// for the history's sake, Revoke has returned. It does not call the Source, and
	// does not block for long. nil means that nobody holds any.
	Revoke func()

	// Drop is called when ids of a key that this process owns may not be issued any
	// more, because an operator has raised it. When Drop has returned none is. It
	// does not call the Source. nil means that nobody holds any.
	Drop func(Key)
}

// IssuerConfig configures an [Issuer]. The zero value works.
type IssuerConfig struct {
	Peers    bool               // requests can be handed over to rivals: see Issuer.Rival
	Segments func(Key) Segments // as WeakConfig has it
	MaxKeys  int                // as WeakConfig has it, of weak keys and of owned ones each
	Observer Observer           // told what becomes of ids; nil means nobody is
	Revoked  func()             // called after the ids in memory were dropped; nil means nobody is told
	Now      func() time.Time   // the clock that a [Tenure] is held against; nil means time.Now
}

// Issuer is all that a process issues ids of one [Source] by:
//
//	TakeOwned, AllocateOwned ─▶ Weak, owned ─▶ Source
//	Take, AllocateWeak ─▶ Weak ──────────────▶ Source
//	AllocateStrong ─▶ Strong ────────────────▶ Source
//	AllocateOnce ─▶ Strong, of either kind ──▶ Source
//
// Once the Source revokes what it has reserved, none of it is issued any more.
//
// An Issuer is safe for concurrent use.
type Issuer struct {
	source  Source
	rivals  *rivals
	strong  *Strong
	weak    *Weak
	owned   *Weak
	claims  *Strong // of owned keys, for requests that have a Once
	revoked func()
}

// NewIssuer returns an Issuer of source, which must have no other. It must be
// stopped.
func NewIssuer(source Source, config IssuerConfig) *Issuer {
	i := &Issuer{source: source, revoked: config.Revoked}
	if config.Peers {
		i.rivals = newRivals()
	}
	i.strong = newStrong(source, i.rivals, config.Observer)
	weak := WeakConfig{Segments: config.Segments, MaxKeys: config.MaxKeys, Observer: config.Observer}
	i.weak = NewWeak(source, weak)
	i.owned = newOwned(source, weak, config.Now)
	i.strong.ended = i.strongEnded
	i.claims = newStrong(source, nil, config.Observer)
	i.claims.owned, i.claims.ended = true, i.claimEnded
	source.Attach(Hooks{Observer: config.Observer, Revoke: i.revoke, Drop: i.owned.Drop})
	return i
}

// Take hands out weak ids from memory: see [Weak.Take].
func (i *Issuer) Take(key Key, n int, above int64) (ids Range, ok bool) {
	return i.weak.Take(key, n, above)
}

// AllocateWeak is the Allocate of [Weak].
func (i *Issuer) AllocateWeak(r *Request) { i.weak.Allocate(r) }

// AllocateStrong is the Allocate of [Strong].
func (i *Issuer) AllocateStrong(r *Request) { i.strong.Allocate(r) }

// TakeOwned hands out n ids above a mark of a key that this process owns, strong
// and weak alike. Where ok is false, owner is who owns it instead, as far as this process
// knows: hand the request over to it. If it is "", ask [Issuer.AllocateOwned]. now
// is read after the request came: see [Tenure.Holds]. TakeOwned never blocks and
// allocates nothing.
func (i *Issuer) TakeOwned(key Key, n int, above int64, now time.Time) (ids Range, owner string, ok bool) {
	return i.owned.takeOwned(key, n, above, now)
}

// AllocateOwned claims r's key for this process, if it does not own it, and then
// is TakeOwned. If another process owns the key, that ends with a [LostRace].
func (i *Issuer) AllocateOwned(r *Request) { i.owned.Allocate(r) }

// AllocateOnce asks for the ids of r, which has a Once, of a key that is to be
// this process's own or not. What is held of the key for others below the ids that
// r gets is dropped: so weak ids still increase, and strong ones of an owned key
// are in order.
func (i *Issuer) AllocateOnce(r *Request, owned bool) {
	if owned {
		i.claims.Allocate(r)
	} else {
		i.strong.Allocate(r)
	}
}

// strongEnded keeps the weak ids in order that are held of a key, when others were
// reserved for weak requests that have a Once.
func (i *Issuer) strongEnded(a *Advance, _ error) {
	if last := a.lastAnswered(true); last > 0 {
		i.weak.overtaken(a.Key, last)
	}
}

// claimEnded does so for a key that this process owns, or notes who does.
func (i *Issuer) claimEnded(a *Advance, err error) {
	if last := a.lastAnswered(false); last > 0 {
		i.owned.overtaken(a.Key, last)
	}
	if lost, ok := errors.AsType[*LostRace](err); ok && lost.Owner {
		i.owned.lost(a.Key, lost.Winner)
	}
}

// Owner returns who owns a key instead of this process, as far as it knows; "" is
// nobody.
func (i *Issuer) Owner(key Key) string { return i.owned.ownerOf(key) }

// Rival returns who is to be asked for strong ids of key that this process does
// not own, or "": as far as it knows nobody wins against it. It must then not take
// requests for the key from others.
func (i *Issuer) Rival(key Key) string {
	if i.rivals == nil {
		return ""
	}
	return i.rivals.of(key)
}

// Refused notes that peer was asked for ids of key in vain.
func (i *Issuer) Refused(key Key, peer string) {
	if i.rivals != nil {
		i.rivals.forget(key, peer)
	}
	i.owned.refused(key, peer)
}

// Renew is that of the [Source]. It also lets go of a part of the owned keys that
// have not been used for some sixty calls.
func (i *Issuer) Renew(ctx context.Context) error {
	err := i.source.Renew(ctx)
	if err == nil {
		i.owned.tidy(i.source.Release)
	}
	return err
}

// LetGo has others own what this process owns: see [Source]. Nothing of it is
// issued any more when LetGo has returned, and what comes later claims anew.
func (i *Issuer) LetGo(ctx context.Context) error {
	i.owned.letGo(i.source.Release)
	return i.source.LetGo(ctx)
}

// Keys returns how many keys have ids in memory that were reserved for weak
// requests.
func (i *Issuer) Keys() int { return i.weak.Keys() }

// OwnedKeys returns how many keys this process owns, as far as it has ids of them
// in memory.
func (i *Issuer) OwnedKeys() int { return i.owned.ownedKeys() }

// LeaseLeft returns for how long this process may issue ids of the keys that it
// owns unless it renews; it is 0 if it owns none.
func (i *Issuer) LeaseLeft() time.Duration { return i.owned.left() }

// Lineage names the counters: see [Source].
func (i *Issuer) Lineage() string { return i.source.Lineage() }

// Stop answers the requests that still wait with [ErrStopped], and waits until
// the advances under way have ended. Later requests get ErrStopped.
func (i *Issuer) Stop() {
	i.strong.Stop()
	i.claims.Stop()
	i.weak.Stop()
	i.owned.Stop()
}

// revoke drops the ids in memory, and who is believed to be winning or to own
// keys: what is handed over would not be held against what our Source knows.
func (i *Issuer) revoke() {
	i.weak.Forget()
	i.owned.Forget()
	if i.rivals != nil {
		i.rivals.forgetAll()
	}
	if i.revoked != nil {
		i.revoked()
	}
}
