package faults

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/subjects"
)

// accountFaults change what an account's claims say, and have nats-server read its
// configuration again.
var accountFaults = []fault{
	{
		name:    "NATS user revoked, signing key removed, account's limits lowered",
		promise: "workers leave, say what it is that NATS refuses, and come back by themselves when it is mended",
		plan:    plan{natsAccount: true},
		inject:  changeAccount,
		shown:   func(f figures) error { return atLeast(f.outcomes[noResponders], 20, "requests that nobody heard") },
		limits: limits{
			outcomes: "no answer, EXPIRED, UNAVAILABLE, no responders", failedCalls: true,
			strongGap: 15 * time.Second, weakGap: 15 * time.Second, leasedGap: 15 * time.Second, normal: 5 * time.Second, ambiguous: true,
		},
	},
	{
		name:    "NATS account takes no leaf node",
		promise: "as when a leaf node is cut off: each side goes on with its own workers, and in the end with all",
		plan:    plan{natsServers: 2, leaf: true, natsAccount: true, workers: 4},
		inject:  refuseLeaf,
		shown:   func(figures) error { return nil }, // nats-server says it
		limits:  sidesCut,
	},
	{
		name:    "NATS account's payload lowered",
		promise: "a worker whose answer is too large is cut off once, and then knows the limit: smaller answers come as before",
		plan:    plan{natsAccount: true},
		inject:  lowerPayload,
		shown:   func(figures) error { return nil }, // the workers say it
		limits: limits{
			outcomes: "no answer, EXPIRED, UNAVAILABLE, no responders", leased: replaced, failedCalls: true,
			strongGap: 8 * time.Second, weakGap: 8 * time.Second, leasedGap: 8 * time.Second, normal: 5 * time.Second, ambiguous: true,
		},
	},
}

// refusal is a way for an account to refuse workers.
type refusal struct {
	what       string
	take, give func(*run, *account)
	says       string // in a worker's log
}

var refusalsOfAccounts = []refusal{
	{
		what: "the user revoked",
		take: func(r *run, a *account) { a.claims.RevokeAt(a.users["worker"], time.Now()) },
		give: func(r *run, a *account) { a.issue(r, "worker") },
		says: "put new ones into the file",
	},
	{
		what: "the signing key removed",
		take: func(r *run, a *account) { a.trust(r, "worker", false) },
		give: func(r *run, a *account) { a.trust(r, "worker", true) },
		says: "NATS does not take this user",
	},
	{
		what: "too few connections",
		take: func(r *run, a *account) {
			clients, err := r.nats[0].connections()
			if err != nil {
				r.Fatal(err)
			}
			a.claims.Limits.Conn = int64(clients - len(r.workers)) // the callers', which are older
		},
		give: func(r *run, a *account) { a.claims.Limits.Conn = jwt.NoLimit },
		says: "NATS takes no more connections",
	},
	{
		what: "too few subscriptions",
		take: func(r *run, a *account) { a.claims.Limits.Subs = 8 }, // a caller has fewer
		give: func(r *run, a *account) { a.claims.Limits.Subs = jwt.NoLimit },
		says: "raise max_subscriptions of nats-server, or of the user's account",
	},
}

func changeAccount(r *run) {
	server := r.nats[0]
	for _, c := range refusalsOfAccounts {
		end := r.losing()
		r.tearing()
		c.take(r, server.conf.account)
		server.reload(r)
		left := r.waitAll(pace.Patience, false)
		r.awaitWord(c.what, c.says)
		r.during(2 * time.Second)
		for _, w := range r.workers {
			serving, state := w.state()
			r.checkf(!serving, "with %s %s is %s", c.what, w.name, state)
		}
		c.give(r, server.conf.account)
		server.reload(r)
		back := r.waitAll(pace.Patience, true)
		r.during(time.Second)
		end()
		r.notef("with %s workers left after %s, and were back after %s", c.what, seconds(left), seconds(back))
	}
}

// lowerPayload has an account take small messages only, while a caller asks for more
// numbers than fit into one.
func lowerPayload(r *run) {
	server := r.nats[0]
	nc, err := server.connect("caller")
	if err != nil {
		r.Fatal(err)
	}
	defer nc.Close()
	end := r.losing()
	r.tearing()
	server.conf.account.claims.Limits.Payload = 2048
	server.reload(r)
	eventually(r, pace.Patience, "each worker has answered with more than it may", func() error {
		got := askForMuch(nc)
		for _, w := range r.workers {
			if !w.said("NATS has ended the connection; opening another one") {
				return fmt.Errorf("%s has not: %w", w.name, got)
			}
		}
		return nil
	})
	r.waitAll(pace.Patience, true)
	cut := 0
	for _, w := range r.workers {
		cut += w.count("NATS has ended the connection")
	}
	for range 30 {
		askForMuch(nc)
	}
	again := -cut
	for _, w := range r.workers {
		again += w.count("NATS has ended the connection")
	}
	r.checkf(again == 0, "workers that knew the limit were cut off %d times for what they answered", again)
	server.conf.account.claims.Limits.Payload = jwt.NoLimit
	server.reload(r)
	r.during(time.Second)
	end()
	r.notef("workers were cut off %d times, and then never again", cut)
}

// askForMuch asks for as many numbers as there are in an answer at most.
func askForMuch(nc *nats.Conn) error {
	request := subjects.Request{N: subjects.MaxNumbers, Mode: subjects.Weak}
	m, err := nc.Request(subjects.Subject(subjects.Root, billKeys[0].Store, "much"), request.Append(nil), 300*time.Millisecond)
	if err != nil {
		return err
	}
	if _, err := subjects.DecodeReply(m.Header, m.Data); err != nil {
		return err
	}
	return errFits
}

var errFits = errors.New("it fits")

// refuseLeaf has an account take no leaf node any more, which a leaf node hears when
// it connects again.
func refuseLeaf(r *run) {
	server := r.nats[0]
	end := r.losing()
	r.tearing()
	server.conf.account.claims.Limits.LeafNodeConn = 0
	server.reload(r)
	eventually(r, pace.Patience, "the leaf node is refused", func() error {
		if server.said("maximum account active connections exceeded") {
			return nil
		}
		r.routes[0].Cut()
		r.routes[0].Heal()
		return fmt.Errorf("%s has not said so", server.name)
	})
	r.during(5 * time.Second)
	leaves, err := server.leaves()
	r.checkf(err == nil && leaves == 0, "the account has %d leaf nodes although it may have none: %v", leaves, err)
	server.conf.account.claims.Limits.LeafNodeConn = jwt.NoLimit
	server.reload(r)
	begin := time.Now()
	eventually(r, pace.Patience, "the leaf node is back", func() error {
		if leaves, err = server.leaves(); err == nil && leaves == 0 {
			err = errors.New("it is not")
		}
		return err
	})
	back := time.Since(begin)
	r.during(2 * time.Second)
	end()
	r.notef("the leaf node was back after %s", seconds(back))
}

// leaves returns how many leaf nodes the server has.
func (n *natsServer) leaves() (int, error) {
	var varz struct {
		LeafNodes int `json:"leafnodes"`
	}
	err := n.monitored("/varz", &varz)
	return varz.LeafNodes, err
}
