package stamper_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/integration/servers"
)

var (
	crashFor      = flag.Duration("crash.for", 6*time.Second, "how long TestCrash goes on doing harm")
	crashSeed     = flag.Uint64("crash.seed", 0, "seed of TestCrash; 0 picks one")
	crashReplicas = flag.Int("crash.replicas", 1, "of the streams of TestCrash: 1, or 3 on three nats-servers")
)

// harm is one way to make trouble, perhaps to p.
type harm struct {
	name string
	do   func(p *process)
}

// TestCrash does all kinds of harm to two stampers on one consumer, and to what
// is around them, while messages of several keys flow, and then looks at what is
// in the output.
func TestCrash(t *testing.T) {
	seed := *crashSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-crash.seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	var r *rig
	members := servers.NATSCluster{}
	if *crashReplicas > 1 {
		r = newReplicatedRig(t)
		members = r.cluster
	} else {
		r = newRig(t, nil)
		members = append(members, r.nats)
	}
	r.addConsumer(t, nil)
	stopWorker := r.startWorker(t) // a second one
	proxy := servers.StartProxy(t, strings.TrimPrefix(members[0].URL, "nats://"))
	stampers := []*process{
		newProcess(t, "near", r.url()),
		newProcess(t, "far", "nats://"+proxy.Addr),
	}
	stopPublishing := publishOn(t, r)

	pause := func(low, high time.Duration) { time.Sleep(low + time.Duration(random.Int64N(int64(high-low)))) }
	harms := []harm{
		{"kill", func(p *process) { p.kill(); p.start(t) }},
		{"kill both", func(*process) {
			for _, p := range stampers {
				p.kill()
			}
			for _, p := range stampers {
				p.start(t)
			}
		}},
		{"freeze", func(p *process) {
			p.signal(syscall.SIGSTOP)
			pause(100*time.Millisecond, 2500*time.Millisecond) // the pin lives for 1 s
			p.signal(syscall.SIGCONT)
		}},
		{"freeze, and kill the other", func(p *process) {
			p.signal(syscall.SIGSTOP)
			pause(1200*time.Millisecond, 2000*time.Millisecond)
			for _, other := range stampers {
				if other != p {
					other.kill()
					other.start(t)
				}
			}
			p.signal(syscall.SIGCONT)
		}},
		{"terminate", func(p *process) {
			p.signal(syscall.SIGTERM)
			<-p.exited
			// A process that has just been started may not listen for signals yet.
			early := p.cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled()
			if code := p.cmd.ProcessState.ExitCode(); code != 0 && !early {
				t.Errorf("a stamper that was asked to end ended with %v", p.cmd.ProcessState)
			}
			p.start(t)
		}},
		{"lose answers", func(*process) {
			proxy.DropResponses()
			pause(50*time.Millisecond, 800*time.Millisecond)
			if random.IntN(2) == 0 {
				proxy.Cut() // for good
			}
			proxy.Heal()
		}},
		{"hold everything", func(*process) {
			proxy.Blackhole()
			pause(50*time.Millisecond, 1500*time.Millisecond)
			proxy.Heal()
		}},
		{"restart nats-server", func(*process) {
			n := members[random.IntN(len(members))]
			n.Stop()
			if r.cluster != nil {
				pause(100*time.Millisecond, 3*time.Second) // the others go on meanwhile
			}
			n.Start(t)
		}},
		{"restart a worker", func(*process) { stopWorker(); stopWorker = r.startWorker(t) }},
	}
	if r.cluster != nil {
		for _, what := range steppers {
			harms = append(harms, harm{"step down: " + what, func(*process) { r.stepDown(t, what) }})
		}
	}
	done := map[string]int{}
	begin := time.Now()
	for order := random.Perm(len(harms)); time.Since(begin) < *crashFor; {
		pause(20*time.Millisecond, 400*time.Millisecond)
		h := harms[order[0]]
		if order = order[1:]; len(order) == 0 {
			order = random.Perm(len(harms))
		}
		h.do(stampers[random.IntN(len(stampers))])
		done[h.name]++
	}
	proxy.Heal()
	stopPublishing()
	want := r.stored(t, sourceStream)
	await(t, fmt.Sprintf("all %d messages in the output", want), func() bool { return r.stored(t, outputStream) >= want })
	for _, p := range stampers {
		p.signal(syscall.SIGTERM)
		<-p.exited
	}
	r.verify(t)
	starts, conflicts := 0, 0
	for _, p := range stampers {
		starts += p.count("going on after the output")
		conflicts += p.count("somebody else has written")
	}
	t.Logf("%d messages; harm done: %v; the output was asked %d times where to go on, and refused %d batches", want, done, starts, conflicts)
	if want < 1000 {
		t.Errorf("only %d messages came through: too few to show anything", want)
	}
}

// publishOn publishes messages of five keys until the returned function is
// called, through whatever happens to the server.
func publishOn(t testing.TB, r *rig) (stop func()) {
	nc := r.connect(t, append(seqd.ConnectOptions(), nats.ReconnectWait(20*time.Millisecond))...)
	js := jetStream(t, nc)
	ctx, cancel := context.WithCancel(context.Background())
	var publishing sync.WaitGroup
	publishing.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			msg := nats.NewMsg(fmt.Sprintf("orders.key%d.new", i%5))
			msg.Data = fmt.Appendf(nil, "payload %d", i)
			// One that is lost, or stored and not acknowledged, is none of this test's
			// business: what counts is what is in the source.
			if _, err := js.PublishMsgAsync(msg); err != nil {
				time.Sleep(10 * time.Millisecond)
			}
			if i%20 == 0 {
				time.Sleep(5 * time.Millisecond) // some 3000 a second
			}
		}
		// The server takes a connection's messages in their order: when it has this
		// one, no other comes later.
		for begin := time.Now(); time.Since(begin) < patience; {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			_, err := js.Publish(ctx, "orders.key0.last", nil)
			cancel()
			if err == nil {
				return
			}
		}
		t.Error("the last message was not stored")
	})
	stop = sync.OnceFunc(func() { cancel(); publishing.Wait() })
	t.Cleanup(stop)
	return stop
}
