// The program shows what an account's export is to seqd's callers, by its response
// type, and what latency tracking tells about them.
package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/clients/wild/nats-side/side"
)

// requests is how many are sent, to see what the server keeps of each.
const requests = 1000

func main() {
	for _, response := range []string{"Singleton", "Stream", "Chunked"} {
		responseType(response)
	}
	withLatency()
}

func accounts(export string) string {
	return `
accounts {
  SEQD { users: [{ user: worker, password: w }], exports: [{ service: "seq.>", ` + export + ` }] }
  SHOP { users: [{ user: shop, password: s }], imports: [{ service: { account: SEQD, subject: "seq.>" } }] }
}`
}

// started returns a server with such an export, a worker, and a caller who imports it.
func started(export string) (*server.Server, *side.Worker, *nats.Conn) {
	s := side.Start(accounts(export))
	worker := side.StartWorker(s.ClientURL(), "--nats-user", "worker", "--nats-password", "w")
	return s, worker, side.Connect(s, nats.UserInfo("shop", "s"))
}

func responseType(response string) {
	s, worker, shop := started("response_type: " + response)
	defer s.Shutdown()
	defer shop.Close()
	subject := "seq.side.imports." + strings.ToLower(response)
	ids := map[string]bool{}
	for range requests {
		ids[side.AskFor(shop, subject, side.Patience, nats.Header{"Seq-Mode": {"weak"}})] = true
	}
	account := side.Must(s.LookupAccount("SEQD"))
	kept := account.NumPendingAllResponses()
	failure := side.AskFor(shop, subject, side.Patience, nats.Header{"Seq-Count": {"0"}})
	worker.Stop()
	side.Row("import, `response_type: "+response+"`", fmt.Sprintf("ask %d times through it; then for 0 ids; then without a worker", requests),
		fmt.Sprintf("%d ids, and the server still keeps %d entries for answers; `%s`; %s", len(ids), kept, failure, side.Ask(shop, subject)))
}

func withLatency() {
	s, _, shop := started("latency: { sampling: 100%, subject: latency.seqd }")
	defer s.Shutdown()
	defer shop.Close()
	owner := side.Connect(s, nats.UserInfo("worker", "w"))
	defer owner.Close()
	told := side.Must(owner.SubscribeSync("latency.seqd"))
	var tokens atomic.Int32
	side.Must(owner.Subscribe("seq.>", func(m *nats.Msg) { tokens.Store(int32(strings.Count(m.Reply, ".") + 1)) }))
	side.Check(owner.Flush())
	side.Ask(shop, "seq.side.latency")
	well := status(told)
	side.AskFor(shop, "seq.side.latency", side.Patience, nats.Header{"Seq-Count": {"0"}})
	side.Row("export with `latency`", "ask for an id, then for 0 ids",
		fmt.Sprintf("status %d, then status %d too, although the answer was BAD_REQUEST; the worker sees a reply subject of %d tokens", well, status(told), tokens.Load()))
}

// status returns the status that is told of the next request.
func status(told *nats.Subscription) int {
	m := side.Must(told.NextMsg(5 * time.Second))
	var latency server.ServiceLatency
	side.Check(json.Unmarshal(m.Data, &latency))
	return latency.Status
}
