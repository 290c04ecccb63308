package faults

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/servers"
)

// worker is a seqd worker, and its links to etcd and NATS.
type worker struct {
	*process
	file     string // its configuration
	memory   string // folder in which it remembers etcd's history
	http     string
	links    []*servers.Proxy // one for each member, or a balancer's one for all
	nats     *natsServer
	natsLink *servers.Proxy // nil: none
}

// state returns what the worker says of itself.
func (w *worker) state() (serving bool, text string) {
	client := http.Client{Timeout: time.Second}
	resp, err := client.Get("http://" + w.http + "/readyz")
	if err != nil {
		return false, err.Error()
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode == http.StatusOK, strings.TrimSpace(string(b))
}

func (w *worker) waitReady(t testing.TB, patience time.Duration) {
	t.Helper()
	w.waitState(t, patience, true)
}

// waitState waits until the worker serves, or until it does not, and returns
// how long that took.
func (w *worker) waitState(t testing.TB, patience time.Duration, serving bool) time.Duration {
	t.Helper()
	start := time.Now()
	eventually(t, patience, fmt.Sprintf("%s serving is %v", w.name, serving), func() error {
		if is, text := w.state(); is != serving {
			return fmt.Errorf("it is %s", text)
		}
		return nil
	})
	return time.Since(start)
}

// within reports whether the worker serves, or does not, before patience ends.
func (w *worker) within(patience time.Duration, serving bool) bool {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if is, _ := w.state(); is == serving {
			return true
		}
	}
	return false
}

// setLinks changes what the worker's links to etcd do.
func (w *worker) setLinks(change func(*servers.Proxy)) {
	for _, l := range w.links {
		change(l)
	}
}

var saidID = regexp.MustCompile(`this worker.*\bid"?[=:]"?([A-Za-z0-9_-]+)`)

// id returns the worker's name in etcd since its last start; "" if it has not said
// it yet. No two starts have the same.
func (w *worker) id() string {
	b, err := os.ReadFile(w.log)
	if err != nil {
		return ""
	}
	said := saidID.FindAllSubmatch(b, -1)
	if len(said) == 0 {
		return ""
	}
	return string(said[len(said)-1][1])
}

// awaitWord waits until every worker has written text.
func (r *run) awaitWord(what, text string) {
	r.Helper()
	eventually(r, pace.Patience, fmt.Sprintf("%s: all workers say %q", what, text), func() error {
		for _, w := range r.workers {
			if !w.said(text) {
				return fmt.Errorf("%s has not", w.name)
			}
		}
		return nil
	})
}
