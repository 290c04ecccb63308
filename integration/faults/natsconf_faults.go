package faults

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/ports"
)

// natsConfFaults change a nats-server's configuration and certificates, and give it
// a stream that captures requests.
var natsConfFaults = []fault{
	{
		name:    "NATS restarted with other settings",
		promise: "workers and callers come back by themselves; who asks for more than fits is told so, slow callers are closed sooner, and where headers are not supported workers do not serve, and say why",
		plan:    plan{natsConfig: "# as before\n"},
		inject:  restartOtherwise,
		shown:   func(f figures) error { return atLeast(f.outcomes[notConnected], 20, "requests while not connected") },
		limits: limits{
			outcomes: "no answer, not connected, no responders, EXPIRED, UNAVAILABLE", leased: replaced, failedCalls: true,
			strongGap: 15 * time.Second, weakGap: 15 * time.Second, leasedGap: 15 * time.Second, normal: 4 * time.Second, ambiguous: true,
		},
	},
	{
		name:    "NATS certificates expired, and replaced",
		promise: "new ones are taken with the next connection; with an expired one, its own or the server's, a worker is out, says it, and comes back when it is replaced",
		plan:    plan{natsTLS: true, natsLinks: true},
		inject:  expireNATS,
		shown:   func(f figures) error { return atLeast(f.outcomes[noResponders], 20, "requests that nobody heard") },
		limits: limits{
			outcomes: "no answer, no responders, EXPIRED, UNAVAILABLE", leased: replaced, failedCalls: true,
			strongGap: 15 * time.Second, weakGap: 15 * time.Second, leasedGap: 15 * time.Second, normal: 4 * time.Second, ambiguous: true,
		},
	},
	{
		name:    "a stream captures requests",
		promise: "JetStream answers before workers do; the Go client takes its answer for nothing, and no id comes twice",
		plan:    plan{jetStream: true},
		inject:  captureRequests,
		shown:   func(f figures) error { return atLeast(f.outcomes[fromJetStream], 20, "answers of JetStream's") },
		limits: limits{
			outcomes: fromJetStream + ", EXPIRED", leased: replaced,
			strongGap: 10 * time.Second, weakGap: 10 * time.Second, leasedGap: 10 * time.Second, normal: 3 * time.Second,
		},
	},
}

// restartOtherwise restarts the server with other settings, one after the other.
func restartOtherwise(r *run) {
	end := r.losing()
	r.restartWith("max_payload: 1024\n")
	back := r.waitAll(pace.Patience, true)
	r.during(time.Second)
	nc, err := r.nats[0].connect("caller")
	if err != nil {
		r.Fatal(err)
	}
	defer nc.Close()
	err = askForMuch(nc)
	r.checkf(err != errFits, "the fault does not show: a thousand numbers fit into 1024 bytes")
	r.notef("with max_payload 1024 workers were back after %s, and a thousand numbers were refused: %v", seconds(back), err)

	r.restartWith(fmt.Sprintf("server_name: other\ncluster {name: other, listen: %q}\n", ports.Free(r)))
	back = r.waitAll(pace.Patience, true)
	r.during(time.Second)
	r.notef("with the name of another cluster they were back after %s", seconds(back))

	r.restartWith("write_deadline: \"20ms\"\n")
	back = r.waitAll(pace.Patience, true)
	askAndNotRead(r)
	r.notef("with write_deadline 20ms they were back after %s", seconds(back))

	r.restartWith("no_header_support: true\n")
	r.awaitWord("no headers", "take no_header_support out of nats-server's configuration")
	r.during(2 * time.Second)
	for _, w := range r.workers {
		serving, state := w.state()
		r.checkf(!serving, "without headers %s is %s", w.name, state)
	}
	r.restartWith("")
	back = r.waitAll(pace.Patience, true)
	r.during(time.Second)
	end()
	r.notef("without headers none served; with them they were back after %s", seconds(back))
}

// restartWith starts the server again with more in its configuration.
func (r *run) restartWith(more string) {
	server := r.nats[0]
	server.kill()
	server.conf.more = more
	server.configure(r)
	server.start(r)
	server.waitListening(r)
}

// expireNATS replaces certificates, by good ones and by expired ones, and has each
// worker connect again.
func expireNATS(r *run) {
	server := r.nats[0]
	end := r.losing()
	server.conf.tls.renew(r)
	server.reload(r)
	for _, w := range r.workers {
		w.reconnect()
		w.waitState(r, pace.Patience, true)
		r.during(300 * time.Millisecond)
	}
	for _, c := range []struct{ name, whose, says string }{
		{"worker", "their own", "expired certificate"},
		{"nats", "the server's", "certificate has expired or is not yet valid"},
	} {
		server.conf.tls.expire(r, c.name)
		server.reload(r)
		r.tearing()
		for _, w := range r.workers {
			w.reconnect()
		}
		r.awaitWord(c.whose+" certificate expired", c.says)
		r.during(2 * time.Second)
		server.conf.tls.renew(r)
		server.reload(r)
		back := r.waitAll(pace.Patience, true)
		r.during(time.Second)
		r.notef("with %s expired, workers were back %s after a new one", c.whose, seconds(back))
	}
	end()
}

// reconnect has the worker connect to NATS again.
func (w *worker) reconnect() {
	w.natsLink.Cut()
	w.natsLink.Heal()
}

// captureRequests has a stream capture all requests for a while.
func captureRequests(r *run) {
	nc, err := r.nats[0].connect("caller")
	if err != nil {
		r.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		r.Fatal(err)
	}
	config := jetstream.StreamConfig{Name: "ALL", Subjects: []string{"seq.>"}, Storage: jetstream.MemoryStorage, MaxMsgs: 1000}
	if _, err := js.CreateStream(r.Context(), config); err != nil {
		r.Fatal(err)
	}
	r.during(6 * time.Second)
	if err := js.DeleteStream(r.Context(), config.Name); err != nil {
		r.Fatal(err)
	}
	r.during(500 * time.Millisecond)
}
