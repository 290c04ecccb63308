package faults

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/subjects"
)

// throng is callers who ask for leased ids as fast as they get them, and tallies of
// what they got. Unlike a load it keeps no record: what is remembered of a request
// ends with its answer.
type throng struct {
	keys    []allocator.Key
	tallies []tally // one for each key
	now     func() int64
	lines   []*line
	sweeper sync.WaitGroup
	cancel  context.CancelFunc

	answered atomic.Int64 // requests that got ids
	ids      atomic.Int64

	mu       sync.Mutex
	problems []error        // a few
	outcomes map[string]int // how requests failed
	twice    []int64        // when requests were sent that two workers answered
}

const (
	lines          = 4
	callersOfLine  = 48
	throngPatience = noPatience
	maxProblems    = 20

	// recent is how many requests of a caller are remembered for a second answer. It
	// comes after a cut of a few seconds.
	recent = 4096
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
	known int64 // the greatest id of the key before it was sent
	sent  int64 // stamp
}

// startThrong has callers ask until they are stopped. now gives stamps.
func startThrong(t testing.TB, s *system, keys []allocator.Key, now func() int64) *throng {
	t.Helper()
	c := &throng{keys: keys, tallies: make([]tally, len(keys)), now: now, outcomes: map[string]int{}}
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	for i := range lines {
		nc, err := nats.Connect("nats://"+s.nats[i%len(s.nats)].addr, append(seqd.ConnectOptions(),
			nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))...)
		if err != nil {
			t.Fatal(err)
		}
		l := &line{throng: c, nc: nc, inbox: nats.NewInbox(), rnd: rand.New(rand.NewPCG(rand.Uint64(), uint64(i))), callers: make([]caller, callersOfLine), left: map[string]asked{}}
		if _, err := nc.Subscribe(l.inbox+".*.*", l.hear); err != nil {
			t.Fatal(err)
		}
		c.lines = append(c.lines, l)
		c.sweeper.Go(func() { l.sweep(ctx) })
	}
	t.Cleanup(func() { c.stop(); c.close() })
	return c
}

// stop has nobody ask any more. Answers are still heard.
func (c *throng) stop() {
	c.cancel()
	c.sweeper.Wait()
	for _, l := range c.lines {
		l.mu.Lock()
		l.done = true
		l.mu.Unlock()
	}
}

func (c *throng) close() {
	for _, l := range c.lines {
		l.nc.Close()
	}
}

// askLocked has caller i ask for something.
func (l *line) askLocked(i int) {
	if l.done {
		return
	}
	c, who := l.throng, &l.callers[i]
	key := l.rnd.IntN(len(c.keys))
	who.asked = asked{key: key, n: 1, known: c.tallies[key].known(), sent: c.now()}
	if l.rnd.IntN(8) == 0 {
		who.asked.n = 1 + l.rnd.IntN(maxN)
	}
	who.seq++
	who.waiting = true
	who.recent[who.seq%recent] = who.asked
	request := subjects.Request{N: who.asked.n, Mode: mode(l.rnd.IntN(2) == 0)}
	m := nats.NewMsg(subjects.Subject(subjects.Root, c.keys[key].Store, c.keys[key].Name))
	m.Reply, m.Data = l.inbox+"."+endOf(i, who.seq), request.Append(nil)
	_ = l.nc.PublishMsg(m) // if it could not be sent, its caller gives up
}

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
	const again = 20 * time.Millisecond
	c := l.throng
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		c.failed(noResponders)
		return again
	}
	reply, err := subjects.DecodeReply(m.Header, m.Data)
	if e, ok := errors.AsType[*subjects.Error](err); ok {
		c.failed(string(e.Code))
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
	return 0
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
				l.throng.failed(noAnswer)
			}
			if !who.waiting && now >= who.pause {
				l.askLocked(i)
			}
		}
		l.mu.Unlock()
	}
}

func (c *throng) failed(outcome string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.outcomes[outcome]++
}

func (c *throng) problemf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.problems) < maxProblems {
		c.problems = append(c.problems, fmt.Errorf(format, args...))
	}
}

// found returns what is wrong so far, when requests were sent that two workers
// answered, and how requests failed.
func (c *throng) found() (problems []error, twice []int64, outcomes map[string]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.problems), slices.Clone(c.twice), maps.Clone(c.outcomes)
}

// unheard returns the requests that were never answered, whose callers have given
// up.
func (c *throng) unheard() (all []asked) {
	for _, l := range c.lines {
		l.mu.Lock()
		for _, a := range l.left {
			all = append(all, a)
		}
		l.mu.Unlock()
	}
	return all
}
