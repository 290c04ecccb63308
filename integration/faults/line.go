package faults

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/subjects"
)

// line is a connection and its callers, each with one request under way.
type line struct {
	throng *throng
	nc     *nats.Conn
	inbox  string

	mu      sync.Mutex
	rnd     *rand.Rand
	callers []caller
	left    map[string]asked // requests whose callers have given up, by the end of the reply subject
	done    bool
}

// caller is one of a line's.
type caller struct {
	seq     uint64 // of the latest request
	asked   asked
	waiting bool
	pause   int64         // stamp before which it does not ask again
	recent  [recent]asked // its latest requests, by seq
}

// asked is a request under way.
type asked struct {
	key   int // index into throng.keys
	n     int
	known int64 // the greatest id of the key before it was sent; 0: any id will do
	sent  int64 // stamp

	settled bool // it was said that it was never answered
}

// askLocked has caller i ask for something.
func (l *line) askLocked(i int) {
	if l.done {
		return
	}
	c, who := l.throng, &l.callers[i]
	key := l.rnd.IntN(len(c.keys))
	strong := l.rnd.IntN(2) == 0 || c.keys[key].Store == strongKeys[0].Store
	who.asked = asked{key: key, n: 1, sent: c.now()}
	if inOrder(c.keys[key], strong) {
		who.asked.known = c.tallies[key].known()
	}
	if l.rnd.IntN(8) == 0 {
		who.asked.n = 1 + l.rnd.IntN(maxN)
	}
	who.seq++
	who.waiting = true
	who.recent[who.seq%recent] = who.asked
	request := subjects.Request{N: who.asked.n, Mode: mode(strong)}
	m := nats.NewMsg(subjects.Subject(subjects.Root, c.keys[key].Store, c.keys[key].Name))
	m.Reply, m.Data = l.inbox+"."+endOf(i, who.seq), request.Append(nil)
	if err := l.nc.PublishMsg(m); err != nil {
		who.waiting = false
		who.pause = c.now() + int64(again)
		c.failed(key, notConnected)
	}
}

// again is how long a caller waits that was told nothing better.
const again = 20 * time.Millisecond

func endOf(caller int, seq uint64) string {
	return strconv.Itoa(caller) + "." + strconv.FormatUint(seq, 36)
}

// hear takes an answer, and has its caller ask again.
func (l *line) hear(m *nats.Msg) {
	c, end := l.throng, m.Subject[len(l.inbox)+1:]
	number, seq, _ := strings.Cut(end, ".")
	i, _ := strconv.Atoi(number)
	l.mu.Lock()
	defer l.mu.Unlock()
	who := &l.callers[i]
	a := who.asked
	if in := who.waiting && strconv.FormatUint(who.seq, 36) == seq; in {
		who.waiting = false
	} else if left, ok := l.left[end]; ok {
		a = left
		delete(l.left, end)
		i = -1
	} else {
		l.takeSecond(who, seq, m)
		return
	}
	pause := l.take(a, m)
	switch {
	case i < 0:
	case pause > 0:
		who.pause = c.now() + int64(pause)
	default:
		l.askLocked(i)
	}
}

// take takes an answer to a, and returns for how long its caller waits now.
func (l *line) take(a asked, m *nats.Msg) (pause time.Duration) {
	c := l.throng
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		c.failed(a.key, noResponders)
		return again
	}
	reply, err := subjects.DecodeReply(m.Header, m.Data)
	if e, ok := errors.AsType[*subjects.Error](err); ok {
		c.failed(a.key, string(e.Code))
		return max(again, e.RetryAfter)
	}
	if err != nil || reply.N != a.n {
		c.problemf("an answer of %d ids to a request for %d: %v", reply.N, a.n, err)
		return again
	}
	if err := c.tallies[a.key].add(allocator.Range{First: reply.ID, N: reply.N}, a.known); err != nil {
		c.problemf("%s: %v; sent at %d ns, answered at %d ns", c.keys[a.key].Name, err, a.sent, c.now())
	}
	c.answered.Add(1)
	c.ids.Add(int64(reply.N))
	return c.pause(l.rnd)
}

// takeSecond takes a second answer to a request of who's.
func (l *line) takeSecond(who *caller, seq string, m *nats.Msg) {
	c := l.throng
	n, err := strconv.ParseUint(seq, 36, 64)
	if err != nil || n > who.seq || who.seq-n >= recent {
		c.problemf("an answer to request %q of a caller that is at %d", seq, who.seq)
		return
	}
	a := who.recent[n%recent]
	l.take(a, m)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.twice = append(c.twice, a.sent)
}

// sweep has those ask who have waited, and those give up who have for too long.
func (l *line) sweep(ctx context.Context) {
	for tick := time.NewTicker(20 * time.Millisecond); ctx.Err() == nil; <-tick.C {
		l.mu.Lock()
		now := l.throng.now()
		for i := range l.callers {
			who := &l.callers[i]
			if who.waiting && now-who.asked.sent > int64(throngPatience) {
				l.left[endOf(i, who.seq)] = who.asked
				who.waiting = false
				l.throng.failed(who.asked.key, noAnswer)
			}
			if !who.waiting && now >= who.pause {
				l.askLocked(i)
			}
		}
		l.mu.Unlock()
	}
}
