package faults

import (
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/subjects"
)

// silentFaults are done by somebody who may hear what workers hand over to each
// other, and says nothing.
var silentFaults = []fault{{
	name:    "worker SIGKILL, and somebody listens in its place",
	promise: "no word comes of what is handed over to it: after half a second for each message the others serve it, and ask it no more",
	inject:  listenForTheDead,
	shown:   func(f figures) error { return atLeast(f.during, 100, "requests") },
	limits: limits{
		outcomes: "no answer, EXPIRED", leased: replaced,
		strongGap: 3 * time.Second, weakGap: 2 * time.Second, leasedGap: withinLeases(shortLease) + time.Second, normal: 3 * time.Second,
	},
}}

// listenForTheDead kills the owner of a leased key. What the others hand over to it
// is heard, and nothing comes back: not even that there is nobody.
func listenForTheDead(r *run) {
	dead := r.owner(r, leasedKeys[0])
	nc, err := nats.Connect(r.nats[0].url("caller"))
	if err != nil {
		r.Fatal(err)
	}
	defer nc.Close()
	heard, err := nc.SubscribeSync(subjects.PeerRoot + "." + dead.id() + ".>")
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		r.Fatal(err)
	}
	before, _, _ := heard.Pending() // what the worker has heard, too
	end := r.losing()
	dead.kill()
	r.during(time.Second)
	end()
	r.during(5 * time.Second)
	after, _, _ := heard.Pending()
	r.checkf(after > before, "nothing was handed over to who listened")
	r.notef("%d messages between workers got no word", after-before)
	r.startWorker(r, dead)
	dead.waitReady(r, pace.Patience)
}
