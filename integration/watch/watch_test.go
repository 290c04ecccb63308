package main

import (
	"bytes"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/subjects"
)

// TestRun has watch ask a worker that is honest, or is not.
func TestRun(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	tests := map[string]struct {
		next    func() int64 // 0: no answer
		out     string
		problem string
	}{
		"honest": {
			next: func() int64 { return calls.Add(1) },
			out:  "kill x: ids stopped for STRONG",
		},
		"an id twice": {
			next:    func() int64 { return 1 + calls.Add(1)%50 },
			problem: "handed out twice",
		},
		"going down": {
			next:    func() int64 { return 1_000_000 - calls.Add(1) },
			problem: "lower ids than were known",
		},
		"silent": {
			next:    func() int64 { return 0 },
			problem: "start: ids do not flow after",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			server := servers.StartNATS(t, nil)
			nc := server.Connect(t)
			_, err := nc.QueueSubscribe("seq.watch.>", "seqd", func(m *nats.Msg) {
				var request subjects.Request
				if err := request.Decode(m.Header, m.Data); err != nil {
					t.Error(err)
				}
				if id := test.next(); id > 0 {
					reply := subjects.Reply{ID: id, N: 1, Nonce: request.Nonce}
					_ = m.Respond(reply.Append(nil, subjects.Msgpack))
				}
			})
			if err == nil {
				err = nc.Flush()
			}
			if err != nil {
				t.Fatal(err)
			}
			within := "20s"
			if name == "silent" {
				within = "2s"
			}
			var out bytes.Buffer
			err = run(t.Context(), []string{"--nats-url", nc.ConnectedUrl(), "--pace", "10ms", "--within", within},
				strings.NewReader("kill x\n"), &out)
			if test.problem == "" && (err != nil || !strings.Contains(out.String(), test.out) || !strings.Contains(out.String(), "ids checked")) {
				t.Errorf("printed %q and ended with %v, want %q", &out, err, test.out)
			}
			if test.problem != "" && (err == nil || !strings.Contains(err.Error(), test.problem)) {
				t.Errorf("ended with %v, want %q", err, test.problem)
			}
		})
	}
}

func TestGap(t *testing.T) {
	ends := []int64{0, int64(time.Second), int64(4 * time.Second), int64(5 * time.Second)}
	for from, want := range map[time.Duration]time.Duration{0: 3 * time.Second, 2 * time.Second: 3 * time.Second, 4 * time.Second: time.Second, 5 * time.Second: 0} {
		if got := gap(ends, int64(from)); got != want {
			t.Errorf("from %v on: got %v, want %v", from, got, want)
		}
	}
}
