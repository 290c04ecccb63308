package faults

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/seqd-io/seqd/integration/pace"
)

// clusterFaults are done to several nats-servers.
var clusterFaults = []fault{
	{
		name:    "nats-server lame duck",
		promise: "a planned stop loses no request of who is connected elsewhere: workers leave it before it closes their connection",
		plan:    plan{natsServers: 3, natsTell: true, workersTo: 1, callersFrom: 1},
		inject:  stopAsPlanned,
		shown:   func(f figures) error { return nil }, // the server says it
		limits:  limits{leased: "UNAVAILABLE", strongGap: 2 * time.Second, weakGap: 2 * time.Second, leasedGap: 2 * time.Second},
	},
	{
		name:    "NATS leaf node cut off",
		promise: "as when a route is cut: each side goes on with its own workers, and in the end with all",
		plan:    plan{natsServers: 2, leaf: true, workers: 4},
		inject:  cutRoute,
		shown:   func(f figures) error { return atLeast(f.failed(), 1, "requests that went across") },
		limits: limits{
			outcomes: "no answer, EXPIRED", leased: replaced, failedCalls: true,
			strongGap: 3 * time.Second, weakGap: 3 * time.Second, leasedGap: 4 * time.Second, normal: 3 * time.Second,
		},
	},
	{
		name:    "NATS permissions taken and given back",
		promise: "workers leave when they may not hear requests, or not answer, say why, and come back by themselves",
		plan:    plan{natsUsers: true},
		inject:  takePermissions,
		shown:   func(f figures) error { return atLeast(f.outcomes[noResponders], 20, "requests that nobody heard") },
		limits: limits{
			outcomes: "no answer, EXPIRED, UNAVAILABLE, no responders, not connected", failedCalls: true,
			strongGap: 15 * time.Second, weakGap: 15 * time.Second, leasedGap: 15 * time.Second, normal: 5 * time.Second, ambiguous: true,
		},
	},
	{
		name:    "callers that do not read",
		promise: "nats-server closes their connections; workers answer everybody else as before",
		inject:  askAndNotRead,
		shown:   func(figures) error { return nil }, // nats-server says it
		limits: limits{
			outcomes: "EXPIRED, UNAVAILABLE, BUSY", leased: replaced,
			strongGap: 3 * time.Second, weakGap: 3 * time.Second, leasedGap: 3 * time.Second, normal: 2 * time.Second, ambiguous: true,
		},
	},
}

// stopAsPlanned has the first nats-server stop as operators have one stop that is to
// be replaced, and starts it again.
func stopAsPlanned(r *run) {
	server := r.nats[0]
	back := r.putEtcdFarAway() // there are always requests with its workers
	for range 4 {
		server.signal(r, syscall.SIGUSR2)
		select {
		case <-server.exited:
		case <-time.After(pace.Patience):
			r.Fatal(errors.New("the lame duck does not end"))
		}
		r.checkf(server.said("lame duck mode"), "the fault does not show: the server was no lame duck")
		r.waitAll(pace.Patience, true)
		r.during(time.Second)
		server.start(r)
		server.waitListening(r)
		server.awaitRoutes(r, len(r.nats)-1)
		for _, w := range r.workers { // connect to it again
			if w.nats == server {
				w.terminate(r, 10*time.Second)
				r.startWorker(r, w)
				w.waitReady(r, pace.Patience)
			}
		}
	}
	back()
	r.notef("stopped 4 times, each time with all workers on it")
}

// awaitRoutes waits until the server reaches so many others.
func (n *natsServer) awaitRoutes(t testing.TB, want int) {
	t.Helper()
	eventually(t, pace.Patience, fmt.Sprintf("%s has routes to %d servers", n.name, want), func() error {
		var all struct {
			Routes []struct {
				Remote string `json:"remote_id"`
			} `json:"routes"`
		}
		if err := n.monitored("/routez", &all); err != nil {
			return err
		}
		remotes := map[string]bool{}
		for _, route := range all.Routes {
			remotes[route.Remote] = true
		}
		if len(remotes) < want {
			return fmt.Errorf("it has routes to %d", len(remotes))
		}
		return nil
	})
}

// takePermissions has nats-server read its configuration again, with less for
// workers and then with all of it.
func takePermissions(r *run) {
	server := r.nats[0]
	for _, permissions := range []string{`{subscribe: {deny: "seq.>"}}`, `{publish: {deny: "_INBOX.>"}}`} {
		end := r.losing()
		server.permit(r, permissions)
		left := r.waitAll(pace.Patience, false)
		r.during(2 * time.Second)
		server.permit(r, "")
		back := r.waitAll(pace.Patience, true)
		r.during(time.Second)
		end()
		r.notef("with %s workers left after %s, and were back after %s", permissions, seconds(left), seconds(back))
	}
	for _, w := range r.workers {
		r.checkf(w.said("allow this user to"), "%s does not say what to allow", w.name)
	}
}

// permit changes what workers may do; "" is everything.
func (n *natsServer) permit(t testing.TB, permissions string) {
	t.Helper()
	n.conf.permissions = permissions
	n.reload(t)
}

// deafCallers is how many connections ask and never read what comes.
const deafCallers = 4

// askAndNotRead has callers ask until nats-server has closed their connections. The
// answers are large, a thousand numbers each, so that this is soon. They ask for a key
// of their own, as nobody gets its ids.
func askAndNotRead(r *run) {
	const each = 1500
	closed := make(chan error, deafCallers)
	for range deafCallers {
		go func() { closed <- r.askDeafly(each) }()
	}
	for range deafCallers {
		if err := <-closed; err != nil {
			r.Error(err)
		}
	}
	slow, err := r.nats[0].slowConsumers()
	if err != nil {
		r.Error(err)
	}
	r.checkf(slow > 0, "the fault does not show: nats-server has seen no slow consumer")
	r.during(time.Second)
	r.notef("%d callers asked %d times or more; nats-server closed each of their connections", deafCallers, each)
}

// askDeafly sends requests over a connection of its own, and returns when it is
// closed.
func (r *run) askDeafly(requests int) error {
	c, err := net.Dial("tcp", r.nats[0].addr)
	if err != nil {
		return err
	}
	defer c.Close()
	const body = `{"n":1000,"mode":"weak"}`
	perRequest := fmt.Sprintf("PUB seq.bills.deaf _INBOX.deaf.x %d\r\n%s\r\n", len(body), body)
	if _, err := fmt.Fprint(c, `CONNECT {"verbose":false}`+"\r\nSUB _INBOX.deaf.* 1\r\n"); err != nil {
		return err
	}
	_ = c.(*net.TCPConn).SetReadBuffer(4096)
	for sent, begin := 0, time.Now(); time.Since(begin) < pace.Patience; sent++ {
		if err := c.SetWriteDeadline(time.Now().Add(pace.Patience)); err != nil {
			return err
		}
		if _, err := fmt.Fprint(c, perRequest); err != nil {
			return nil // it is closed
		}
		if sent > requests { // enough, unless some were refused
			r.during(5 * time.Millisecond)
		}
	}
	return errors.New("nats-server does not close a connection that nobody reads from")
}

// slowConsumers returns how many connections the server has closed for want of a
// reader.
func (n *natsServer) slowConsumers() (int, error) {
	var varz struct {
		SlowConsumers int `json:"slow_consumers"`
	}
	err := n.monitored("/varz", &varz)
	return varz.SlowConsumers, err
}
