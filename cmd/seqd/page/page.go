package page

import (
	"context"
	_ "embed"
	"encoding/json"
	"net/http"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/allocator/etcd/operate"
	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/worker"
)

//go:embed page.html
var html []byte

//go:embed page.css
var css []byte

//go:embed page.js
var script []byte

// Config is what a page is made of.
type Config struct {
	Worker *worker.Worker
	Root   string // of the request subjects
	Places []Place

	// Connect connects to NATS, where the other workers are asked. The page has a
	// connection of its own, so that those who look are never in the way of requests.
	Connect func(...nats.Option) (*nats.Conn, error)

	// Advise returns what to try about an error, "" for nothing.
	Advise func(error) string

	Loopback bool // it is served on a loopback address, and the Host header must say so
	Asks     bool // it has a box that asks for ids
}

// Place is an etcd cluster with a prefix, and the stores that are kept there.
type Place struct {
	settings.Cluster
	Name  string // as the worker has it
	Admin *operate.Admin
	Stats func() etcd.Stats
}

// Page shows a worker to people. It is safe for concurrent use.
type Page struct {
	config    Config
	mux       http.Handler
	changes   *changes
	collector *collector
	lookup    *lookup
}

// New returns a Page. Run must be called, and ends what its requests start.
func New(config Config) *Page {
	p := &Page{config: config, changes: &changes{}, lookup: newLookup(config.Places)}
	p.collector = newCollector(config, p.changes)
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", file("text/html; charset=utf-8", html))
	mux.Handle("GET /page/{$}", http.RedirectHandler("/", http.StatusFound)) // for those who guess where the page is
	mux.Handle("GET /page/page.css", file("text/css; charset=utf-8", css))
	mux.Handle("GET /page/page.js", file("text/javascript; charset=utf-8", script))
	mux.HandleFunc("GET /page/view", p.view)
	mux.Handle("GET /page/key", p.lookup)
	if config.Asks {
		mux.Handle("POST /page/ids", asker{p.collector, config.Root})
	}
	p.mux = guarded(mux, config.Loopback)
	return p
}

// Run notes the worker's changes of state until ctx ends, and then closes the
// page's connection to NATS.
func (p *Page) Run(ctx context.Context) error {
	p.changes.watch(ctx, p.config.Worker)
	p.collector.close()
	return nil
}

// ServeHTTP serves the page and what it asks for.
func (p *Page) ServeHTTP(rw http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(rw, r) }

func (p *Page) view(rw http.ResponseWriter, r *http.Request) {
	body := p.collector.look(r.Context())
	if body == nil {
		http.Error(rw, "the worker is ending, or it took too long to ask the others", http.StatusServiceUnavailable)
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	_, _ = rw.Write(body) // who looked has gone
}

func file(kind string, content []byte) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", kind)
		_, _ = rw.Write(content)
	})
}

// answer writes v with a status.
func answer(rw http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_, _ = rw.Write(body)
}

// refusal is what the page's script gets in place of what it asked for.
type refusal struct {
	Error string `json:"error"`
}
