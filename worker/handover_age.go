package worker

import (
	"encoding/binary"
	"sync"
	"time"
)

// What is handed over may have been held up on its way, for longer than its
// sender waits for the word: a connection or a route stood still, and what was on
// it arrives after all. Nothing that the receiver's clock shows tells it so. So
// each word says when it was written, by its writer's clock, and who has heard it
// says with the next message how late that clock must be by then, at least: the
// word's time, and what has passed since it was heard. If the receiver's clock
// shows more, so old the message is at most, the word's way included. The two
// clocks are never compared; only their rates have to be about the same.

// heard is what a worker knows of another one's clock.
type heard struct {
	said time.Duration // the other one's time, since its start, when it wrote a word
	at   time.Duration // ours, since our start, when we heard it
}

// peerClocks are those of the workers that words came from. The zero value is
// ready for use. It is safe for concurrent use.
type peerClocks struct {
	mu    sync.Mutex
	peers map[string]heard
}

const (
	// maxPeerClocks bounds how many are remembered: workers come and go.
	maxPeerClocks = 1024

	// clockKept is how long a word counts that came faster than those after it.
	// Meanwhile clocks drift apart by less than a millisecond.
	clockKept = 10 * time.Second
)

// hear notes what a word of peer's said. Of several words the one counts that was
// on its way for the shortest time.
func (p *peerClocks) hear(peer string, said, now time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if was, ok := p.peers[peer]; ok && now-was.at < clockKept && said-now < was.said-was.at {
		return
	}
	if p.peers == nil || len(p.peers) >= maxPeerClocks {
		p.peers = map[string]heard{}
	}
	p.peers[peer] = heard{said: said, at: now}
}

// read returns what peer's clock shows by now, at least; 0 if nothing is known.
func (p *peerClocks) read(peer string, now time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	h, ok := p.peers[peer]
	if !ok {
		return 0
	}
	return h.said + now - h.at
}

// clockLen is the length of a time of a worker's clock, in µs since its start.
const clockLen = 8

func appendClock(b []byte, at time.Duration) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(max(at, 0).Microseconds()))
}

func readClock[T string | []byte](b T) time.Duration {
	var us uint64
	for i := range clockLen {
		us = us<<8 | uint64(b[i])
	}
	return time.Duration(min(us, maxClock)) * time.Microsecond
}

// maxClock bounds what is read, so that it fits into a time.Duration.
const maxClock = 1 << 52

// age returns how old a message is at most that says by its head when it was sent,
// 0 if it does not say.
func age(message string, now time.Duration) time.Duration {
	sent := readClock(message[parcelHead-clockLen:])
	if sent == 0 {
		return 0
	}
	return now - sent
}
