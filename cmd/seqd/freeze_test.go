//go:build !lean

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// asker sends requests and never waits; it notes what comes, and how late.
type asker struct {
	nc     *nats.Conn
	stalls *pace.Stalls

	mu       sync.Mutex
	sent     map[string]question // by reply subject
	late     []string            // ids for requests whose patience was over
	served   int
	expired  int
	others   []string // answers that are neither
	underWay int      // when the worker was stopped: with etcd, or on the way out
	stopped  time.Time
}

type question struct {
	at       time.Time
	patience time.Duration
	about    string
}

func newAsker(t *testing.T, nc *nats.Conn) *asker {
	t.Helper()
	a := &asker{nc: nc, stalls: pace.WatchStalls(t), sent: map[string]question{}}
	if _, err := nc.Subscribe("answers.>", a.answered); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *asker) ask(t *testing.T, mode string, patience time.Duration) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	reply := fmt.Sprintf("answers.%d", len(a.sent))
	m := &nats.Msg{Subject: "seq.demo." + mode, Reply: reply, Header: nats.Header{subjects.ModeHeader: {mode}}}
	if patience > 0 {
		m.Header[subjects.TimeoutHeader] = []string{fmt.Sprint(patience.Milliseconds())}
	} else {
		patience = worker.DefaultMaxPatience
	}
	a.sent[reply] = question{time.Now(), patience, fmt.Sprint(mode, ", patience ", patience)}
	if err := a.nc.PublishMsg(m); err != nil {
		t.Fatal(err)
	}
}

func (a *asker) answered(m *nats.Msg) {
	a.mu.Lock()
	defer a.mu.Unlock()
	q := a.sent[m.Subject]
	delete(a.sent, m.Subject)
	a.sent[m.Subject+" answered"] = q
	_, err := subjects.DecodeReply(m.Header, m.Data)
	switch age := time.Since(q.at); {
	case err == nil && age > q.patience+50*time.Millisecond+a.stalls.Since(q.at) && q.at.Before(a.stopped):
		a.underWay++ // it was answered in time, or about to be
	case err == nil && age > q.patience+50*time.Millisecond+a.stalls.Since(q.at): // the way back takes time too
		a.late = append(a.late, fmt.Sprintf("%s: an id after %v", q.about, age))
	case err == nil:
		a.served++
	case strings.Contains(err.Error(), string(subjects.Expired)):
		a.expired++
	case strings.Contains(err.Error(), string(subjects.Unavailable)):
		a.underWay++ // its transaction ran out of time while the worker stood still
	default:
		a.others = append(a.others, err.Error())
	}
}

// unanswered returns how many requests have had no answer.
func (a *asker) unanswered() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for reply := range a.sent {
		if !strings.HasSuffix(reply, " answered") {
			n++
		}
	}
	return n
}

// awaitStopped waits until all threads of a process have stopped. The signal is
// for the first of them that gets to run, and the others go on until it has.
func awaitStopped(t *testing.T, pid int) {
	t.Helper()
	stopped := func() bool {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		if err != nil || len(threads) == 0 {
			return true // no Linux: nobody tells
		}
		for _, thread := range threads {
			text, err := os.ReadFile(thread)
			if err != nil || !strings.Contains(string(text), ") T ") {
				return false
			}
		}
		return true
	}
	for deadline := time.Now().Add(patience); !stopped(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the process does not stop")
		}
	}
}

// A worker that was stopped finds requests that have waited for it: it answers
// none with an id whose caller has gone, and each with something.
func TestFrozenWorker(t *testing.T) {
	server, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	p := start(t, []string{"NATS_URL=" + server.URL, "SEQD_ETCD_ENDPOINTS=" + db.Endpoint}, "worker", "--http-addr", "none")
	p.wait(t, p.stderr, "joined the queue group")
	a := newAsker(t, server.Connect(t))
	askAll := func() {
		for _, mode := range []string{"weak", "strong"} {
			a.ask(t, mode, 500*time.Millisecond)
			a.ask(t, mode, 0)
		}
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	// On a busy machine it asks for longer, not less.
	during := func(d time.Duration) {
		end := time.Now().Add(d)
		for rounds := 0; time.Now().Before(end) || rounds < int(d/(10*time.Millisecond)); rounds++ {
			askAll()
			<-tick.C
		}
	}
	during(500 * time.Millisecond)
	if err := p.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	awaitStopped(t, p.Process.Pid)
	a.mu.Lock()
	a.stopped = time.Now()
	a.mu.Unlock()
	during(3 * time.Second)
	if err := p.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	during(500 * time.Millisecond)
	p.wait(t, p.stderr, "this process stood still")
	for end := time.Now().Add(patience); a.unanswered() > 0 && time.Now().Before(end); <-tick.C {
	}

	if n := a.unanswered(); n > 0 {
		t.Errorf("%d requests of %d have no answer", n, len(a.sent))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	t.Logf("%d requests, %d served in time, %d expired", len(a.sent), a.served, a.expired)
	if len(a.late) > 0 {
		t.Errorf("%d ids for callers that had gone, the first for %s", len(a.late), a.late[0])
	}
	if len(a.others) > 0 {
		t.Errorf("%d other answers, the first %s", len(a.others), a.others[0])
	}
	if a.underWay > 50 {
		t.Errorf("%d requests of the time before it was stopped came to nothing or late: more than can have been under way", a.underWay)
	}
	if a.served < 200 || a.expired < 1000 {
		t.Error("too few served or expired: the test shows little")
	}
}
