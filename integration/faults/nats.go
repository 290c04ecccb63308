package faults

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/ports"
	"github.com/seqd-io/seqd/integration/servers"
)

// natsServer is a nats-server that callers and workers connect to.
type natsServer struct {
	*process
	addr    string
	monitor string    // host:port
	conf    *natsConf // nil: it has no file, and everybody may do everything
}

// startNATS starts the nats-servers and waits until they listen.
func (s *system) startNATS(t testing.TB, p plan) {
	t.Helper()
	ways := s.natsWays(t, p)
	for i, flags := range ways {
		name := fmt.Sprintf("nats%d", i)
		server := &natsServer{addr: ports.Free(t), monitor: ports.Free(t)}
		args := append([]string{"nats", "--name", name, "--port", port(server.addr), "--monitor", port(server.monitor)}, flags...)
		if i == 0 {
			server.conf = newNATSConf(t, s.dir, name, p)
		}
		if server.conf != nil {
			args = []string{"nats", "--config", server.conf.file}
			server.conf.leaves = valueOf("--leaf-port", flags)
		} else if p.natsAccount {
			args = append(args, "--leaf-creds", s.nats[0].conf.account.creds("leaf"))
		}
		server.process = newProcess(t, s.dir, name, s.bin.node, args...)
		if server.conf != nil {
			server.configure(t)
		}
		server.start(t)
		s.nats = append(s.nats, server)
	}
	for _, server := range s.nats {
		server.waitListening(t)
	}
}

// natsWays returns the flags by which each nats-server finds the others, past links
// that can be cut.
func (s *system) natsWays(t testing.TB, p plan) [][]string {
	flags := make([][]string, max(p.natsServers, 1))
	last := len(flags) - 1
	listens := func() (link, at string) {
		at = ports.Free(t)
		s.routes = append(s.routes, servers.StartProxy(t, at))
		return s.routes[len(s.routes)-1].Addr, port(at)
	}
	var all []string // how each is found
	for i := range flags {
		switch {
		case last == 0:
		case p.gateways:
			link, at := listens()
			all = append(all, fmt.Sprintf("cluster%d=%s", i, link))
			flags[i] = []string{"--gateway-port", at, "--gateway-advertise", link}
		case p.leaf:
			if i > 0 {
				flags[i] = []string{"--leaf-of", all[i-1]}
			}
			if i < last {
				link, at := listens()
				all = append(all, link)
				flags[i] = append(flags[i], "--leaf-port", at)
			}
		default:
			at := ports.Free(t)
			flags[i] = []string{"--cluster-port", port(at), "--routes", strings.Join(all, ","), fmt.Sprintf("--tell=%v", p.natsTell)}
			if i == 0 {
				s.routes = append(s.routes, servers.StartProxy(t, at))
				at = s.routes[0].Addr
			}
			all = append(all, at)
		}
	}
	for i := range flags {
		if p.gateways {
			flags[i] = append(flags[i], "--gateway", fmt.Sprintf("cluster%d", i), "--gateways", strings.Join(all, ","))
		}
	}
	return flags
}

// valueOf returns a flag's value, "" if it is not there.
func valueOf(flag string, args []string) string {
	if i := slices.Index(args, flag); i >= 0 {
		return args[i+1]
	}
	return ""
}

// url returns what a user connects to, whose password is its name.
func (n *natsServer) url(user string) string {
	if n.conf == nil || !n.conf.users {
		return "nats://" + n.addr
	}
	return "nats://" + user + ":" + user + "@" + n.addr
}

// connect returns a connection of a user's.
func (n *natsServer) connect(user string, options ...nats.Option) (*nats.Conn, error) {
	return nats.Connect(n.url(user), append(options, n.conf.options(user)...)...)
}

// reload writes the configuration anew and has the server read it.
func (n *natsServer) reload(t testing.TB) {
	t.Helper()
	n.configure(t)
	n.signal(t, syscall.SIGHUP)
}

// waitListening waits until the server takes connections.
func (n *natsServer) waitListening(t testing.TB) {
	t.Helper()
	eventually(t, pace.Patience, n.name+" listens", func() error {
		c, err := net.Dial("tcp", n.addr)
		if err == nil {
			c.Close()
		}
		return err
	})
}

// monitored reads what the server says of itself.
func (n *natsServer) monitored(path string, into any) error {
	client := http.Client{Timeout: time.Second}
	resp, err := client.Get("http://" + n.monitor + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(into)
}

// connections returns how many clients the server has.
func (n *natsServer) connections() (int, error) {
	var varz struct{ Connections int }
	err := n.monitored("/varz", &varz)
	return varz.Connections, err
}

// awaitConnections waits until the server has so many clients.
func (n *natsServer) awaitConnections(t testing.TB, want int) {
	t.Helper()
	eventually(t, pace.Patience, fmt.Sprintf("%s has %d clients", n.name, want), func() error {
		is, err := n.connections()
		if err == nil && is != want {
			err = fmt.Errorf("it has %d", is)
		}
		return err
	})
}

func port(hostport string) string {
	_, p, _ := net.SplitHostPort(hostport)
	return p
}
