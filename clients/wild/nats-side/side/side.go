// Package side is what the programs of the NATS side share: nats-servers in this process,
// workers that are processes of their own, and callers. Whatever does not work out
// ends the program, as there is nothing to be seen then.
package side

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Patience is how long is waited for what must come.
const Patience = time.Minute

// Check ends the program if there is an error.
func Check(err error) { Must(0, err) }

// Must returns a value, or ends the program.
func Must[T any](v T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		panic(err)
	}
	return v
}

// Row prints a row of the page.
func Row(name, done, seen string) {
	fmt.Printf("row: %s\nversion: nats-server %s\ndone: %s\nseen: %s\n", name, server.VERSION, done, seen)
}

// Start starts a nats-server with a configuration in nats-server's own language, and
// a free port for clients.
func Start(config string) *server.Server {
	file := Must(os.CreateTemp("", "nats-side-*.conf"))
	defer os.Remove(file.Name())
	Must(file.WriteString("listen: 127.0.0.1:-1\n" + config))
	Check(file.Close())
	options := Must(server.ProcessConfigFile(file.Name()))
	options.NoSigs, options.NoLog = true, true
	s := Must(server.NewServer(options))
	s.Start()
	if !s.ReadyForConnections(Patience) {
		Check(errors.New("nats-server is not ready"))
	}
	return s
}

// Connect returns a caller's connection, until the program's end.
func Connect(s *server.Server, options ...nats.Option) *nats.Conn {
	return Must(nats.Connect(s.ClientURL(), options...))
}

// Ask returns the answer to a request for one STRONG id, or what there was instead.
func Ask(nc *nats.Conn, subject string) string {
	return AskFor(nc, subject, 5*time.Second, nats.Header{})
}

// AskFor is Ask with headers besides and a patience.
func AskFor(nc *nats.Conn, subject string, patience time.Duration, header nats.Header) string {
	header.Set("Accept", "text/plain")
	if header.Get("Seq-Mode") == "" {
		header.Set("Seq-Mode", "strong")
	}
	reply, err := nc.RequestMsg(&nats.Msg{Subject: subject, Header: header}, patience)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return "no responders"
	case errors.Is(err, nats.ErrTimeout):
		return "no answer"
	case err != nil:
		return err.Error()
	}
	return string(reply.Data)
}

// Until waits for what must become true. What it waits for is asked of other processes,
// which have no event for it.
func Until(what string, true func() bool) {
	for deadline := time.Now().Add(Patience); !true(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			Check(fmt.Errorf("not within %v: %s", Patience, what))
		}
	}
}
