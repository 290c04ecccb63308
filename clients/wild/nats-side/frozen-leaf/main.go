// The program freezes the link of a leaf node between two workers.
package main

import (
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/clients/wild/nats-side/side"
)

// handover is how long a worker waits for another to whom it has handed a request over.
const handover = 250 * time.Millisecond

const subject = "seq.side.frozen"

func main() {
	hub := side.Start(`server_name: hub, ping_interval: 1s, ping_max: 2, leafnodes { listen: 127.0.0.1:-1 }`)
	defer hub.Shutdown()
	link := start(fmt.Sprintf("127.0.0.1:%d", side.Must(hub.Varz(nil)).LeafNode.Port))
	leaf := side.Start(fmt.Sprintf(`server_name: leaf, ping_interval: 1s, ping_max: 2, leafnodes { remotes: [{ url: "nats-leaf://%s" }] }`, link.Addr()))
	defer leaf.Shutdown()
	side.Until("the leaf has joined", func() bool { return hub.NumLeafNodes() == 1 })
	callers := []*nats.Conn{side.Connect(hub), side.Connect(leaf)}
	defer callers[0].Close()
	defer callers[1].Close()
	side.StartWorker(hub.ClientURL())
	side.StartWorker(leaf.ClientURL())
	// Both have to have met the key, or they would not know of each other.
	ask(callers, 4)
	side.Row("leaf link", "ask at the hub and at the leaf in turn, for one STRONG key", times(ask(callers, 20)))
	link.freeze()
	side.Row("leaf link that hangs", "the same, while nothing comes through the link", times(ask(callers, 4)))
	side.Until("answers are fast again", func() bool { return ask(callers, 4) < handover })
	side.Row("leaf link that hung", "the same, after `ping_interval: 1s` and `ping_max: 2` have closed it", times(ask(callers, 20)))
}

// ask asks at each side in turn, and returns the time that half of the answers took no
// longer than: one answer may be late because the machine is busy.
func ask(callers []*nats.Conn, rounds int) time.Duration {
	var took []time.Duration
	for i := range 2 * rounds {
		began := time.Now()
		if answer := side.Ask(callers[i%2], subject); answer == "no answer" || answer == "no responders" {
			side.Check(fmt.Errorf("ask for %s: %s", subject, answer))
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[len(took)/2]
}

func times(median time.Duration) string {
	if median < handover {
		return "answers come within less than 250 ms"
	}
	return "answers take 250 ms and more: the worker that lost the race hands the request to the other one, and hears nothing"
}

// A link passes bytes on until it is frozen. Its connections stay open.
type link struct {
	net.Listener
	target string
	pass   sync.RWMutex // held for writing while it is frozen
}

func start(target string) *link {
	l := &link{Listener: side.Must(net.Listen("tcp", "127.0.0.1:0")), target: target}
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", l.target)
			if err != nil {
				from.Close()
				continue
			}
			go l.copy(from, to)
			go l.copy(to, from)
		}
	}()
	return l
}

func (l *link) freeze() { l.pass.Lock() }

func (l *link) copy(to io.WriteCloser, from io.Reader) {
	defer to.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		l.pass.RLock()
		_, failed := to.Write(buffer[:n])
		l.pass.RUnlock()
		if err != nil || failed != nil {
			return
		}
	}
}
