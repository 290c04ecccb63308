package worker

import (
	"sync"
	"time"
)

// complaints keep warnings that requests bring about from filling the log: the
// first of a kind is written at once, then one a minute. The zero value is ready
// for use, and safe for concurrent use.
type complaints struct {
	mu   sync.Mutex
	said map[string]complaint // by message; messages are constants
}

type complaint struct {
	at     time.Time // when it was last written
	unsaid int       // times since then that it was not
}

// complaintEvery is the least time between two complaints of a kind.
const complaintEvery = time.Minute

// say reports whether to write a complaint now, and how many have not been
// written since the last one.
func (c *complaints) say(msg string, now time.Time) (write bool, unsaid int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := c.said[msg]
	if !last.at.IsZero() && now.Sub(last.at) < complaintEvery {
		last.unsaid++
		c.said[msg] = last
		return false, 0
	}
	if c.said == nil {
		c.said = map[string]complaint{}
	}
	c.said[msg] = complaint{at: now}
	return true, last.unsaid
}

// complain logs a warning that may come again and again. msg must be a constant.
func (w *Worker) complain(msg string, args ...any) {
	write, unsaid := w.complaints.say(msg, time.Now())
	if !write {
		return
	}
	if unsaid > 0 {
		args = append(args, "unsaid", unsaid)
	}
	w.log.Warn(msg, args...)
}
