package allocator

// Source is all that the issuing side asks of a counter that several processes
// share.
type Source interface {
	Starter

	// Attach has hooks called from now on. [NewIssuer] does that, before anything
	// else is asked of the Source.
	Attach(hooks Hooks)

	// Known returns an id that ids reserved from now on must be greater than, as
	// far as this Source has seen.
	Known(key Key) int64

	// Given notes ids that a rival reserved for us: what is reserved from now on
	// must be greater.
	Given(key Key, ids Range)

	// Lineage names the counters for good: two Sources that say the same can't
	// issue one id twice. It is "" while that is not known.
	Lineage() string
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
}

// IssuerConfig configures an [Issuer]. The zero value works.
type IssuerConfig struct {
	Ask      AskPeer            // hands advances over to rivals; nil means that there are none
	Segments func(Key) Segments // as WeakConfig has it
	MaxKeys  int                // as WeakConfig has it
	Observer Observer           // told what becomes of ids; nil means nobody is
	Revoked  func()             // called after the ids in memory were dropped; nil means nobody is told
}

// Issuer is all that a process issues ids of one [Source] by:
//
//	Take, AllocateWeak ─▶ Weak ───────────────────▶ Source
//	AllocateStrong, AllocateDirect ─▶ Strong ─▶ Peers ─▶ Source
//	                                              └────▶ AllocateDirect of a rival
//
// Once the Source revokes what it has reserved, none of it is issued any more.
//
// An Issuer is safe for concurrent use.
type Issuer struct {
	source  Source
	peers   *Peers
	strong  *Strong
	weak    *Weak
	revoked func()
}

// NewIssuer returns an Issuer of source, which must have no other. It must be
// stopped.
func NewIssuer(source Source, config IssuerConfig) *Issuer {
	i := &Issuer{source: source, revoked: config.Revoked}
	i.peers = newPeers(source, config.Ask, config.Observer)
	i.strong = NewStrong(i.peers, config.Observer)
	i.weak = NewWeak(source, WeakConfig{Segments: config.Segments, MaxKeys: config.MaxKeys, Observer: config.Observer})
	source.Attach(Hooks{Observer: config.Observer, Revoke: i.revoke})
	return i
}

// Take hands out weak ids from memory: see [Weak.Take].
func (i *Issuer) Take(key Key, n int) (ids Range, ok bool) { return i.weak.Take(key, n) }

// AllocateWeak is the Allocate of [Weak].
func (i *Issuer) AllocateWeak(r *Request) { i.weak.Allocate(r) }

// AllocateStrong is the Allocate of [Strong].
func (i *Issuer) AllocateStrong(r *Request) { i.strong.Allocate(r) }

// AllocateDirect is AllocateStrong of what another process handed over to this
// one. It must not be called for a key that has a Rival.
func (i *Issuer) AllocateDirect(r *Request) {
	r.Direct = true
	i.strong.Allocate(r)
}

// Rival returns whom this process asks to advance key, or "": see [Peers].
func (i *Issuer) Rival(key Key) string { return i.peers.Rival(key) }

// Keys returns how many keys have weak ids in memory.
func (i *Issuer) Keys() int { return i.weak.Keys() }

// Lineage names the counters: see [Source].
func (i *Issuer) Lineage() string { return i.source.Lineage() }

// Stop answers the requests that still wait with [ErrStopped], and waits until
// the advances under way have ended. Later requests get ErrStopped.
func (i *Issuer) Stop() {
	i.strong.Stop()
	i.weak.Stop()
}

// revoke drops the ids in memory, and who is believed to be winning: an advance
// that is handed over would not be held against what our Source knows.
func (i *Issuer) revoke() {
	i.weak.Forget()
	i.peers.ForgetRivals()
	if i.revoked != nil {
		i.revoked()
	}
}
