package servers

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// StartNATSWith starts a nats-server with a configuration file, on a free port
// in place of the one it names, and with what change has changed.
func StartNATSWith(t testing.TB, file string, change func(*server.Options)) *NATS {
	t.Helper()
	options, err := server.ProcessConfigFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return StartNATS(t, func(o *server.Options) {
		host, port := o.Host, o.Port
		*o = *options
		o.Host, o.Port, o.NoSigs, o.NoLog = host, port, true, true
		if change != nil {
			change(o)
		}
	})
}

// Restart stops the server and starts it again, on its old port, with options
// that change has changed.
func (n *NATS) Restart(t testing.TB, change func(*server.Options)) {
	t.Helper()
	n.Stop()
	change(&n.options)
	n.Start(t)
}
