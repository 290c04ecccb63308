package stamper_test

import (
	"flag"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

var long = flag.Bool("long", false, "do all that a replicated JetStream can go through, not only a choice of it")

// upheaval is something that happens to the nats-servers while messages flow.
type upheaval struct {
	name  string
	short bool // done without -long, too
	do    func(t *testing.T, r *rig)
}

var upheavals = []upheaval{
	{"leaders step down, ten times each", false, func(t *testing.T, r *rig) {
		for range 10 {
			for i, what := range steppers {
				r.stepDown(t, what)
				r.leader(t, led[i])
			}
		}
	}},
	{"source's leader killed", false, killLeader(sourceStream)},
	{"output's leader killed", true, killLeader(outputStream)},
	{"consumer's leader killed", false, killLeader(durable)},
	{"source moved away from its leader", false, move(sourceStream)},
	{"output moved away from its leader", true, move(outputStream)},
	{"source's leader removed from its peers", false, removePeer(sourceStream)},
	{"output's leader removed from its peers", false, removePeer(outputStream)},
	{"all servers killed at once", false, restartAll((*process).kill)},
	{"all servers restarted", false, restartAll(func(p *process) { p.signal(syscall.SIGTERM); <-p.exited })},
}

func killLeader(what string) func(*testing.T, *rig) {
	return func(t *testing.T, r *rig) {
		name := r.leader(t, what)
		r.members.named(name).kill()
		awaitFor(t, 4*patience, "another one leads "+what, func() bool {
			leader := r.placed(t, what).leader
			return leader != "" && leader != name
		})
		r.members.named(name).start(t)
	}
}

// move has a stream leave the server that leads it, by its placement.
func move(stream string) func(*testing.T, *rig) {
	return func(t *testing.T, r *rig) {
		name := r.leader(t, stream)
		r.editStream(t, stream, func(c *jetstream.StreamConfig) { c.Placement = &jetstream.Placement{Tags: []string{"beside-" + name}} })
		r.awaitLeft(t, stream, name)
		r.editStream(t, stream, func(c *jetstream.StreamConfig) { c.Placement = nil })
	}
}

func removePeer(stream string) func(*testing.T, *rig) {
	return func(t *testing.T, r *rig) {
		name := r.leader(t, stream)
		r.ask(t, "STREAM.PEER.REMOVE."+stream, fmt.Sprintf(`{"peer":%q}`, name))
		r.awaitLeft(t, stream, name)
	}
}

func (r *rig) awaitLeft(t *testing.T, stream, name string) {
	t.Helper()
	awaitFor(t, 4*patience, stream+" has left "+name, func() bool {
		p := r.placed(t, stream)
		return p.leader != "" && !p.on(name) && len(p.followers) == 2
	})
}

func restartAll(stop func(*process)) func(*testing.T, *rig) {
	return func(t *testing.T, r *rig) {
		for _, p := range r.members.all {
			stop(p)
		}
		for _, p := range r.members.all {
			p.start(t)
		}
		for _, what := range led {
			r.leader(t, what)
		}
	}
}

// Whatever happens to a replicated JetStream, each message is stamped exactly
// once, and no stamper ends of it. Servers and stampers are processes.
func TestUpheavals(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	r := newMembersRig(t)
	r.addConsumer(t, nil)
	stampers := []*process{newProcess(t, "a", r.url()), newProcess(t, "b", r.url())}
	for _, u := range upheavals {
		if !u.short && !*long {
			continue
		}
		if !t.Run(u.name, func(t *testing.T) {
			r.settled(t)
			before := r.stored(t, outputStream)
			stopPublishing := publishOn(t, r)
			flows := func(after string) {
				t.Helper()
				was := r.stored(t, outputStream)
				awaitFor(t, 4*patience, "messages are stamped "+after, func() bool { return r.stored(t, outputStream) > was+200 })
			}
			flows("before it")
			begin := time.Now()
			u.do(t, r)
			took := time.Since(begin)
			flows("after it")
			stopPublishing()
			want := r.stored(t, sourceStream)
			awaitFor(t, 4*patience, fmt.Sprintf("all %d messages in the output", want), func() bool { return r.stored(t, outputStream) >= want })
			r.verify(t)
			for i, p := range stampers {
				select {
				case <-p.exited:
					t.Errorf("stamper %d ended: %s", i, p.lastLines(2))
					p.start(t)
				default:
				}
			}
			t.Logf("%v; %d messages", took.Round(time.Millisecond), want-before)
		}) {
			break
		}
	}
	for _, p := range stampers {
		p.signal(syscall.SIGTERM)
		<-p.exited
	}
}
