//go:build !lean

package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/seqd-io/seqd/cmd/seqd/top"
	"github.com/seqd-io/seqd/cmd/seqd/version"
	"github.com/seqd-io/seqd/integration/servers"
)

// Two workers under load, as people and as scripts see them.
func TestTop(t *testing.T) {
	nats, _ := system(t)
	if got := runSeqd(t, "top", "--interval", "1ms"); got.code != exitFailed || !strings.Contains(got.stderr, "no worker answers; start one") {
		t.Errorf("without a worker: %+v", got)
	}
	startWorkers(t, 2)
	nc := nats.Connect(t)
	done := make(chan bool)
	go func() {
		for {
			select {
			case done <- true:
				return
			default:
			}
			if _, err := nc.Request("seq.demo.key", []byte(`{"n":2}`), patience); err != nil {
				t.Error(err)
				<-done
				return
			}
		}
	}()
	defer func() { <-done }()

	got := runSeqd(t, "top", "--json", "--once", "--interval", "500ms")
	var view top.View
	if err := json.Unmarshal([]byte(got.stdout), &view); err != nil || got.code != exitOK || got.stderr != "" {
		t.Fatalf("%v in %+v", err, got)
	}
	if len(view.Workers) != 2 || view.Total.Serving != 2 || !view.Total.Measured {
		t.Errorf("got %+v", view)
	}
	sum := 0.0
	for _, w := range view.Workers {
		if w.State != "serving" || w.Version != version.String() || w.Requests <= 0 || w.IDs <= w.Requests || w.Mean <= 0 || w.Errors != 0 {
			t.Errorf("got %+v", w)
		}
		sum += w.Requests
	}
	if s := view.Stores; len(s) != 1 || s[0].Name != "seq.*.>" || s[0].Workers != 2 || s[0].Requests < sum*0.99 || s[0].Requests > sum*1.01 {
		t.Errorf("the workers did %v a second, the stores %+v", sum, s)
	}

	// Into a pipe it is one table, with no escapes.
	got = runSeqd(t, "top", "--interval", "100ms", "--sort", "name")
	if got.code != exitOK || !strings.Contains(got.stdout, "\nWORKER*") || len(regexp.MustCompile(`(?m)^\S{22}  \S+ +serving `).FindAllString(got.stdout, -1)) != 2 || strings.Contains(got.stdout, "\x1b") {
		t.Errorf("got %+v", got)
	}
}

// With --json it goes on, a view a line, until it is ended.
func TestTopLines(t *testing.T) {
	system(t)
	startWorkers(t, 1)
	p := start(t, nil, "top", "--json", "--interval", "50ms")
	p.wait(t, p.stdout, `(?m)^{.*"measured":false.*}\n{.*"measured":true.*}\n{.*}$`)
	if code, _ := p.signal(t, syscall.SIGINT); code != exitOK {
		t.Errorf("exit %d; stderr:\n%s", code, p.stderr)
	}
}

func TestTopErrors(t *testing.T) {
	for want, args := range map[string][]string{
		"--interval must be more than 0": {"--interval", "0s"},
		"--sort must be one of name, ":   {"--sort", "colour"},
		`unexpected word "word"`:         {"word"},
	} {
		if got := runSeqd(t, append([]string{"top"}, args...)...); got.code != exitUsage || !strings.Contains(got.stderr, want) {
			t.Errorf("%q: got %+v, want %q", args, got, want)
		}
	}
	server := servers.StartNATS(t, func(o *server.Options) {
		o.Users = []*server.User{{Username: "u", Password: "p", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Allow: []string{"seq.>"}}}}}
	})
	if got := runSeqd(t, "top", "--nats-url", server.URL, "--nats-user", "u", "--nats-password", "p"); got.code != exitFailed || !strings.Contains(got.stderr, `allow this user to publish to "$SRV.>"`) {
		t.Errorf("denied: %+v", got)
	}
	server.Stop()
	if got := runSeqd(t, "top", "--nats-url", server.URL); got.code != exitFailed || !strings.Contains(got.stderr, "start one with: seqd dev") {
		t.Errorf("without NATS: %+v", got)
	}
}
