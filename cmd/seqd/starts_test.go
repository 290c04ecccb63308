//go:build !lean

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nkeys"

	"github.com/seqd-io/seqd/integration/servers"
)

// startsWith starts a worker, and ends it as soon as it waits for NATS or is
// connected: it has looked at all that it was told.
func startsWith(t *testing.T, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stderr, ended := newOutput(), make(chan int, 1)
	go func() { ended <- seqd(newOutput(), stderr).Run(ctx, append([]string{"worker"}, args...)) }()
	for {
		more := stderr.more()
		if text := stderr.String(); strings.Contains(text, "waiting for it") || strings.Contains(text, "connected to NATS") {
			cancel()
		}
		select {
		case <-more:
		case code := <-ended:
			return result{code, "", stderr.String()}
		}
	}
}

// choices are what a generated configuration may say of a setting, right and wrong.
type choices struct {
	setting string
	values  []string
}

// check-config accepted an address without a host, files that weren't there and two
// logins, which the worker then refused. What it accepts starts, and what it refuses
// does not: of every configuration in some hundreds, made of right and wrong values.
func TestWhatCheckConfigAcceptsStarts(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir)
	ours := servers.NewAuthority(t)
	ca, pair := ours.Write(t, dir+"/ca.pem"), ours.Issue(t, dir, "client", nil)
	other := ours.Issue(t, dir, "other", nil)
	user, account := newKeys(t, nkeys.CreateUser), newKeys(t, nkeys.CreateAccount)
	credsText, _ := newOperator(t).creds(t)
	seed, accountSeed, creds := put(t, dir+"/seed", user.seed), put(t, dir+"/account", account.seed), put(t, dir+"/creds", credsText)
	junk, empty := put(t, dir+"/junk", "junk\n"), put(t, dir+"/empty", "")
	put(t, filepath.Join(dir, "nats/context/good.json"), `{"url": "nats://127.0.0.1:1"}`)
	put(t, filepath.Join(dir, "nats/context/nourl.json"), `{"user": "a", "password": "b"}`)
	put(t, filepath.Join(dir, "nats/context/badca.json"), `{"url": "nats://127.0.0.1:1", "ca": "/nothing"}`)
	put(t, filepath.Join(dir, "nats/context/badcreds.json"), `{"url": "nats://127.0.0.1:1", "creds": "/nothing"}`)
	put(t, filepath.Join(dir, "nats/context/badurl.json"), `{"url": "nats://127.0.0.1:x"}`)
	put(t, filepath.Join(dir, "nats/context/mixed.json"), `{"url": "nats://127.0.0.1:1,ws://127.0.0.1:1"}`)
	put(t, filepath.Join(dir, "nats/context/text.json"), `text`)

	files := []string{ca, pair.Cert, pair.Key, seed, creds, junk, empty, "/nothing", dir, `""`}
	all := []choices{
		{"root", []string{"seq", "_SEQD", "_INBOX", "a.b", `""`, "5", "null", `"a b"`}},
		{"http", []string{"none", "127.0.0.1:0", "8280", "':0'", "127.0.0.1", "127.0.0.1:70000", "127.0.0.1:-1", "'127.0.0.1:'", `""`, `"[::1]:0"`, "http://127.0.0.1:0", "127.0.0.1:http"}},
		{"page", []string{"loopback", "everywhere", "none", "on", "true", `""`}},
		{"pprof", []string{"true", "yes", "maybe", "1"}},
		{"max_waiting", []string{"1", "0", "-1", "1.5", "many", "9223372036854775807", "9223372036854775808", "010"}},
		{"max_patience", []string{"5s", "5", "0s", "-1s", "soon", "2540400h10m10s", "9999999999h"}},
		{"max_keys", []string{"1", "0", "1e3", "9223372036854775807"}},
		{"drain_timeout", []string{"1ms", "0s", "5", "1"}},
		{"state_dir", []string{"none", dir + "/state", junk, "/proc/none"}},
		{"log", []string{"{level: debug}", "{level: loud}", "{format: json}", "{format: xml}", "loud", "{}"}},
		{"tracing", []string{`{otlp_endpoint: ""}`, "{otlp_endpoint: localhost:4318}", "{otlp_endpoint: 'http://127.0.0.1:1'}"}},
		{"nats.url", []string{"nats://127.0.0.1:1", "127.0.0.1", "nats://u:p@127.0.0.1:1", "http://127.0.0.1:1", "nats://a:1,ws://a:1", "'nats://a:1,'", "nats://127.0.0.1:x", "nats://127.0.0.1:99999", "nats://a:1,127.0.0.1:0"}},
		{"nats.user", []string{"me", `"a\nb"`, `"me\n"`}},
		{"nats.password", []string{"pass", `"pass\r\n"`}},
		{"nats.token", []string{"tok", `"t\0k"`}},
		{"nats.nkey", append(files, accountSeed)},
		{"nats.creds", files},
		{"nats.ca", files},
		{"nats.cert", append(files, other.Cert)},
		{"nats.key", append(files, other.Key)},
		{"nats.context", []string{"good", "nourl", "badca", "badcreds", "badurl", "mixed", "text", "nothing", "../x", dir + "/nats/context/good.json"}},
		{"nats.inbox_prefix", []string{"_INBOX_a", "a.*", "a b", "a..b", "a.", "'>'"}},
		{"etcd.endpoints", []string{"[127.0.0.1:1]", "127.0.0.1:1", "[]", "[127.0.0.1:1, '']", "['http://127.0.0.1:1']", "['https://127.0.0.1:1']", "['u:p@h:1']", "[[x]]", "[null]"}},
		{"etcd.prefix", []string{"/ids", "5"}},
		{"etcd.username", []string{"me", `"me\n"`}},
		{"etcd.password", []string{"pass", `"pa\tss"`}},
		{"etcd.dial_timeout", []string{"1s", "0s", "-1s", "1"}},
		{"etcd.tls", []string{"{ca: " + ca + "}", "{ca: " + junk + "}", "{ca: /nothing}", "{cert: " + pair.Cert + ", key: " + pair.Key + "}", "{cert: " + pair.Cert + ", key: " + other.Key + "}", "{cert: x}", "{}"}},
		{"stores", []string{"{}", "{a: {}}", "{a: null}", "{'*': {mode: strong}}", "{a: {mode: fast}}", "{a: {modes: [weak], mode: strong}}", "{a: {modes: []}}", "{a: {modes: strong}}",
			"{a: {max_count: 0}}", "{a: {max_count: 100}}", "{a: {weak: {segment_min: 5, segment_max: 4}}}", "{a: {weak: {runway: 10}}}", "{a: {weak: {runway: 1ns, segment_max: 1}}}",
			"{a: {strong: {lease: 3s}}}", "{'*': {strong: {lease: 0}}}", "{a: {strong: {lease: 1}}}", "{a: {strong: {lease: 999ms}}}", "{a: {strong: {lease: 60s}}}", "{a: {strong: {lease: 61s}}}", "{a: {strong: 3s}}",
			"{a: {strong: {lease: 3s}}, b: {strong: {lease: 3s}, etcd: {endpoints: [127.0.0.1:2379], username: u, password: p}}}",
			"{a: {bigger_than: 9223372036854775807}}", "{a: {keys: {'': {}}}}", "{a: {keys: {k: {bigger_than: 1}}}}", "{'a b': {}}", "[a]",
			"{a: {etcd: {}}}", "{a: {etcd: {endpoints: [127.0.0.1:1], tls: {ca: /nothing}}}}", "{a: {etcd: {endpoints: [127.0.0.1:1], dial_timeout: -1s}}}", "{a: {}, a: {}}"}},
		{"stroes", []string{"{}"}},
	}
	accepted := 0
	try := func(text string) {
		t.Helper()
		file := put(t, filepath.Join(dir, "seqd.yaml"), text)
		check, start := runSeqd(t, "check-config", file), startsWith(t, "--config", file)
		if check.code != start.code {
			t.Errorf("check-config ends with %d, the worker with %d:\n%s\n%s%s", check.code, start.code, text, check.stderr, start.stderr)
		}
		if check.code == exitOK {
			accepted++
		} else if !strings.Contains(check.stderr, file+":") {
			t.Errorf("no line is named:\n%s\n%s", text, check.stderr)
		}
	}
	const safe = "http: none\netcd: {endpoints: [127.0.0.1:1]}\nnats: {url: \"nats://127.0.0.1:1\"}\nstate_dir: none\n"
	for _, c := range all { // each value alone
		for _, value := range c.values {
			try(document(map[string]string{"http": "none", "state_dir": "none", c.setting: value}))
		}
	}
	for _, text := range []string{"", "# nothing\n", "---\n" + safe, safe + "---\nroot: b\n", safe + "---\n", safe + "root: a\nroot: b\n", safe + "\troot: a\n", "[1, 2]\n", "text\n", "null\n", "{}\n",
		"http: none\nstores:\n  a: &a {mode: strong}\n  b: *a\n", "http: none\nstores:\n  a: &a {mode: strong}\n  b: {<<: *a, max_count: 5}\n",
		"http: none\nstores:\n  a: &a {mode: strong}\n  b: {<<: *a, max_count: five}\n", "http: none\nstores: &a\n  a: *a\n", "http: none\n? [a]\n: b\n", "http: \"\xff\"\n", "root: *x\n", "\ufeffhttp: none\n",
	} {
		if text == "" || strings.HasPrefix(text, "#") || strings.HasPrefix(text, "null") || strings.HasPrefix(text, "{}") {
			continue // all the defaults: the worker would take this machine's ports
		}
		try(text)
	}
	r := rand.New(rand.NewPCG(9, 9))
	for range 400 {
		chosen := map[string]string{"http": "none", "state_dir": "none"}
		for range 1 + r.IntN(4) {
			c := all[r.IntN(len(all))]
			chosen[c.setting] = c.values[r.IntN(len(c.values))]
		}
		try(document(chosen))
	}
	if accepted < 50 {
		t.Errorf("only %d configurations were accepted: this test says too little", accepted)
	}
}

// document writes settings, named by their sections, as a file.
func document(settings map[string]string) string {
	sections := map[string]string{}
	var b strings.Builder
	for name, value := range settings {
		if section, field, ok := strings.Cut(name, "."); ok {
			sections[section] += fmt.Sprintf("  %s: %s\n", field, value)
			continue
		}
		fmt.Fprintf(&b, "%s: %s\n", name, value)
	}
	for section, fields := range sections {
		fmt.Fprintf(&b, "%s:\n%s", section, fields)
	}
	return b.String()
}
