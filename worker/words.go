package worker

import (
	"encoding/binary"
	"strconv"
	"strings"
	"sync"
	"time"
)

// words keeps what this worker has to say about messages of which it has taken
// all, for a moment: many share a message then. Their senders wait for it to
// forget what they have sent, and nobody else does. It is safe for concurrent use.
type words struct {
	w *Worker

	mu    sync.Mutex
	open  map[string]*openWord // by what the subjects of a sender's words begin with
	timer *time.Timer          // when to say them
	armed bool                 // it runs
}

// openWord is the numbers of messages that were taken as a whole.
type openWord struct {
	reply   string // of the latest of them
	numbers []byte // varints
}

const (
	// wordDelay is how long a word may wait for others. It is short beside what
	// senders wait for a word at most.
	wordDelay = 10 * time.Millisecond

	maxWordBytes = 512 // of numbers; then it is said
	maxOpenWords = 256 // senders
)

// taken says soon that the message with that reply subject was taken. It is false
// where the subject names no number, or nothing may wait any more.
func (s *words) taken(reply string) bool {
	at := strings.LastIndexByte(reply, '-') + 1
	seq, err := strconv.ParseUint(reply[at:], 36, 64)
	if at == 0 || err != nil || s.w.draining.Load() {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	word := s.open[reply[:at]]
	if word == nil {
		if len(s.open) >= maxOpenWords {
			return false
		}
		if s.open == nil {
			s.open = map[string]*openWord{}
		}
		word = &openWord{}
		s.open[reply[:at]] = word
	}
	word.reply = reply
	word.numbers = binary.AppendUvarint(word.numbers, seq)
	switch {
	case len(word.numbers) >= maxWordBytes:
		s.sayLocked(word)
	case !s.armed:
		s.armed = true
		if s.timer == nil {
			s.timer = time.AfterFunc(wordDelay, s.say)
		} else {
			s.timer.Reset(wordDelay)
		}
	}
	return true
}

// say says all that was kept.
func (s *words) say() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = false
	for sender, word := range s.open {
		if len(word.numbers) == 0 {
			delete(s.open, sender) // it has sent nothing since
			continue
		}
		s.sayLocked(word)
		s.armed = true // to forget who sends no more
	}
	if s.armed {
		s.timer.Reset(wordDelay)
	}
}

// sayLocked publishes a word; nats.go only puts it into a buffer.
func (s *words) sayLocked(word *openWord) {
	b := append(make([]byte, 0, 2+clockLen+len(word.numbers)), wireVersion, wordMany)
	b = append(appendClock(b, time.Since(s.w.started)), word.numbers...)
	if err := s.w.conn().Publish(word.reply, b); err != nil {
		s.w.answers.lost(err)
	}
	word.numbers = word.numbers[:0]
}

// readMany reads the numbers of a word about many messages; ok is false if it is
// none.
func readMany(b []byte) (numbers []byte, clock time.Duration, ok bool) {
	if len(b) < 2+clockLen || b[0] != wireVersion || b[1] != wordMany {
		return nil, 0, false
	}
	return b[2+clockLen:], readClock(b[2 : 2+clockLen]), true
}
