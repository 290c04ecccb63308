// The program traces requests by nats-server's own means.
package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/clients/wild/nats-side/side"
)

const config = `
accounts {
  SEQD {
    users: [{ user: worker, password: w }]
    exports: [{ service: "seq.>"%s }]
    msg_trace: { dest: "traces" }
  }
  SHOP { users: [{ user: shop, password: s }], imports: [{ service: { account: SEQD, subject: "seq.>" } }] }
}`

// sampled is a header of W3C's trace context that asks to be recorded.
const sampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

var traceOnly = nats.Header{"Nats-Trace-Dest": {"traces"}, "Nats-Trace-Only": {"true"}}

func main() {
	withinAccount()
	throughImport("an import", "")
	throughImport("an import whose export has `allow_trace: true`", ", allow_trace: true")
}

// start returns a caller in the account of the workers, and one who imports.
func start(export string) (owner, shop *nats.Conn) {
	s := side.Start(fmt.Sprintf(config, export))
	side.StartWorker(s.ClientURL(), "--nats-user", "worker", "--nats-password", "w")
	return side.Connect(s, nats.UserInfo("worker", "w")), side.Connect(s, nats.UserInfo("shop", "s"))
}

// hears subscribes to traces.
func hears(nc *nats.Conn) *nats.Subscription {
	traces := side.Must(nc.SubscribeSync("traces"))
	side.Check(nc.Flush())
	return traces
}

func withinAccount() {
	owner, _ := start("")
	traces := hears(owner)
	answer := side.AskFor(owner, "seq.side.trace", side.Patience, nats.Header{"Nats-Trace-Dest": {"traces"}})
	side.Row("`Nats-Trace-Dest`", "ask with it in the account of the workers", fmt.Sprintf("`%s`, and a trace: %s", answer, events(traces)))
	answer = side.AskFor(owner, "seq.side.trace", side.Patience/20, traceOnly)
	side.Row("`Nats-Trace-Only`", "ask with it in the account of the workers", fmt.Sprintf("%s, and a trace: %s; no id is spent: the next one is `%s`",
		answer, events(traces), side.Ask(owner, "seq.side.trace")))
	answer = side.AskFor(owner, "seq.side.trace", side.Patience, nats.Header{"traceparent": {sampled}})
	side.Row("`traceparent` and an account's `msg_trace`", "ask with a sampled traceparent", fmt.Sprintf("`%s`, and a trace: %s", answer, events(traces)))
}

func throughImport(what, export string) {
	_, shop := start(export)
	traces := hears(shop)
	answer := side.AskFor(shop, "seq.side.trace", side.Patience/20, traceOnly)
	side.Row("`Nats-Trace-Only` through "+what, "ask with it in the account of a caller, while a worker serves", fmt.Sprintf("%s, and a trace: %s", answer, events(traces)))
}

// events returns what the next trace says of the request's way.
func events(traces *nats.Subscription) string {
	m := side.Must(traces.NextMsg(side.Patience))
	var trace server.MsgTraceEvent
	side.Check(json.Unmarshal(m.Data, &trace))
	var kinds []string
	for _, e := range trace.Events {
		kind := fmt.Sprintf("%T", e)
		kinds = append(kinds, strings.TrimPrefix(kind, "*server.MsgTrace"))
	}
	return strings.Join(kinds, ", ")
}
