package worker_test

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/worker"
)

// A worker that was cut off from etcd and from NATS at once left the queue group,
// and when it was back nats.go subscribed for it once more, to a subscription
// that it forgot in the next moment: every second request was sent to nobody.
func TestNoGhostInTheQueueGroup(t *testing.T) {
	var health counterHealth
	f := &fixture{server: servers.StartNATS(t, nil), memory: &allocatortest.Memory{}, log: &logBuffer{}}
	f.nc = f.server.Connect(t)
	proxy := servers.StartProxy(t, strings.TrimPrefix(f.server.URL, "nats://"))
	f.running = f.worker(t, func(c *worker.Config) {
		c.Connect = func(options ...nats.Option) (*nats.Conn, error) {
			return nats.Connect("nats://"+proxy.Addr, options...)
		}
		c.Backends[0].Ready = health.ready
	})
	f.waitReady(t)

	proxy.Cut()
	f.waitState(t, worker.Disconnected)
	health.broken.Store(true)
	f.waitState(t, worker.Unavailable)
	proxy.Heal()
	eventually(t, func() bool { return f.Snapshot().Reconnects > 0 }, "it did not come back")
	health.broken.Store(false)
	f.waitState(t, worker.Serving)
	for range 30 {
		f.ask(t, "seq.a.key", nil, "")
	}
}
