package dial_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/allocator/etcd/dial"
	"github.com/seqd-io/seqd/allocator/etcd/etcdtest"
	"github.com/seqd-io/seqd/integration/servers"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

// A learner among the endpoints, which answers that it is there, was sent every
// second transaction and refused it: hundreds of gaps, and a worker that served
// weak ids only for seconds at a time.
func TestLearnerIsLeftOutUntilItVotes(t *testing.T) {
	t.Parallel()
	cluster := servers.StartEtcdCluster(t, 1)
	learner := cluster.Learner(t)
	said := new(etcdtest.Said)
	client, err := dial.Open(t.Context(), dial.Config{
		Endpoints: []string{learner.Endpoint, cluster[0].Endpoint}, Log: slog.New(slog.NewTextHandler(said, nil)),
		Advise: func(err error) string {
			member, ok := errors.AsType[*dial.MemberError](err)
			if !ok || member.Endpoint != learner.Endpoint || !errors.Is(rpctypes.Error(member.Err), dial.ErrLearner) {
				t.Errorf("asked about %v", err)
			}
			return "takes no writes"
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c := etcd.NewCounter(client, etcd.Config{Log: slog.New(slog.DiscardHandler)})
	defer c.Close()
	etcdtest.MustReady(t, c)
	etcdtest.Crowd(t, 20, 3, c)
	etcdtest.Eventually(t, func() bool { return len(client.Endpoints()) == 1 }, "the learner is used")
	if got := client.Endpoints()[0]; got != cluster[0].Endpoint {
		t.Errorf("the client uses %s", got)
	}
	etcdtest.Crowd(t, 20, 3, c)
	etcdtest.WantExplained(t, c.Stats())
	cluster.Promote(t, learner)
	etcdtest.Eventually(t, func() bool { return len(client.Endpoints()) == 2 }, "the member that votes now is not used")
	etcdtest.Crowd(t, 5, 3, c)
	etcdtest.WantExplained(t, c.Stats())
	etcdtest.Eventually(t, func() bool { return strings.Contains(said.Text(), "using an etcd member again") }, "nobody said that it is used again")
	if n := strings.Count(said.Text(), `hint="takes no writes"`); n == 0 {
		t.Errorf("nobody said why:\n%s", said.Text())
	}
}
