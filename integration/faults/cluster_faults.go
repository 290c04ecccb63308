package faults

import (
	"errors"
	"syscall"
	"time"

	"github.com/seqd-io/seqd/integration/pace"
)

// clusterFaults are done to several nats-servers.
var clusterFaults = []fault{
	{
		name:    "nats-server lame duck",
		promise: "a planned stop loses no request of who is connected elsewhere: workers leave it before it closes their connection",
		plan:    plan{natsServers: 3, natsTell: true, workers: 4, callersFrom: 1},
		inject:  stopAsPlanned,
		shown:   func(f figures) error { return nil }, // the server says it
		limits:  limits{strongGap: 2 * time.Second, weakGap: 2 * time.Second, leasedGap: 2 * time.Second},
	},
}

// stopAsPlanned has the first nats-server stop as operators have one stop that is to
// be replaced, and starts it again.
func stopAsPlanned(r *run) {
	server := r.nats[0]
	back := r.putEtcdFarAway() // there are always requests with its workers
	for range 2 {
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
		for _, w := range r.workers { // connect to it again
			if w.nats == server {
				w.terminate(r, 10*time.Second)
				r.startWorker(r, w)
				w.waitReady(r, pace.Patience)
			}
		}
	}
	back()
	r.notef("stopped twice, with workers on it")
}
