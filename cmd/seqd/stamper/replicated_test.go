package stamper_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seqd-io/seqd/integration/servers"
)

// On streams with three replicas nothing was ever stamped: there the status that
// ends a pull comes before its messages, which were dropped as late.
func TestReplicated(t *testing.T) {
	r := newReplicatedRig(t)
	s := r.start(t, config())
	r.publish(t, 1, 1)
	r.awaitOutput(t, 1)
	r.publish(t, 2000, 7)
	r.awaitOutput(t, 2001)
	s.stop(t)
	r.verify(t)
	if got := s.Stats(); got.Stamped != 2001 || got.Duplicates != 0 || got.Failures != 0 || got.Rewinds != 0 {
		t.Errorf("got %+v", got)
	}
}

// steppers are what has a leader of its own.
var steppers = []string{"STREAM.LEADER.STEPDOWN." + sourceStream, "STREAM.LEADER.STEPDOWN." + outputStream, "CONSUMER.LEADER.STEPDOWN." + sourceStream + "." + durable}

// stepDown has a leader hand over to another member.
func (r *rig) stepDown(t testing.TB, what string) {
	t.Helper()
	r.ask(t, what, "") // it may have none just now
}

// ask asks JetStream's API for what jetstream has no method for. A refusal is
// logged.
func (r *rig) ask(t testing.TB, what, body string) {
	t.Helper()
	msg, err := r.nc.Request("$JS.API."+what, []byte(body), 5*time.Second)
	if err != nil {
		t.Logf("%s: %v", what, err)
		return
	}
	var answer struct{ Error *jetstream.APIError }
	if err := json.Unmarshal(msg.Data, &answer); err != nil || answer.Error != nil {
		t.Logf("%s: %v, %v", what, answer.Error, err)
	}
}

// Through changes of all leaders, and servers that go and come back, under load,
// each message is stamped exactly once.
func TestReplicatedLeadersGo(t *testing.T) {
	r := newReplicatedRig(t)
	r.addConsumer(t, nil)
	a, b := r.start(t, config()), r.start(t, config())
	stopPublishing := publishOn(t, r)
	progress := func(after string) {
		t.Helper()
		was := a.Stats().Stamped + b.Stats().Stamped
		// Elections, and requests that wait for them, take seconds where processors are few.
		awaitFor(t, 4*patience, "messages are stamped after "+after, func() bool { return a.Stats().Stamped+b.Stats().Stamped > was+500 })
	}
	progress("the start")
	for _, what := range steppers {
		r.stepDown(t, what)
		progress(what)
	}
	for what, leader := range map[string]func() (int, *servers.NATS){
		"the source's leader":   func() (int, *servers.NATS) { return r.cluster.StreamLeader(sourceStream) },
		"the output's leader":   func() (int, *servers.NATS) { return r.cluster.StreamLeader(outputStream) },
		"the consumer's leader": func() (int, *servers.NATS) { return r.cluster.ConsumerLeader(sourceStream, durable) },
	} {
		var n *servers.NATS
		await(t, what+" is known", func() bool { _, n = leader(); return n != nil })
		n.Stop()
		progress("a stop of " + what)
		n.Start(t)
		r.cluster.AwaitMembers(t)
		r.cluster.AwaitCurrent(t, sourceStream, outputStream)
	}
	stopPublishing()
	want := r.stored(t, sourceStream)
	awaitFor(t, 4*patience, fmt.Sprintf("all %d messages in the output", want), func() bool { return r.stored(t, outputStream) >= want })
	a.stop(t)
	b.stop(t)
	r.verify(t)
	t.Logf("%d messages; %+v; %+v", want, a.Stats(), b.Stats())
}
