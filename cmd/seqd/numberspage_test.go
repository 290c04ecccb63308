//go:build !lean

package main

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/cmd/seqd/serve"
	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/integration/servers"
)

// What NUMBERS.md shows is what comes: its configurations are served, each by a
// worker on an etcd of its own, its commands are run in turn, and the clock is set
// to what a comment before them says.
func TestNumbersPage(t *testing.T) {
	page, err := os.ReadFile("../../NUMBERS.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	var shown *example
	examples, commands := 0, 0
	for _, block := range regexp.MustCompile("(?ms)^(?:<!-- at (\\S+) -->|```(yaml|console)\n(.*?)^```)$").FindAllStringSubmatch(string(page), -1) {
		at, kind, text := block[1], block[2], block[3]
		switch {
		case at != "":
			now, err := time.Parse(time.RFC3339, at)
			if err != nil {
				t.Fatal(err)
			}
			shown.now.Store(&now)
		case kind == "yaml":
			shown = serveExample(t, text)
			examples++
		default:
			got := ""
			for line := range strings.Lines(text) {
				if command, ok := strings.CutPrefix(line, "$ "); ok {
					got += line + shown.run(t, strings.TrimSpace(command))
					commands++
				}
			}
			if got != text {
				t.Errorf("the page shows\n%s\nbut it is\n%s", text, got)
			}
		}
	}
	if examples != 5 || commands < 18 {
		t.Errorf("the page has %d examples and %d commands: was it read?", examples, commands)
	}
}

// example is a worker with a configuration of the page.
type example struct {
	nc  *nats.Conn
	now atomic.Pointer[time.Time]
}

func serveExample(t *testing.T, config string) *example {
	t.Helper()
	server, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	t.Setenv("SEQD_CONFIG", put(t, filepath.Join(t.TempDir(), "seqd.yaml"), config))
	t.Setenv("NATS_URL", server.URL)
	t.Setenv("SEQD_ETCD_ENDPOINTS", db.Endpoint)
	cfg := settings.Default()
	fs := flag.NewFlagSet("seqd worker", flag.ContinueOnError)
	file := fs.String("config", "", "")
	cfg.Flags(fs)
	clusters, err := cfg.Read(fs, file, nil)
	if err != nil {
		t.Fatal(err)
	}
	e := &example{nc: server.Connect(t)}
	start := time.Now() // the worker compares it with others' before the page sets it
	e.now.Store(&start)
	w, err := serve.Open(t.Context(), &cfg, clusters, serve.Options{
		Log: slog.New(slog.DiscardHandler), Untraced: true, Now: func() time.Time { return *e.now.Load() },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		w.Close()
	})
	select {
	case <-w.Ready():
	case <-time.After(patience):
		t.Fatal("the worker did not get ready")
	}
	return e
}

var natsRequest = regexp.MustCompile(`^nats request --raw (\S+) '([^']*)'((?: -H \S+)*)$`)

// run returns what a command prints.
func (e *example) run(t *testing.T, command string) string {
	t.Helper()
	if args, ok := strings.CutPrefix(command, "seqd "); ok {
		got := runSeqd(t, strings.Fields(args)...)
		return got.stdout + got.stderr
	}
	if m := natsRequest.FindStringSubmatch(command); m != nil {
		request := &nats.Msg{Subject: m[1], Data: []byte(m[2]), Header: nats.Header{}}
		for _, header := range strings.Split(m[3], " -H ")[1:] {
			name, value, _ := strings.Cut(header, ":")
			request.Header[name] = []string{value}
		}
		answer, err := e.nc.RequestMsg(request, patience)
		if err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		return string(answer.Data) + "\n" // as the tool does
	}
	out, err := exec.CommandContext(t.Context(), "sh", "-c", command).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}
