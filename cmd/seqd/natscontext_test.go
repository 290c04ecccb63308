//go:build !lean

package main

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seqd-io/seqd/integration/ports"
	"github.com/seqd-io/seqd/integration/servers"
)

// A context's jetstream_domain was taken and not used: the streams were looked
// for in the JetStream next door, and the advice was to make them.
func TestStampInAnotherDomain(t *testing.T) {
	port := ports.Number(t, ports.Free(t))
	hub := servers.StartNATS(t, func(o *server.Options) {
		o.ServerName, o.JetStream, o.StoreDir, o.JetStreamDomain = "hub", true, t.TempDir(), "hub"
		o.LeafNode.Host, o.LeafNode.Port = "127.0.0.1", port
	})
	leaf := servers.StartNATS(t, func(o *server.Options) {
		o.ServerName, o.JetStream, o.StoreDir, o.JetStreamDomain = "leaf", true, t.TempDir(), "leaf"
		o.LeafNode.Remotes = []*server.RemoteLeafOpts{{URLs: []*url.URL{{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", port)}}}}
	})
	etcd := servers.StartEtcd(t)
	w := start(t, nil, "worker", "--nats-url", hub.URL, "--etcd-endpoints", etcd.Endpoint, "--http-addr", "127.0.0.1:0", "--state-dir", t.TempDir())
	w.wait(t, w.stderr, "joined the queue group")

	js, err := jetstream.New(hub.Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, stream := range []jetstream.StreamConfig{
		{Name: "ORDERS", Subjects: []string{"orders.>"}},
		{Name: "STAMPED", Subjects: []string{"stamped.>"}, AllowAtomicPublish: true},
	} {
		if _, err := js.CreateStream(t.Context(), stream); err != nil {
			t.Fatal(err)
		}
	}
	far, err := jetstream.NewWithDomain(leaf.Connect(t), "hub")
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) { // until the leaf has its link
		if _, err := far.Stream(t.Context(), "ORDERS"); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the leaf does not reach the hub")
		}
	}
	dir := t.TempDir()
	put(t, filepath.Join(dir, "nats/context", "domain.json"), fmt.Sprintf(`{"url": %q, "jetstream_domain": "hub", "color_scheme": "red"}`, leaf.URL))
	put(t, filepath.Join(dir, "nats/context", "prefix.json"), fmt.Sprintf(`{"url": %q, "jetstream_api_prefix": "$JS.hub.API"}`, leaf.URL))
	put(t, filepath.Join(dir, "nats/context", "leaf.json"), fmt.Sprintf(`{"url": %q, "jetstream_domain": "leaf"}`, leaf.URL))
	t.Setenv("XDG_CONFIG_HOME", dir)
	stamp := func(env []string, more ...string) *process {
		return start(t, env, append([]string{"stamp", "--stream", "ORDERS", "--consumer", "stamper", "--store", "orders",
			"--key-token", "2", "--to", "stamped.{{token(2)}}", "--http-addr", "none"}, more...)...)
	}
	want := 0
	for name, p := range map[string]func() *process{
		"flag":              func() *process { return stamp(nil, "--nats-url", leaf.URL, "--js-domain", "hub") },
		"environment":       func() *process { return stamp([]string{"SEQD_JS_DOMAIN=hub"}, "--nats-url", leaf.URL) },
		"context":           func() *process { return stamp(nil, "--nats-context", "domain") },
		"context's prefix":  func() *process { return stamp(nil, "--nats-context", "prefix") },
		"flag over context": func() *process { return stamp(nil, "--nats-context", "leaf", "--js-domain", "hub") },
	} {
		for range 3 {
			if _, err := js.Publish(t.Context(), "orders.eu", nil); err != nil {
				t.Fatal(err)
			}
			want++
		}
		p := p()
		stream, err := js.Stream(t.Context(), "STAMPED")
		if err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
			if info, err := stream.Info(t.Context()); err == nil && info.State.Msgs == uint64(want) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: not stamped\n%s", name, p.stderr)
			}
		}
		if code, _ := p.signal(t, syscall.SIGTERM); code != 0 {
			t.Errorf("%s: exit code %d\n%s", name, code, p.stderr)
		}
	}
	p := stamp(nil, "--nats-url", leaf.URL, "--js-domain", "nowhere")
	<-p.ended
	if got := p.stderr.String(); !strings.Contains(got, "is there a JetStream domain nowhere (--js-domain") {
		t.Error(got)
	}
}

// Settings of a context that would be ignored are refused by their names.
func TestContextSettingsRefused(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir)
	for name, settings := range map[string]string{
		"nsc":                  `"nsc": "nsc://o/a/u"`,
		"user_jwt":             `"user_jwt": "ey"`,
		"cert":                 `"cert": "a.pem"`,
		"password":             `"password": "p"`,
		"creds":                `"user": "u", "creds": "c"`,
		"nkey":                 `"user": "u", "nkey": "n"`,
		"creds and nkey":       `"creds": "c", "nkey": "n"`,
		"jetstream_api_prefix": `"jetstream_domain": "d", "jetstream_api_prefix": "p"`,
	} {
		file := put(t, filepath.Join(dir, "nats/context", "bad.json"), fmt.Sprintf(`{"url": %q, %s}`, nats.DefaultURL, settings))
		for _, context := range []string{"bad", file} {
			got := runSeqd(t, "next", "demo", "key", "--nats-context", context)
			if got.code == 0 || !strings.Contains(got.stderr, `context "`+context+`": its setting`) || !strings.Contains(got.stderr, name) {
				t.Errorf("%s: %+v", settings, got)
			}
		}
	}
}
