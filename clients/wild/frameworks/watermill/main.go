// Command ids asks for ids in the only way that Watermill has.
package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	wmnats "github.com/ThreeDotsLabs/watermill-nats/v2/pkg/nats"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
)

func must[T any](v T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return v
}

func version(path string) string {
	info, _ := debug.ReadBuildInfo()
	for _, d := range info.Deps {
		if d.Path == path {
			return d.Version
		}
	}
	return "?"
}

func publisher(url string, disabled bool) *wmnats.Publisher {
	return must(wmnats.NewPublisher(wmnats.PublisherConfig{
		URL:       url,
		Marshaler: &wmnats.NATSMarshaler{},
		JetStream: wmnats.JetStreamConfig{Disabled: disabled},
	}, watermill.NopLogger{}))
}

func main() {
	url, subject := os.Getenv("NATS_URL"), os.Getenv("WILD_SUBJECT")
	fmt.Println("row: Watermill")
	fmt.Println("version:", version("github.com/ThreeDotsLabs/watermill"), "with watermill-nats", version("github.com/ThreeDotsLabs/watermill-nats/v2"))
	ask := func(p *wmnats.Publisher, subject, body string) error {
		return p.Publish(subject, message.NewMessage(watermill.NewUUID(), []byte(body)))
	}
	core := publisher(url, true)
	fmt.Printf("id: no: a message has no reply subject, so that none is answered; `Publish` returns `%v`\n", ask(core, subject, `{"n":3}`))
	fmt.Printf("error: not told: `Publish` returns `%v`\n", ask(core, subject, `{"n":0}`))
	fmt.Printf("nobody: not told: `Publish` returns `%v`\n", ask(core, "seq.nosuch.key", ""))

	nc := must(nats.Connect(url))
	defer nc.Close()
	next := func() string {
		must(0, core.Close()) // what it has published has arrived
		return string(must(nc.Request(subject, []byte("{}"), 2*time.Second)).Data)
	}
	fmt.Printf("note: the next id after that is `%s`\n", next())
	stream := publisher(url, false)
	fmt.Printf("note: with JetStream, `Publish` to the subject returns `%v`\n", ask(stream, subject, `{"n":3}`))
	must(0, stream.Close())
	fmt.Printf("note: the next id after that is `%s`: never publish to seqd's subjects by JetStream\n", must(nc.Request(subject, []byte("{}"), 2*time.Second)).Data)
	fmt.Println("note: ask by the connection of nats.go that a publisher may be given (`NewPublisherWithNatsConn`), or by [our client](../go/README.md)")
}
