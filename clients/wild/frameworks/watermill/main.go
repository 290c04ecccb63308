// Command ids asks for ids in the only way that Watermill has.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
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

// [write]

// publisherOf returns a publisher of Watermill; the connection asks for ids beside it.
func publisherOf(nc *nats.Conn) *wmnats.Publisher {
	return must(wmnats.NewPublisherWithNatsConn(nc, wmnats.PublisherPublishConfig{
		Marshaler:         &wmnats.NATSMarshaler{},
		SubjectCalculator: wmnats.DefaultSubjectCalculator,
		JetStream:         wmnats.JetStreamConfig{Disabled: true},
	}, watermill.NopLogger{}))
}

func first(nc *nats.Conn, subject string, n int) (int64, error) {
	reply, err := nc.RequestMsg(&nats.Msg{Subject: subject, Header: nats.Header{
		"Accept": {"text/plain"}, "Seq-Count": {strconv.Itoa(n)},
	}}, 2*time.Second)
	if err != nil {
		return 0, err
	}
	if why := reply.Header.Get("Nats-Service-Error"); why != "" {
		return 0, errors.New(why)
	}
	id, _, _ := strings.Cut(string(reply.Data), " ")
	return strconv.ParseInt(id, 10, 64)
}

// [/write]

// numbered publishes a message whose id came over the same connection.
func numbered(nc *nats.Conn, subject string) int64 {
	id := must(first(nc, subject, 1))
	must(0, publisherOf(nc).Publish("orders", message.NewMessage(strconv.FormatInt(id, 10), nil)))
	return id
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
	fmt.Printf("note: by the connection of nats.go that a publisher may be given, as below: `%d`\n", numbered(nc, subject))
}
