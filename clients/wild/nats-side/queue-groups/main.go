// The program shows which workers answer whom, over a leaf node, over a leaf node with
// imports, and over a gateway.
package main

import (
	"fmt"
	"strconv"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/clients/wild/nats-side/side"
)

func main() {
	leaf()
	importedAtLeaf()
	importedAtHub()
	gateway()
}

func leaf() {
	hub := side.Start(`server_name: hub, leafnodes { listen: 127.0.0.1:-1 }`)
	defer hub.Shutdown()
	leaf := side.Start(fmt.Sprintf(`server_name: leaf, leafnodes { remotes: [{ url: "nats-leaf://%s" }] }`, leafAddr(hub)))
	defer leaf.Shutdown()
	joined(hub)
	sides("leaf node", "at the hub", hub, "at the leaf", leaf, "seq.side.leaf")
}

// importedAtLeaf has the leaf's callers in an account that imports what the account of
// the workers exports, which is bound to the hub.
func importedAtLeaf() {
	hub := side.Start(`server_name: hub, leafnodes { listen: 127.0.0.1:-1 }`)
	defer hub.Shutdown()
	leaf := side.Start(fmt.Sprintf(`
server_name: leaf
leafnodes { remotes: [{ url: "nats-leaf://%s", account: SEQD }] }
accounts {
  SEQD { exports: [{ service: "seq.>" }] }
  SHOP { users: [{ user: shop, password: s }], imports: [{ service: { account: SEQD, subject: "seq.>" } }] }
}`, leafAddr(hub)))
	defer leaf.Shutdown()
	joined(hub)
	throughImport("leaf node, import at the leaf", side.Connect(leaf, nats.UserInfo("shop", "s")), side.StartWorker(hub.ClientURL()), "seq.side.atleaf")
}

// importedAtHub has the whole leaf in an account of the hub that imports.
func importedAtHub() {
	hub := side.Start(`
server_name: hub
leafnodes { listen: 127.0.0.1:-1, authorization { users: [{ user: leaf, password: l, account: SHOP }] } }
accounts {
  SEQD { users: [{ user: worker, password: w }], exports: [{ service: "seq.>" }] }
  SHOP { imports: [{ service: { account: SEQD, subject: "seq.>" } }] }
}`)
	defer hub.Shutdown()
	leaf := side.Start(fmt.Sprintf(`server_name: leaf, leafnodes { remotes: [{ url: "nats-leaf://leaf:l@%s" }] }`, leafAddr(hub)))
	defer leaf.Shutdown()
	joined(hub)
	throughImport("leaf node, import at the hub", side.Connect(leaf), side.StartWorker(hub.ClientURL(), "--nats-user", "worker", "--nats-password", "w"), "seq.side.athub")
}

func throughImport(name string, shop *nats.Conn, worker *side.Worker, subject string) {
	defer shop.Close()
	first := ""
	side.Until("the worker is heard", func() bool { first = side.Ask(shop, subject); return first == "1" })
	worker.Stop()
	last := side.Ask(shop, subject)
	side.Row(name, "ask at the leaf while the hub has a worker, and when it has none", fmt.Sprintf("`%s`; then %s", first, last))
}

func gateway() {
	west := side.Start(`server_name: west, gateway { name: WEST, listen: 127.0.0.1:-1 }`)
	defer west.Shutdown()
	east := side.Start(fmt.Sprintf(`server_name: east, gateway { name: EAST, listen: 127.0.0.1:-1, gateways: [{ name: WEST, url: "nats://%s" }] }`, west.GatewayAddr()))
	defer east.Shutdown()
	side.Until("the clusters know each other", func() bool { return west.NumOutboundGateways() == 1 && east.NumOutboundGateways() == 1 })
	sides("gateway", "in one cluster", west, "in the other", east, "seq.side.gateway")
}

// sides has callers and workers at two servers, and takes the workers away.
func sides(name, here string, a *server.Server, there string, b *server.Server, subject string) {
	callers := []*nats.Conn{side.Connect(a), side.Connect(b)}
	defer callers[0].Close()
	defer callers[1].Close()
	workers := []*side.Worker{side.StartWorker(a.ClientURL()), side.StartWorker(b.ClientURL())}
	for i, nc := range callers {
		side.Until("the worker is heard", func() bool { return side.Ask(nc, fmt.Sprintf("%s.first%d", subject, i)) != "no responders" })
	}
	for i, where := range []string{here, there} {
		before := []int{workers[0].Answered(), workers[1].Answered()}
		for range 200 {
			side.Ask(callers[i], subject)
		}
		side.Row(name, "ask 200 times "+where+", where either side has a worker", fmt.Sprintf("the worker there answers %d, the other %d",
			workers[i].Answered()-before[i], workers[1-i].Answered()-before[1-i]))
	}
	workers[1].Stop()
	ids := 0
	for range 200 {
		if _, err := strconv.Atoi(side.Ask(callers[1], subject)); err == nil {
			ids++
		}
	}
	side.Row(name, "stop the worker "+there+", and ask there 200 times at once", fmt.Sprintf("%d ids", ids))
	workers[0].Stop()
	last := ""
	side.Until("nobody serves", func() bool {
		last = side.Ask(callers[1], subject)
		return last == "no responders" || last == "no answer"
	})
	side.Row(name, "stop the other worker, too, and ask "+there, last)
}

func leafAddr(s *server.Server) string {
	varz := side.Must(s.Varz(nil))
	return fmt.Sprintf("127.0.0.1:%d", varz.LeafNode.Port)
}

func joined(hub *server.Server) {
	side.Until("the leaf has joined", func() bool { return hub.NumLeafNodes() == 1 })
}
