package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/subjects"
)

// startWorker runs a NATS server and a worker that serves the store
// sequencer_demo, and returns the server's address.
func startWorker(t *testing.T) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true,
		Username: "demo", Password: "secret", // clients of other tests may be looking for a server on this port
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(s.Shutdown)
	if !s.ReadyForConnections(pace.Patience) {
		t.Fatal("the NATS server did not start")
	}
	url := "nats://demo:secret@" + s.Addr().String()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	var last int64
	if _, err := nc.Subscribe("seq.sequencer_demo.key666", func(msg *nats.Msg) {
		var req subjects.Request
		if err := req.Decode(msg.Header, msg.Data); err != nil || req.N != 1 {
			t.Errorf("got a request for %d ids, %v, want one for 1", req.N, err)
		}
		last++
		_ = msg.Respond((&subjects.Reply{ID: last, N: 1, Nonce: req.Nonce}).Append(nil, subjects.Msgpack))
	}); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return url
}

func TestDemo(t *testing.T) {
	const want = `Try to get next id.Key:key666
Next id:next_id:1
Next id:next_id:2
Next id:next_id:3
Next id:next_id:4
Next id:next_id:5
Next id:next_id:6
Next id:next_id:7
Next id:next_id:8
Next id:next_id:9
Next id:next_id:10
Demo success!
`
	for _, env := range []bool{false, true} {
		t.Run(fmt.Sprintf("address from environment %v", env), func(t *testing.T) {
			url := startWorker(t)
			args := []string{"-s", "sequencer_demo"}
			if env {
				t.Setenv("NATS_URL", url)
			} else {
				t.Setenv("NATS_URL", "nats://127.0.0.1:1") // the flag wins
				args = append(args, "-nats-url", url)
			}
			var stdout bytes.Buffer
			if err := run(t.Context(), args, &stdout, io.Discard); err != nil {
				t.Fatal(err)
			}
			if got := stdout.String(); got != want {
				t.Errorf("got:\n%swant:\n%s", got, want)
			}
		})
	}
}

func TestDemoSaysWhatToTry(t *testing.T) {
	url := startWorker(t)
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"no store", nil, "try: -s"},
		{"no server", []string{"-s", "sequencer_demo", "-nats-url", "nats://127.0.0.1:1"}, "seqd dev"},
		{"no worker", []string{"-s", "other", "-nats-url", url}, "start a worker"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout bytes.Buffer
			err := run(t.Context(), tt.args, &stdout, io.Discard)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
			if strings.Contains(stdout.String(), "success") {
				t.Errorf("got %q", stdout.String())
			}
		})
	}
}
