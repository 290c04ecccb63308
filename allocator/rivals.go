package allocator

import "sync"

// rivals remembers who wins the keys that several processes want at a time, each
// with a [Source] of its own over the same records. Alone, compare-and-swap lets
// one of them win per round trip and makes the others try again. So a batch that
// loses is given up with a [LostRace], and its requests, with those that come
// after them, are handed over to the process that won: that one adds them to its
// own next batch and answers their callers.
//
// Why that is as strict as compare-and-swap: a request is handed over after it
// has arrived, and the winner's advance begins after that. Compare-and-swap stays
// the only arbiter. A wrong belief about who is winning costs time, never order:
// a request that was handed over is served where it has come to, and where nobody
// takes it, this process advances the counter itself.
//
// A process that hands a key over itself must not take it from others (see
// [Issuer.Rival]). So nobody waits in a ring, and everybody comes to ask the same
// one: whoever is refused tries by itself, loses, and reads in the record who is
// winning.
type rivals struct {
	mu  sync.Mutex
	won map[Key]string // who won the latest race for a key against us
}

// maxRivals bounds the memory of rivals.
const maxRivals = 1 << 16

func newRivals() *rivals { return &rivals{won: map[Key]string{}} }

// of returns whom to ask for ids of key, or "": as far as we know nobody wins
// against us.
func (r *rivals) of(key Key) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.won[key]
}

func (r *rivals) remember(key Key, winner string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.won[key]; !ok {
		if len(r.won) >= maxRivals {
			for other := range r.won { // any one will do
				delete(r.won, other)
				break
			}
		}
		key = key.Clone()
	}
	r.won[key] = winner
}

// forget makes the next advance of key try by itself, unless another one than
// winner has won meanwhile.
func (r *rivals) forget(key Key, winner string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.won[key] == winner {
		delete(r.won, key)
	}
}

// forgetAll makes the next advance of every key try by itself.
func (r *rivals) forgetAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.won)
}
