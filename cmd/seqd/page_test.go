//go:build !lean

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/integration/servers"
)

// startPaged starts a worker, and returns the address of its HTTP port.
func startPaged(t *testing.T, env []string, args ...string) (p *process, addr string) {
	t.Helper()
	p = start(t, env, append([]string{"worker"}, args...)...)
	addr = p.wait(t, p.stderr, `serving HTTP.* addr=(\S+)`)[1]
	return p, addr[strings.LastIndex(addr, ":"):]
}

// fetch returns what an address answers, asked for as a person's browser does.
func fetch(t *testing.T, method, address, body, kind string) (status int, text string) {
	t.Helper()
	request, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(read)
}

// pageView is as much of a view as these tests read.
type pageView struct {
	At    time.Time `json:"at"`
	Asks  bool      `json:"asks"`
	Holds []struct {
		Text string `json:"text"`
	} `json:"holds"`
	Workers []struct {
		Name string  `json:"name"`
		Self bool    `json:"self"`
		IDs  float64 `json:"ids_per_s"`
	} `json:"workers"`
}

func viewOf(t *testing.T, base string) (v pageView) {
	t.Helper()
	status, text := fetch(t, http.MethodGet, base+"/page/view", "", "")
	if err := json.Unmarshal([]byte(text), &v); err != nil || status != http.StatusOK {
		t.Fatalf("view: %d %q %v", status, text, err)
	}
	return v
}

// The page is shown on loopback, and elsewhere where an operator says so.
func TestWhereThePageIsShown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		addr, page, path string
		host             string
		want             int
		say              string
	}{
		{"127.0.0.1:0", "", "/", "", http.StatusOK, "<title>seqd"},
		{"127.0.0.1:0", "", "/page/page.js", "", http.StatusOK, "use strict"},
		{"127.0.0.1:0", "", "/page", "", http.StatusOK, "<title>seqd"},
		{"127.0.0.1:0", "", "/page/", "", http.StatusOK, "<title>seqd"},
		{"127.0.0.1:0", "", "/", "evil.example", http.StatusMisdirectedRequest, "localhost"},
		{"127.0.0.1:0", "", "/nothing", "", http.StatusNotFound, "404"},
		{"127.0.0.1:0", "none", "/", "", http.StatusNotFound, "--page everywhere"},
		{"127.0.0.1:0", "none", "/page/view", "", http.StatusNotFound, "404"},
		{"0.0.0.0:0", "", "/", "", http.StatusNotFound, "--page everywhere"},
		{"0.0.0.0:0", "", "/page/view", "", http.StatusNotFound, "404"},
		{"0.0.0.0:0", "everywhere", "/", "seqd.example", http.StatusOK, "<title>seqd"},
	} {
		t.Run(fmt.Sprint(c.addr, c.page, c.path, c.host), func(t *testing.T) {
			env := []string{"SEQD_PAGE=" + c.page}
			_, port := startPaged(t, env, "--nats-url", "nats://127.0.0.1:1", "--etcd-endpoints", "127.0.0.1:1", "--http-addr", c.addr)
			request, err := http.NewRequest(http.MethodGet, "http://127.0.0.1"+port+c.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Host = c.host
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			text, _ := io.ReadAll(response.Body)
			if response.StatusCode != c.want || !strings.Contains(string(text), c.say) {
				t.Errorf("%d %.200s; want %d and %q", response.StatusCode, text, c.want, c.say)
			}
		})
	}
}

// However many pages are open, the workers are asked once for a view that all of
// them get, and not before somebody looks.
func TestManyPagesAskOnce(t *testing.T) {
	t.Parallel()
	bus, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	p, port := startPaged(t, nil, "--nats-url", bus.URL, "--etcd-endpoints", db.Endpoint, "--http-addr", "127.0.0.1:0")
	p.wait(t, p.stderr, "joined the queue group")
	nc := bus.Connect(t)
	questions, err := nc.SubscribeSync("$SRV.STATS.seqd")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	fetch(t, http.MethodGet, "http://127.0.0.1"+port+"/", "", "")
	if n, _, _ := questions.Pending(); n > 0 {
		t.Errorf("nobody looks, and the workers were asked %d times", n)
	}
	const viewers, each = 40, 4
	var mu sync.Mutex
	seen := map[time.Time]bool{}
	var all sync.WaitGroup
	for range viewers {
		all.Go(func() {
			mine := map[time.Time]bool{}
			for len(mine) < each {
				at := viewOf(t, "http://127.0.0.1"+port).At
				mine[at] = true
				mu.Lock()
				seen[at] = true
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	asked, _, _ := questions.Pending()
	if asked == 0 || asked > len(seen)+1 || len(seen) > 2*each {
		t.Errorf("%d pages saw %d views, for which the workers were asked %d times", viewers, len(seen), asked)
	}
	times := slices.SortedFunc(maps.Keys(seen), time.Time.Compare)
	for i := range times[1:] {
		if apart := times[i+1].Sub(times[i]); apart < time.Second {
			t.Errorf("two views are %v apart", apart)
		}
	}
}

// A key that is looked up is shown as admin peek shows it, with its period and what
// is left of it; and who looks up too many is told to wait.
func TestPageLooksAKeyUp(t *testing.T) {
	t.Parallel()
	bus, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	file := put(t, filepath.Join(t.TempDir(), "seqd.yaml"), `
stores:
  orders: {mode: strong, strong: {lease: 3s}}
  invoices: {mode: strong, number: {period: year, format: "INV-{period}-{id:06}"}}
`)
	p, port := startPaged(t, nil, "--config", file, "--nats-url", bus.URL, "--etcd-endpoints", db.Endpoint, "--http-addr", "127.0.0.1:0")
	p.wait(t, p.stderr, "(?s)joined the queue group.*joined the queue group")
	id := p.wait(t, p.stderr, `msg="this worker".* id=(\S+)`)[1]
	for _, store := range []string{"orders", "invoices"} {
		if got := runSeqd(t, "next", store, "a key", "-n", "12", "--nats-url", bus.URL); got.code != exitOK {
			t.Fatalf("%+v", got)
		}
	}
	type key struct {
		Found       bool
		Last        int64 `json:",string"`
		Left        int64 `json:",string"`
		Period, By  string
		Owner, Rule string
		Session     bool
		Error       string
	}
	look := func(store, name string) (status int, k key) {
		status, text := fetch(t, http.MethodGet, "http://127.0.0.1"+port+"/page/key?"+url.Values{"store": {store}, "key": {name}}.Encode(), "", "")
		if err := json.Unmarshal([]byte(text), &k); err != nil {
			t.Fatalf("%d %q: %v", status, text, err)
		}
		return status, k
	}
	if _, k := look("orders", "a key"); !k.Found || k.Last < 12 || k.Owner != id || !k.Session || k.By != id {
		t.Errorf("an owned key: %+v, want the owner %s", k, id)
	}
	year := fmt.Sprint(time.Now().UTC().Year())
	if _, k := look("invoices", "a key"); k.Last != 12 || k.Period != year || k.Left != 999_999-12 || !strings.HasPrefix(k.Rule, "INV-{period}-{id:06}") {
		t.Errorf("a numbered key: %+v", k)
	}
	if status, k := look("invoices", "never"); status != http.StatusOK || k.Found || k.Left != 999_999 {
		t.Errorf("a key of which nothing was issued: %d %+v", status, k)
	}
	for _, bad := range [][2]string{{"others", "a"}, {"no store", "a"}, {"orders", ""}, {"orders", strings.Repeat("x", 300)}} {
		if status, k := look(bad[0], bad[1]); status != http.StatusBadRequest || k.Error == "" {
			t.Errorf("%.20q: %d %+v", bad, status, k)
		}
	}
	waits := 0
	for range 40 {
		if status, _ := look("orders", "a key"); status == http.StatusTooManyRequests {
			waits++
		}
	}
	if waits == 0 {
		t.Error("forty keys at once were all looked up in etcd")
	}
	db.Stop()
	status, k := look("orders", "a key")
	for status == http.StatusTooManyRequests {
		status, k = look("orders", "a key")
	}
	if status != http.StatusServiceUnavailable || k.Error == "" {
		t.Errorf("without etcd: %d %+v", status, k)
	}
}

// Only the page of `seqd dev` asks for ids, in JSON alone, and not for many.
func TestPageAsksInDevAlone(t *testing.T) {
	t.Parallel()
	_, _, addr := startDev(t, t.TempDir())
	base, ids := "http://"+addr, "http://"+addr+"/page/ids"
	if !viewOf(t, base).Asks {
		t.Error("the page of dev does not ask for ids")
	}
	const good, kind = `{"store":"demo","key":"a","n":2}`, "application/json"
	if status, text := fetch(t, http.MethodPost, ids, good, kind); status != http.StatusOK || !strings.Contains(text, `"first":"1","last":"2"`) {
		t.Errorf("%d %s", status, text)
	}
	for _, c := range []struct {
		method, body, kind string
		want               int
	}{
		{http.MethodPost, good, "text/plain", http.StatusUnsupportedMediaType},
		{http.MethodPost, good, "application/x-www-form-urlencoded", http.StatusUnsupportedMediaType},
		{http.MethodPost, good, "", http.StatusUnsupportedMediaType},
		{http.MethodGet, "", "", http.StatusMethodNotAllowed},
		{http.MethodPost, `{"store":"demo","key":"a","n":0}`, kind, http.StatusBadRequest},
		{http.MethodPost, `{"store":"demo","key":"a","n":1001}`, kind, http.StatusBadRequest},
		{http.MethodPost, `{"store":"demo","key":"","n":1}`, kind, http.StatusBadRequest},
		{http.MethodPost, `{"store":"demo","key":"a","n":1,"mode":"odd"}`, kind, http.StatusBadRequest},
		{http.MethodPost, `{"store":"demo","key":"a","n":1,"moed":"strong"}`, kind, http.StatusBadRequest},
		{http.MethodPost, good + `x`, kind, http.StatusBadRequest},
		{http.MethodPost, `{"store":"demo","key":"` + strings.Repeat("x", 5000) + `","n":1}`, kind, http.StatusBadRequest},
	} {
		if status, text := fetch(t, c.method, ids, c.body, c.kind); status != c.want {
			t.Errorf("%s %.60s as %q: %d %s, want %d", c.method, c.body, c.kind, status, text, c.want)
		}
	}

	_, port := startPaged(t, nil, "--nats-url", "nats://127.0.0.1:1", "--etcd-endpoints", "127.0.0.1:1", "--http-addr", "127.0.0.1:0")
	if status, _ := fetch(t, http.MethodPost, "http://127.0.0.1"+port+"/page/ids", good, kind); status != http.StatusNotFound && status != http.StatusMethodNotAllowed {
		t.Errorf("a worker's page was asked for ids: %d", status)
	}
}

// A worker whose user may not ask the others shows itself, and what to allow. No
// login is shown, whatever is.
func TestPageOfAWorkerThatMayNotAsk(t *testing.T) {
	t.Parallel()
	bus := servers.StartNATS(t, func(o *server.Options) {
		o.Users = []*server.User{
			{Username: "w" + secret, Password: secret, Permissions: &server.Permissions{Publish: &server.SubjectPermission{Allow: []string{"_SEQD.>", "_INBOX.>"}}}},
			{Username: "c", Password: "c"},
		}
	})
	db := servers.StartEtcd(t)
	at := strings.TrimPrefix(bus.URL, "nats://")
	file := put(t, filepath.Join(t.TempDir(), secret+".yaml"), "nats: {url: \"nats://w"+secret+":"+secret+"@"+at+"\"}\n")
	p, port := startPaged(t, nil, "--config", file, "--etcd-endpoints", db.Endpoint, "--http-addr", "127.0.0.1:0")
	p.wait(t, p.stderr, "joined the queue group")
	base, shown := "http://127.0.0.1"+port, ""
	v := viewOf(t, base)
	if len(v.Workers) != 1 || !v.Workers[0].Self {
		t.Errorf("it does not show itself: %+v", v.Workers)
	}
	told := false
	for _, h := range v.Holds {
		told = told || strings.Contains(h.Text, `allow this worker's user to publish to "$SRV.STATS.seqd"`)
	}
	if !told {
		t.Errorf("nobody is told what to allow: %+v", v.Holds)
	}
	caller := bus.Connect(t, nats.UserInfo("c", "c"))
	for rated := false; !rated; {
		if _, err := caller.Request("seq.demo.a", nil, patience); err != nil {
			t.Fatal(err)
		}
		v := viewOf(t, base)
		rated = v.Workers[0].IDs > 0
	}
	for stopped := range 2 {
		for _, path := range []string{"/", "/page/view", "/page/key?store=demo&key=a", "/page/page.js"} {
			_, text := fetch(t, http.MethodGet, base+path, "", "")
			shown += text
		}
		if stopped == 0 {
			bus.Stop()
			db.Stop()
			p.wait(t, p.stderr, "disconnected from NATS")
		}
	}
	wantNoSecret(t, "the page", shown)
}
