//go:build !lean && !windows

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/seqd-io/seqd/integration/servers"
)

func TestLogSettings(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		file string
		want string // in stderr
		code int
	}{
		{"level", []string{"--log-level", "loud"}, "", `log.level: must be debug, info, warn or error, not "loud"`, exitUsage},
		{"format", []string{"--log-format", "xml"}, "", `log.format: must be text or json, not "xml"`, exitUsage},
		{"level in the file", nil, "log:\n  level: loud\n", `:2: log.level: must be debug`, exitFailed},
		{"format in the file", nil, "log:\n  format: xml\n", `:2: log.format: must be text or json`, exitFailed},
		{"unknown", nil, "log: {colour: red}\n", `:1: field colour not found`, exitFailed},
		{"collector", nil, "tracing:\n  otlp_endpoint: localhost:4318\n", `:2: tracing.otlp_endpoint: must be a URL like http://127.0.0.1:4318`, exitFailed},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := fileWith(t, filepath.Join(t.TempDir(), "seqd.yaml"), test.file)
			got := runSeqd(t, append([]string{"check-config", file}, test.args...)...)
			if got.code != test.code || !strings.Contains(got.stderr, test.want) {
				t.Errorf("got %+v, want %q", got, test.want)
			}
		})
	}
}

func fileWith(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A worker's log can be JSON, every line of it; requests leave none; SIGHUP
// changes its level to what the file says by now, and a file that is wrong
// changes nothing.
func TestLogLevelIsReadOnSIGHUP(t *testing.T) {
	server, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	file := fileWith(t, filepath.Join(t.TempDir(), "seqd.yaml"), "log: {format: json}\n")
	p := start(t, []string{"NATS_URL=" + server.URL, "SEQD_ETCD_ENDPOINTS=" + db.Endpoint}, "worker", "--config", file, "--http-addr", "none")
	p.wait(t, p.stderr, "joined the queue group")
	before := p.stderr.String()
	for range 20 {
		wantOK(t, server.URL, "demo", "key", "--mode", "strong")
		wantOK(t, server.URL, "demo", "key")
	}
	if after := p.stderr.String(); after != before {
		t.Errorf("requests were logged:\n%s", strings.TrimPrefix(after, before))
	}

	hangUps := 0
	hangUp := func(text, want string) {
		t.Helper()
		if text == "" {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		} else {
			fileWith(t, file, text)
		}
		hangUps++
		if err := p.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		all := p.wait(t, p.stderr, fmt.Sprintf(`(?s)(?:.*?SIGHUP:){%d}([^\n]*)\n`, hangUps))
		if got := all[1]; !regexp.MustCompile(want).MatchString(got) {
			t.Fatalf("SIGHUP %d: got %s, want %s", hangUps, got, want)
		}
	}
	hangUp("log: {level: debug, format: text}\n", `"level":"DEBUG","was":"INFO"`) // in JSON still: the format is not read again
	hangUp("log: {level: error}\n", `"level":"ERROR","was":"DEBUG"`)
	hangUp("log: {level: loud}\n", `stays as it is","level":"ERROR",.*:1: log.level: must be debug`)
	hangUp("stores: 7\n", `stays as it is","level":"ERROR",.*:1: `)
	hangUp("", `stays as it is","level":"ERROR",.*name another file with --config`)
	hangUp("log: {level: warn}\n", `"level":"WARN","was":"ERROR"`)
	if code, _ := p.signal(t, syscall.SIGTERM); code != exitOK {
		t.Errorf("exit %d", code)
	}
	for line := range strings.Lines(p.stderr.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil || fields["msg"] == "" {
			t.Errorf("not a line of JSON: %q", line)
		}
	}
	if strings.Contains(p.stderr.String(), `"msg":"drained"`) {
		t.Error("a line below the level was written")
	}
}

// Who sets the level on the command line or in the environment keeps it.
func TestLogLevelOfTheCommandLineStays(t *testing.T) {
	server, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	file := fileWith(t, filepath.Join(t.TempDir(), "seqd.yaml"), "log: {level: error}\n")
	p := start(t, []string{"NATS_URL=" + server.URL, "SEQD_ETCD_ENDPOINTS=" + db.Endpoint, "SEQD_LOG_LEVEL=info"}, "worker", "--config", file, "--http-addr", "none")
	p.wait(t, p.stderr, "joined the queue group")
	if err := p.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.wait(t, p.stderr, "level=INFO was=INFO")
}

func wantOK(t *testing.T, natsURL string, args ...string) {
	t.Helper()
	if got := runSeqd(t, append([]string{"next", "--nats-url", natsURL, "--timeout", patience.String()}, args...)...); got.code != exitOK {
		t.Fatalf("got %+v", got)
	}
}
