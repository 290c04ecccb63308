package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/allocator/etcd/dial"
	"github.com/seqd-io/seqd/allocator/etcd/operate"
	"github.com/seqd-io/seqd/cmd/seqd/advice"
)

// member is an endpoint of an etcd, and what it answered.
type member struct {
	endpoint string
	client   *clientv3.Client // nil: not logged in
	status   *clientv3.StatusResponse
	read     time.Duration // of a read that a majority has to agree to
	err      error         // why it can't be used; nil: it can
}

// lookAtEtcd looks at each member, and then at the whole through those that
// answer.
func (e *examination) lookAtEtcd(ctx context.Context, c Etcd) {
	members := e.lookAtMembers(ctx, c)
	defer func() {
		for _, m := range members {
			if m.client != nil {
				m.client.Close()
			}
		}
	}()
	i := slices.IndexFunc(members, func(m *member) bool { return m.err == nil && !m.status.IsLearner })
	if i < 0 {
		if slices.ContainsFunc(members, func(m *member) bool { return m.err == nil }) {
			e.fail("etcd.write", c.Name, "only learners answer, and they take no requests", "name members that vote in --etcd-endpoints")
		}
		e.skip("etcd", c.Name, "not looked at any further: no voting member answers", "")
		return
	}
	client := members[i].client
	admin := operate.New(client, c.Prefix)
	e.lookAtCluster(ctx, c, client, members)
	e.lookAtSpace(c, members)
	e.lookAtAlarms(ctx, c, client)
	e.lookAtCompaction(ctx, c, admin, members)
	e.lookAtBatch(ctx, c, client)
	e.lookAtRole(ctx, c, client)
	e.lookAtIncarnation(ctx, c, admin)
	e.lookAtCounters(ctx, c, admin)
	e.lookAtAnswers(ctx, c, admin, members)
	e.lookAtSessions(ctx, c, admin)
}

// slowRead is how long a read may take before it is worth looking at: a STRONG
// request waits for at least as long, and an attempt is given up after a second.
const slowRead = 100 * time.Millisecond

// lookAtMembers asks all members at a time, each by a client of its own.
func (e *examination) lookAtMembers(ctx context.Context, c Etcd) []*member {
	members := make([]*member, len(c.Endpoints))
	var all sync.WaitGroup
	for i, endpoint := range c.Endpoints {
		m := &member{endpoint: endpoint}
		members[i] = m
		all.Go(func() {
			m.err = m.ask(ctx, c)
			if _, refused := errors.AsType[*dial.HandshakeError](m.err); !refused && errors.Is(m.err, context.DeadlineExceeded) {
				m.err = silence(ctx, endpoint)
			}
		})
	}
	all.Wait()
	for _, m := range members {
		switch {
		case m.err != nil:
			e.fail("etcd.member", m.endpoint, textOf(m.err), hintForMember(m.err))
		case m.status.IsLearner:
			e.warn("etcd.member", m.endpoint, m.describe(), "workers don't use it until it votes: once it has caught up, run etcdctl member promote; or name another member in --etcd-endpoints")
		case m.read > slowRead:
			e.warn("etcd.member", m.endpoint, m.describe(), fmt.Sprintf("a read should take less than %v: look at the member's disk (etcd_disk_wal_fsync_duration_seconds), load and network", slowRead))
		default:
			e.ok("etcd.member", m.endpoint, m.describe())
		}
	}
	return members
}

func (m *member) ask(ctx context.Context, c Etcd) (err error) {
	if m.client, err = c.Dial(ctx, []string{m.endpoint}); err != nil {
		return err
	}
	if m.status, err = statusOf(ctx, m.client, m.endpoint); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), stepTimeout)
	defer cancel()
	if m.status.IsLearner {
		return nil // it answers no such read
	}
	admin := operate.New(m.client, c.Prefix)
	for i := range 3 { // the first opens the connection; one may have met with something that passes
		begin := time.Now()
		if _, err := admin.Incarnation(ctx); err != nil && !errors.Is(err, allocator.ErrUnreadable) {
			return err
		}
		if took := time.Since(begin); i < 2 || took < m.read {
			m.read = took
		}
	}
	return nil
}

// statusOf asks until the member knows a leader, for longer than an election
// takes.
func statusOf(ctx context.Context, client *clientv3.Client, endpoint string) (*clientv3.StatusResponse, error) {
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), stepTimeout)
	defer cancel()
	for {
		status, err := client.Status(ctx, endpoint)
		if err == nil && status.Leader == 0 {
			err = rpctypes.ErrNoLeader
		}
		if !errors.Is(rpctypes.Error(err), rpctypes.ErrNoLeader) {
			return status, err
		}
		select {
		case <-time.After(stepTimeout / 20):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// lookAtBatch looks whether the advances of many keys fit into one transaction.
func (e *examination) lookAtBatch(ctx context.Context, c Etcd, client *clientv3.Client) {
	n, err := etcd.Batch(ctx, client, c.Prefix)
	const try = "start etcd with --max-txn-ops=128 and --max-request-bytes=1572864, its defaults, or more"
	switch {
	case err != nil:
		e.skip("etcd.batch", c.Name, "not looked at: "+textOf(err), "")
	case n == 0:
		e.fail("etcd.batch", c.Name, "etcd takes no transaction as large as the advance of one counter with a long name", try)
	case n < etcd.MaxBatch:
		e.warn("etcd.batch", c.Name, fmt.Sprintf("etcd takes %d advances in a transaction, and workers send up to %d: many keys at a time are slower", n, etcd.MaxBatch), try)
	default:
		e.ok("etcd.batch", c.Name, fmt.Sprintf("etcd takes %d advances in a transaction", n))
	}
}

// errSilent is a member that is there and says nothing.
var errSilent = errors.New("it accepts connections and does not answer")

// silence says why a member has not answered in time: gRPC and etcd's client
// tell that of every member they can't reach.
func silence(ctx context.Context, endpoint string) error {
	if u, err := url.Parse(endpoint); err == nil && u.Host != "" {
		endpoint = u.Host
	}
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", endpoint)
	if err != nil {
		return err
	}
	conn.Close()
	return errSilent
}

func (m *member) describe() string {
	role := "follower"
	switch {
	case m.status.IsLearner:
		return "etcd " + m.status.Version + ", learner: it takes no requests"
	case m.status.Leader == m.status.Header.MemberId:
		role = "leader"
	}
	return fmt.Sprintf("etcd %s, %s, read in %s", m.status.Version, role, short(m.read))
}

// textOf returns what etcd said, without what the layers between have added.
func textOf(err error) string {
	text := err.Error()
	for _, prefix := range []string{"rpc error: code = ", allocator.ErrUnavailable.Error() + ": "} {
		if _, after, found := strings.Cut(text, prefix); found && after != "" {
			text = after
		}
	}
	return text
}

func hintForMember(err error) string {
	otherwise := "start it, or look at --etcd-endpoints and the network: ids go on as long as a majority of the members answers"
	if errors.Is(err, rpctypes.ErrNoLeader) || errors.Is(err, errSilent) {
		otherwise = "the member may be cut off from a majority: look at the other members, and at the network between them"
	}
	return cmp.Or(advice.For(err), otherwise)
}
