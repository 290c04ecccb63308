package etcd_test

import (
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/integration/servers"
)

// A learner among the endpoints, which answers that it is there, was sent every
// second transaction and refused it: hundreds of gaps, and a worker that served
// weak ids only for seconds at a time.
func TestLearnerIsLeftOutUntilItVotes(t *testing.T) {
	cluster := servers.StartEtcdCluster(t, 1)
	learner := cluster.Learner(t)
	said := new(said)
	client, err := etcd.Dial(t.Context(), etcd.DialConfig{
		Endpoints: []string{learner.Endpoint, cluster[0].Endpoint}, Log: slog.New(slog.NewTextHandler(said, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c := etcd.NewCounter(client, etcd.Config{Log: slog.New(slog.DiscardHandler)})
	defer c.Close()
	mustReady(t, c)
	crowd(t, 20, 3, c)
	eventually(t, func() bool { return len(client.Endpoints()) == 1 }, "the learner is used")
	if got := client.Endpoints()[0]; got != cluster[0].Endpoint {
		t.Errorf("the client uses %s", got)
	}
	crowd(t, 20, 3, c)
	wantExplained(t, c.Stats())
	cluster.Promote(t, learner)
	eventually(t, func() bool { return len(client.Endpoints()) == 2 }, "the member that votes now is not used")
	crowd(t, 5, 3, c)
	wantExplained(t, c.Stats())
	eventually(t, func() bool { return strings.Contains(said.text(), "using an etcd member again") }, "nobody said that it is used again")
	if n := strings.Count(said.text(), "which takes no writes"); n == 0 {
		t.Errorf("nobody said why:\n%s", said.text())
	}
}

// said is what was logged. It is safe for concurrent use.
type said struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *said) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
