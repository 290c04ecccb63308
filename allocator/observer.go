package allocator

// Observer is told what becomes of ids, for statistics. Its methods may be called
// under locks. They must neither block nor call back, and must be safe for concurrent
// use. They are told stores and not keys, because there may be millions of keys.
type Observer interface {
	// Batch is called when the advance of a batch of Strong begins.
	Batch(store string, requests, ids int)

	// Segment is called when Weak has got a segment.
	Segment(store string, ids int)

	// Skipped is called for ids that nobody will get.
	Skipped(store string, ids int, why Gap)

	// TookOver is called when this process has taken over a key that another one
	// owned.
	TookOver(store string, why Takeover)
}

// Gap is the reason for which ids are skipped.
type Gap uint8

// The causes of gaps. Nobody is told of ids over which a floor or an operator raises
// a counter, nor of ids that are in memory when a process ends.
const (
	GapExpired   Gap = iota // the caller that the ids were for had stopped waiting
	GapRemainder            // too few were left of a segment for the next request
	GapEvicted              // the key had to make room for others in memory
	GapRevoked              // the counter's history went backwards, or an operator raised the counters
	GapAmbiguous            // an attempt's outcome is not known, so that these ids are perhaps reserved: an upper bound
	GapUnsent               // the answer could not be sent
	GapTenure               // this process did not own the key any more
	GapPeriod               // their period was over
	GapOvertaken            // a request with an idempotency key has got greater ones
	Gaps                    // how many causes there are
)

// String returns the cause as metrics name it.
func (g Gap) String() string {
	return [Gaps]string{"expired", "remainder", "evicted", "revoked", "ambiguous", "unsent", "tenure", "period", "overtaken"}[g]
}

// unobserved is the Observer of whoever has none.
type unobserved struct{}

func (unobserved) Batch(string, int, int)    {}
func (unobserved) Segment(string, int)       {}
func (unobserved) Skipped(string, int, Gap)  {}
func (unobserved) TookOver(string, Takeover) {}

// observerOr returns o, or one that does nothing if it is nil.
func observerOr(o Observer) Observer {
	if o == nil {
		return unobserved{}
	}
	return o
}

// WaitCause is why a request had to wait for a segment.
type WaitCause uint8

// The causes of waits.
const (
	NoWait     WaitCause = iota // it did not have to wait: there were ids in memory
	WaitCold                    // the key had no segment yet
	WaitLarge                   // it was for more ids than the key's latest segment held
	WaitLate                    // the next segment was not there when the one before was spent
	WaitCauses                  // how many there are
)

// String returns the cause as metrics name it.
func (w WaitCause) String() string { return [WaitCauses]string{"none", "cold", "large", "late"}[w] }

// Takeover is why a key could be taken over from another process that owned it.
type Takeover uint8

// The causes of takeovers.
const (
	TakeoverGone  Takeover = iota // its session had ended
	TakeoverStood                 // its session stood still, and this process has ended it
	Takeovers                     // how many there are
)

// String returns the cause as metrics name it.
func (t Takeover) String() string { return [Takeovers]string{"gone", "stood_still"}[t] }
