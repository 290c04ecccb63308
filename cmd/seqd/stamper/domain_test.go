package stamper_test

import (
	"context"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/cmd/seqd/stamper"
	"github.com/seqd-io/seqd/integration/ports"
	"github.com/seqd-io/seqd/integration/servers"
)

// leafRig is a hub, which has the JetStream domain hub and the workers, and a leaf
// node of it, which has the domain edge. A test can cut the link between them.
type leafRig struct {
	*rig
	edge *servers.NATS
	link *servers.Proxy
	away *nats.Conn // to the leaf node
}

func newLeafRig(t *testing.T) *leafRig {
	t.Helper()
	return newLeafRigWith(t, func(*server.Options) {})
}

// newLeafRigWith is newLeafRig with other options of both nats-servers.
func newLeafRigWith(t *testing.T, options func(*server.Options)) *leafRig {
	t.Helper()
	leaves := ports.Free(t)
	r := &leafRig{rig: newRigWith(t, shortWindow, func(o *server.Options) {
		o.JetStreamDomain = "hub"
		o.LeafNode.Host, o.LeafNode.Port = "127.0.0.1", ports.Number(t, leaves)
		o.LeafNode.NoAdvertise = true // of the way around the proxy
		options(o)
	})}
	r.link = servers.StartProxy(t, leaves)
	dir := t.TempDir()
	r.edge = servers.StartNATS(t, func(o *server.Options) {
		o.JetStream, o.StoreDir, o.JetStreamDomain = true, dir, "edge"
		o.LeafNode.ReconnectInterval = 50 * time.Millisecond
		options(o)
		o.LeafNode.Remotes = []*server.RemoteLeafOpts{{URLs: []*url.URL{{Scheme: "nats", Host: r.link.Addr}}}}
	})
	r.away = r.edge.Connect(t, seqd.ConnectOptions()...)
	r.awaitLink(t)
	return r
}

// awaitLink waits until each side reaches the other one's JetStream.
func (r *leafRig) awaitLink(t *testing.T) {
	t.Helper()
	for domain, nc := range map[string]*nats.Conn{"hub": r.away, "edge": r.nc} {
		js := inDomain(t, nc, domain)
		await(t, "the link is there", func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := js.AccountInfo(ctx)
			return err == nil
		})
	}
}

func inDomain(t testing.TB, nc *nats.Conn, domain string) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.NewWithDomain(nc, domain)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// stamp runs a stamper on streams of a domain.
func (r *leafRig) stamp(t *testing.T, nc *nats.Conn, domain string, c stamper.Config) (*started, error) {
	t.Helper()
	s, err := newStamperOn(t, inDomain(t, nc, domain), nc, c)
	if err != nil {
		return nil, err
	}
	s.SetDoubtTime(r.doubt)
	return run(t, s), nil
}

// inEdge is the rig with the leaf's JetStream in place of the hub's.
func (r *leafRig) inEdge(t *testing.T) *rig {
	t.Helper()
	return &rig{nats: r.edge, etcd: r.etcd, db: r.db, nc: r.away, js: jetStream(t, r.away), doubt: r.doubt}
}

// Both streams are on the other side of a leaf node's link, which is cut and
// healed while messages are stamped.
func TestThroughLeafNode(t *testing.T) {
	if testing.Short() {
		t.Skip("starts several servers, and waits for them")
	}
	r := newLeafRig(t)
	for _, c := range []struct {
		domain string
		has    *rig       // whose streams are stamped
		from   *nats.Conn // whence
	}{{"hub", r.rig, r.away}, {"edge", r.inEdge(t), r.nc}} {
		if c.domain == "hub" && !*long {
			continue
		}
		t.Run("streams in "+c.domain, func(t *testing.T) {
			if c.domain == "edge" {
				for _, stream := range []string{sourceStream, outputStream} {
					r.deleteStream(t, stream) // of the hub
				}
				c.has.addStream(t, sourceConfig)
				c.has.addStream(t, outputConfig)
			}
			c.has.addConsumer(t, nil)
			s, err := r.stamp(t, c.from, c.domain, config())
			if err != nil {
				t.Fatal(err)
			}
			cuts := 1
			if *long {
				cuts = 3
			}
			for range cuts {
				stop := publishOn(t, c.has)
				was := s.Stats().Stamped
				await(t, "messages are stamped", func() bool { return s.Stats().Stamped > was+200 })
				failed := s.Stats().Failures
				r.link.Cut()
				await(t, "rounds fail", func() bool { return s.Stats().Failures > failed })
				r.link.Heal()
				r.awaitLink(t)
				was = s.Stats().Stamped
				await(t, "messages are stamped again", func() bool { return s.Stats().Stamped > was+200 })
				stop()
			}
			all := c.has.stored(t, sourceStream)
			c.has.awaitOutput(t, all)
			s.stop(t)
			c.has.verify(t)
			t.Logf("%d messages; %+v", all, s.Stats())
		})
	}
}

// A stamper works in one domain. From one into another messages go by a stream
// that has the output as its source; asked for it itself, it says so.
func TestFromDomainToDomain(t *testing.T) {
	if testing.Short() {
		t.Skip("starts several servers, and waits for them")
	}
	r := newLeafRig(t)
	edge := r.inEdge(t)
	edge.addStream(t, jetstream.StreamConfig{Name: "EDGE", Subjects: []string{"edge.>"}, AllowAtomicPublish: true})
	r.addConsumer(t, nil)
	c := config()
	c.To = "edge.{{subject}}"
	if _, err := r.stamp(t, r.nc, "hub", c); err == nil || !strings.Contains(err.Error(), "a stream in another JetStream domain can have the output stream as its source") {
		t.Errorf("got %v", err)
	}

	if !*long {
		return
	}
	edge.addStream(t, jetstream.StreamConfig{Name: "COPY", Sources: []*jetstream.StreamSource{{Name: outputStream, Domain: "hub"}}})
	s, err := r.stamp(t, r.nc, "hub", config())
	if err != nil {
		t.Fatal(err)
	}
	r.publish(t, 500, 3)
	r.link.Cut()
	r.publish(t, 500, 3)
	r.awaitOutput(t, 1000)
	r.link.Heal()
	// It looks for its source again when it likes.
	awaitFor(t, 4*patience, "the copy has all", func() bool { return edge.stored(t, "COPY") >= 1000 })
	s.stop(t)
	r.verify(t)
	for _, err := range violations(r.read(t, sourceStream), edge.read(t, "COPY")) {
		t.Errorf("COPY: %v", err)
	}
}

// Streams of both sides may have one name and one subject, as where each leaf node
// is set up like the hub. What is published reaches both of them.
func TestTwinInOtherDomain(t *testing.T) {
	r := newLeafRig(t)
	edge := r.inEdge(t)
	edge.addStream(t, outputConfig)
	r.addConsumer(t, nil)
	r.link.Delay(20 * time.Millisecond) // so that the twin, which is near, answers first
	s, err := r.stamp(t, r.away, "hub", config())
	if err != nil {
		t.Fatal(err)
	}
	r.publish(t, 50, 2)
	if err := s.wait(t); err == nil || !strings.Contains(err.Error(), "a stream STAMPED of the JetStream domain edge has answered in place of the one of the domain hub") {
		t.Errorf("it ended with: %v", err)
	}
	if floor := r.ackFloor(t); floor > 0 {
		t.Errorf("messages up to %d are acknowledged", floor)
	}

	// What the error says helps.
	r.link.Heal()
	edge.editStream(t, outputStream, func(c *jetstream.StreamConfig) { c.Subjects = []string{"edge.>"} })
	s, err = r.stamp(t, r.away, "hub", config())
	if err != nil {
		t.Fatal(err)
	}
	r.awaitOutput(t, 50)
	s.stop(t)
	r.verify(t)
}

// Source and consumer have namesakes in the other domain, which are stamped, too.
// With a feature flag of nats-server acknowledgements name the domain, and neither
// gets the other one's. Without it one of the stampers ends sooner or later, as
// TestSomebodyElseAcknowledges has it.
func TestNamesakesStamped(t *testing.T) {
	r := newLeafRigWith(t, func(o *server.Options) { o.FeatureFlags = map[string]bool{"js_ack_fc_v2": true} })
	edge := r.inEdge(t)
	edge.addStream(t, sourceConfig)
	edge.addStream(t, jetstream.StreamConfig{Name: "EDGE", Subjects: []string{"edge.>"}, AllowAtomicPublish: true})
	var both []*started
	goOn := make(chan struct{}) // the hub's, which has its first batch in hand until the other one has acknowledged all
	for _, side := range []struct {
		has           *rig
		domain, store string
		to            string
	}{{r.rig, "hub", "orders", "stamped.{{subject}}"}, {edge, "edge", "edge", "edge.{{subject}}"}} {
		side.has.addConsumer(t, nil)
		c := config()
		c.Store, c.To = side.store, side.to
		if side.domain == "hub" {
			c.Log = slog.New(onDebug{logHandler(t), "batch", func(int) { <-goOn }})
		}
		s, err := r.stamp(t, side.has.nc, side.domain, c)
		if err != nil {
			t.Fatal(err)
		}
		both = append(both, s)
	}
	for range 10 {
		r.publish(t, 100, 5) // into both sources, which have the same subjects
	}
	await(t, "the other one has acknowledged all", func() bool { return edge.ackFloor(t) == 1000 })
	close(goOn)
	r.awaitOutput(t, 1000)
	r.verify(t)
	for _, err := range violations(edge.read(t, sourceStream), edge.read(t, "EDGE")) {
		t.Errorf("EDGE: %v", err)
	}
	for _, s := range both {
		s.stop(t)
		if got := s.Stats(); got.Rewinds > 0 {
			t.Errorf("got %+v", got)
		}
	}
}
