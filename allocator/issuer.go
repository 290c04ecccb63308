package allocator

import (
	"context"
	"errors"
	"time"
)

// Source is everything that the issuing side asks of a counter which several processes
// share.
type Source interface {
	Starter

	// Attach registers the hooks that are called from now on. [NewIssuer] calls it
	// before it asks the Source for anything else.
	Attach(hooks Hooks)

	// Lineage names the counters for good: two Sources with the same name never issue
	// one id twice. It is "" as long as the name is not known.
	Lineage() string

	// Renew begins this process's session, or renews it. Keys may only be owned while
	// there is a session. Whoever knows that this process serves must call Renew about
	// every third of the lease. It blocks for a round trip, or until ctx ends.
	Renew(ctx context.Context) error

	// LetGo ends the session, after everything that was released before. Others may
	// then take over at once what this process owns. None of it is issued any more,
	// whatever the error. LetGo blocks until the end of the session is durable, or ctx
	// ends.
	LetGo(ctx context.Context) error

	// Release lets others have a key that this process owns and issues no more ids of.
	// The ids that were reserved last and not issued are given back where that is
	// safe. It does not block. It may have no effect, and then the key stays owned by
	// this process.
	Release(key Key, rest Range)
}

// Hooks are what a Source calls when something happens that nobody asked it for.
type Hooks struct {
	// Observer is told of ids that are perhaps reserved and that nobody gets. nil
	// means nobody is.
	Observer Observer

	// Revoke is called when ids that were reserved must not be issued any more,
	// because the history of the counters went backwards. It is also called when they
	// may not be issued because an operator has raised the counters. Revoke has
	// returned before an advance ends with [ErrFenced] because of the history. It does
	// not call the Source and does not block for long. nil means that nobody holds
	// such ids.
	Revoke func()

	// Drop is called when the ids of a key that this process owns may not be issued
	// any more, because an operator has raised the key. Once Drop has returned, none
	// of them is issued. It does not call the Source. nil means that nobody holds such
	// ids.
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

// Issuer is everything that a process issues ids of one Source with:
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

// TakeOwned hands out n ids above a mark, of a key that this process owns, for strong
// and weak requests alike. Where ok is false, owner is the process that owns the key
// instead, as far as this process knows, and the request should be handed over to it.
// Where owner is "", call [Issuer.AllocateOwned]. now must be read after the request
// came: see [Tenure.Holds]. TakeOwned never blocks and allocates nothing.
func (i *Issuer) TakeOwned(key Key, n int, above int64, now time.Time) (ids Range, owner string, ok bool) {
	return i.owned.takeOwned(key, n, above, now)
}

// AllocateOwned claims r's key for this process, if it does not own it, and then does
// what TakeOwned does. If another process owns the key, the request ends with a
// LostRace.
func (i *Issuer) AllocateOwned(r *Request) { i.owned.Allocate(r) }

// AllocateOnce asks for the ids of a request that has a Once. owned says whether this
// process is to own the key. Ids that are held of the key for other requests are
// dropped if they are lower than the ids that r gets. So weak ids still increase, and
// the strong ids of an owned key are in order.
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

// Owner returns the process that owns a key in place of this one, as far as this
// process knows. It is "" for nobody.
func (i *Issuer) Owner(key Key) string { return i.owned.ownerOf(key) }

// Rival returns the process that should be asked for strong ids of a key which this
// process does not own. It is "" where no other process is known to win races for the
// key. If it is not, this process must not take requests for the key from others.
func (i *Issuer) Rival(key Key) string {
	if i.rivals == nil {
		return ""
	}
	return i.rivals.of(key)
}

// Refused notes that peer was asked in vain for ids of key.
func (i *Issuer) Refused(key Key, peer string) {
	if i.rivals != nil {
		i.rivals.forget(key, peer)
	}
	i.owned.refused(key, peer)
}

// Renew does what the Source's Renew does. It also lets go of some of the owned keys
// that have not been used for about sixty calls.
func (i *Issuer) Renew(ctx context.Context) error {
	err := i.source.Renew(ctx)
	if err == nil {
		i.owned.tidy(i.source.Release)
	}
	return err
}

// LetGo gives up what this process owns, so that others may own it: see Source. Once
// LetGo has returned, none of it is issued, and later requests claim their keys anew.
func (i *Issuer) LetGo(ctx context.Context) error {
	i.owned.letGo(i.source.Release)
	return i.source.LetGo(ctx)
}

// Keys returns how many keys have ids in memory that were reserved for weak
// requests.
func (i *Issuer) Keys() int { return i.weak.Keys() }

// OwnedKeys returns how many keys this process owns and has ids of in memory.
func (i *Issuer) OwnedKeys() int { return i.owned.ownedKeys() }

// LeaseLeft returns how long this process may still issue ids of the keys that it
// owns, unless it renews. It is 0 if it owns none.
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
