package conformance_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/subjects"
)

// responder serves the scripted store. A key is SDK.SCENE.ARGUMENT; the scene
// says how its requests are answered.
type responder struct {
	nc *nats.Conn

	mu   sync.Mutex
	seen map[string][]attempt // by key
}

// attempt is a request as it arrived.
type attempt struct {
	at      time.Time
	timeout time.Duration // of its Seq-Timeout-Ms header
	err     error         // what is wrong with it
	lost    int64         // the first id of its answer, which was thrown away
}

// scriptedIds are what the scene "ids" answers with, by argument: numbers that a
// double or 32 bits can't hold, the last ones among them.
var scriptedIds = map[string]int64{
	"2p53":      1<<53 + 1,
	"2p62":      1<<62 + 1,
	"max":       1<<63 - 1,
	"max-99999": 1<<63 - 100_000,
}

const (
	busyTimes  = 2
	busyPause  = 80 * time.Millisecond // retry_after
	rightID    = 7_000_000_007         // of scenes that answer at last
	strangerID = 13
)

// What the scene "numbers" answers with: texts that are not ASCII, and no more of them
// than there are.
const (
	lastNumbersID = 1<<63 - 5
	numbersPeriod = "2026-27"
)

var scriptedNumbers = []string{"№ 7/2026-27", "发票-8", "\"9\" & <10>"}

func startResponder(t *testing.T, nc *nats.Conn) *responder {
	t.Helper()
	r := &responder{nc: nc, seen: map[string][]attempt{}}
	_, err := nc.QueueSubscribe(subjects.Wildcard(subjects.Root, script), subjects.Queue, r.handle)
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return r
}

// attempts returns the requests for key so far.
func (r *responder) attempts(key string) []attempt {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen[key]
}

func (r *responder) handle(m *nats.Msg) {
	var req subjects.Request
	badRequest := req.Decode(m.Header, m.Data)
	_, key, badSubject := subjects.Parse(subjects.Root, m.Subject)
	var err error
	switch {
	case badRequest != nil:
		err = badRequest
	case badSubject != nil:
		err = badSubject
	case !req.Nonce.IsSet():
		err = fmt.Errorf("a request without a nonce")
	case req.Timeout <= 0:
		err = fmt.Errorf("a request without %s", subjects.TimeoutHeader)
	}
	r.mu.Lock()
	r.seen[key] = append(r.seen[key], attempt{at: time.Now(), timeout: req.Timeout, err: err})
	count := len(r.seen[key])
	r.mu.Unlock()

	parts := strings.Split(key, ".")
	if len(parts) != 3 {
		return
	}
	switch scene, arg := parts[1], parts[2]; scene {
	case "code":
		respondError(m, req, &subjects.Error{Code: subjects.Code(arg), Text: "as the script says"}, req.Nonce)
	case "busy":
		if count <= busyTimes {
			respondError(m, req, &subjects.Error{Code: subjects.Busy, Text: "not yet", RetryAfter: busyPause}, req.Nonce)
			return
		}
		respondIds(m, req, rightID, req.Nonce)
	case "strangers":
		if count == 1 {
			wrong, _ := subjects.StringNonce("another's")
			respondIds(m, req, strangerID, wrong)
			respondIds(m, req, strangerID, subjects.Nonce{})
			respondError(m, req, subjects.ErrFenced, wrong)
		}
		respondIds(m, req, rightID, req.Nonce)
	case "ids":
		respondIds(m, req, scriptedIds[arg], req.Nonce)
	case "lost":
		r.pass(m, key, count)
	case "numbers":
		reply := subjects.Reply{
			ID: lastNumbersID, N: req.N, Nonce: req.Nonce,
			Period: numbersPeriod, Numbers: scriptedNumbers[:min(req.N, len(scriptedNumbers))], Replayed: true,
		}
		_ = m.RespondMsg(&nats.Msg{Header: reply.Header(), Data: reply.Append(nil, req.Format)})
	case "silent":
	}
}

// pass has the worker answer a request for key, and throws the first answer away.
func (r *responder) pass(m *nats.Msg, key string, count int) {
	to := &nats.Msg{Subject: subjects.Subject(subjects.Root, weakStore, key), Header: m.Header, Data: m.Data}
	answer, err := r.nc.RequestMsg(to, pace.Patience)
	if err != nil {
		return // an SDK without an answer fails its scene
	}
	if count > 1 {
		_ = m.RespondMsg(&nats.Msg{Header: answer.Header, Data: answer.Data})
		return
	}
	reply, err := subjects.DecodeReply(answer.Header, answer.Data)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen[key][0].lost, r.seen[key][0].err = reply.ID, err
}

func respondIds(m *nats.Msg, req subjects.Request, id int64, nonce subjects.Nonce) {
	reply := subjects.Reply{ID: id, N: req.N, Nonce: nonce}
	_ = m.Respond(reply.Append(nil, req.Format)) // an SDK without an answer fails its scene
}

func respondError(m *nats.Msg, req subjects.Request, e *subjects.Error, nonce subjects.Nonce) {
	_ = m.RespondMsg(&nats.Msg{Header: e.Header(), Data: subjects.AppendError(nil, req.Format, e, &nonce)})
}
