package doctor_test

import (
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/cmd/seqd/doctor"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// wiretap keeps what is sent to NATS.
type wiretap struct {
	mu   sync.Mutex
	sent strings.Builder
}

func (w *wiretap) Dial(network, address string) (net.Conn, error) {
	conn, err := net.Dial(network, address)
	return &tapped{conn, w}, err
}

type tapped struct {
	net.Conn
	tap *wiretap
}

func (c *tapped) Write(b []byte) (int, error) {
	c.tap.mu.Lock()
	defer c.tap.mu.Unlock()
	c.tap.sent.Write(b)
	return c.Conn.Write(b)
}

// The doctor hears no request: under the root it subscribes to nothing that one
// can be sent to, not for a moment, as in the workers' queue group it would take
// it away from them.
func TestExamineHearsNoRequests(t *testing.T) {
	server, tap := servers.StartNATS(t, nil), &wiretap{}
	report := doctor.Examine(t.Context(), doctor.Config{
		Root:   subjects.Root,
		Stores: []worker.Store{{Name: "orders"}, {Name: subjects.AnyStore}},
		NATS:   server.URL,
		Connect: func(options ...nats.Option) (*nats.Conn, error) {
			return nats.Connect(server.URL, append(options, nats.SetCustomDialer(tap))...)
		},
	})
	if !report.OK {
		t.Errorf("got %+v", report)
	}
	probes := 0
	for _, m := range regexp.MustCompile(`(?m)^SUB (\S+) (?:(\S+) )?\d+\r$`).FindAllStringSubmatch(tap.sent.String(), -1) {
		subject, group := m[1], m[2]
		if _, _, err := subjects.Parse(subjects.Root, subject); err == nil || strings.HasPrefix(subject, subjects.Root+".") && strings.ContainsAny(subject, "*>") || subject == ">" {
			t.Errorf("it hears the requests on %s", subject)
		}
		if group == subjects.Queue {
			probes++
		}
	}
	if probes != 2 {
		t.Errorf("%d subscriptions in the workers' group, want one a store; sent:\n%s", probes, &tap.sent)
	}
	if strings.Contains(tap.sent.String(), "PUB "+subjects.Root+".") {
		t.Errorf("it asks for ids; sent:\n%s", &tap.sent)
	}
}
