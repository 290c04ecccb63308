//go:build !lean

package main

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/integration/servers"
)

// A worker that is stopped sends the spans that wait: the collector's address is
// in the environment of one worker, and in the file of another.
func TestSpansAreSentBeforeTheEnd(t *testing.T) {
	server, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	nc := server.Connect(t)
	run := func(t *testing.T, env, args []string) {
		collector := servers.StartCollector(t)
		for i := range env {
			env[i] = strings.ReplaceAll(env[i], "COLLECTOR", collector.URL)
		}
		file := filepath.Join(t.TempDir(), "seqd.yaml")
		if err := os.WriteFile(file, []byte("tracing: {otlp_endpoint: "+collector.URL+"}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "FILE", file)
		}
		env = append(env, "NATS_URL="+server.URL, "SEQD_ETCD_ENDPOINTS="+db.Endpoint, "SEQD_HTTP_ADDR=none", "OTEL_BSP_SCHEDULE_DELAY=600000")
		p := start(t, env, append([]string{"worker"}, args...)...)
		p.wait(t, p.stderr, "joined the queue group")
		m := &nats.Msg{Subject: "seq.demo.key", Data: []byte(`{"mode":"strong"}`), Header: nats.Header{
			"traceparent": {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
		}}
		if _, err := nc.RequestMsg(m, patience); err != nil {
			t.Fatal(err)
		}
		if code, _ := p.signal(t, syscall.SIGTERM); code != exitOK {
			t.Errorf("exit %d; stderr:\n%s", code, p.stderr)
		}
		names := map[string]bool{}
		for _, s := range collector.Spans() {
			names[s.Name+" "+hex.EncodeToString(s.TraceId)] = true
		}
		for _, name := range []string{"seqd.allocate", "seqd.wait", "seqd.advance"} {
			if !names[name+" 4bf92f3577b34da6a3ce929d0e0e4736"] {
				t.Errorf("no %s among %v; stderr:\n%s", name, names, p.stderr)
			}
		}
	}
	t.Run("environment", func(t *testing.T) { run(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=COLLECTOR"}, nil) })
	t.Run("file", func(t *testing.T) { run(t, nil, []string{"--config", "FILE"}) })
}
