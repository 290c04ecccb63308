package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// The stores that are served; nosuch is not. STRONG is the default, so that ids are the
// same in every run.
const stores = `stores:
  wild: {mode: strong}
  big:  {mode: strong, bigger_than: 9007199254740992} # ids from 2^53+1
  wide: {mode: strong, bigger_than: 4294967300}       # ids from 2^32+5
  text: {mode: strong, bigger_than: 12345677}         # ids that are 8 bytes as text
`

var ready = regexp.MustCompile(`^ready nats=(\S+) etcd=(\S+) `)

// Servers are a seqd dev with fresh data, and beside it a nats-server that also speaks
// websocket and MQTT, which seqd dev does not, with a worker of its own on the same etcd.
type servers struct {
	dir      string
	edge     *server.Server
	started  []*exec.Cmd
	nats, ws string
	etcd     string
	mqtt     string
	edgeURL  string
	program  string
}

// start returns servers that the caller must stop, also after an error.
func start(ctx context.Context) (s *servers, err error) {
	s = &servers{}
	if s.dir, err = os.MkdirTemp("", "seqd-wild-"); err != nil {
		return s, err
	}
	s.program = filepath.Join(s.dir, "seqd")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", s.program, "github.com/seqd-io/seqd/cmd/seqd").CombinedOutput(); err != nil {
		return s, fmt.Errorf("build seqd: %w\n%s", err, out)
	}
	config := filepath.Join(s.dir, "seqd.yaml")
	if err := os.WriteFile(config, []byte(stores), 0o600); err != nil {
		return s, err
	}
	line, err := s.seqd("dev", "--config", config, "--data-dir", filepath.Join(s.dir, "data"),
		"--nats-port", "0", "--etcd-port", "0", "--http-port", "0")
	if err != nil {
		return s, err
	}
	found := ready.FindStringSubmatch(line)
	if found == nil {
		return s, fmt.Errorf("seqd dev printed %q", line)
	}
	s.nats, s.etcd = found[1], found[2]
	if err := s.startEdge(); err != nil {
		return s, fmt.Errorf("start a nats-server with websocket and MQTT: %w", err)
	}
	if _, err := s.seqd("worker", "--config", config, "--nats-url", s.edgeURL, "--etcd-endpoints", found[2], "--http-addr", "none", "--log-level", "warn"); err != nil {
		return s, err
	}
	return s, s.served(ctx)
}

func (s *servers) startEdge() (err error) {
	options := &server.Options{
		ServerName: "edge", Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: filepath.Join(s.dir, "edge"),
		Websocket: server.WebsocketOpts{Host: "127.0.0.1", Port: -1, NoTLS: true},
		MQTT:      server.MQTTOpts{Host: "127.0.0.1", Port: -1},
	}
	if s.edge, err = server.NewServer(options); err != nil {
		return err
	}
	s.edge.Start()
	if !s.edge.ReadyForConnections(30 * time.Second) {
		return errors.New("it was not ready within 30 s")
	}
	s.edgeURL = s.edge.ClientURL()
	s.ws = fmt.Sprintf("ws://127.0.0.1:%d", options.Websocket.Port)
	s.mqtt = fmt.Sprintf("mqtt://127.0.0.1:%d", options.MQTT.Port)
	return nil
}

// seqd starts the program. For dev it waits for the line that says it is ready.
func (s *servers) seqd(args ...string) (line string, err error) {
	var stderr bytes.Buffer
	cmd := exec.Command(s.program, args...)
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+filepath.Join(s.dir, "state"))
	cmd.Stderr = io.MultiWriter(os.Stderr, &stderr)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	s.started = append(s.started, cmd)
	if args[0] != "dev" {
		return "", nil
	}
	line, err = bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("seqd dev ended: %w\n%s", errors.Join(err, cmd.Wait()), &stderr)
	}
	return line, nil
}

// served waits for the worker on the edge.
func (s *servers) served(ctx context.Context) error {
	nc, err := nats.Connect(s.edgeURL)
	if err != nil {
		return err
	}
	defer nc.Close()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		_, err := nc.RequestWithContext(ctx, "seq.wild.edge", nil)
		if !errors.Is(err, nats.ErrNoResponders) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no worker beside seqd dev: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// env returns what rows read.
func (s *servers) env() ([]string, error) {
	here, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	return []string{
		"WILD_ROWS=" + filepath.Join(here, "rows.bash"), "WILD_REPO=" + filepath.Join(here, "..", ".."),
		"NATS_URL=" + s.nats, "WILD_ETCD_URL=" + s.etcd, "WILD_EDGE_URL=" + s.edgeURL, "WILD_WS_URL=" + s.ws, "WILD_MQTT_URL=" + s.mqtt,
		"WILD_SEQD=" + s.program,
	}, nil
}

func (s *servers) stop() {
	for _, cmd := range s.started {
		_ = cmd.Process.Kill() // nothing of it is kept
		_ = cmd.Wait()
	}
	if s.edge != nil {
		s.edge.Shutdown()
		s.edge.WaitForShutdown()
	}
	_ = os.RemoveAll(s.dir)
}
