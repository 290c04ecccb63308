package serve

import (
	"fmt"
	"net/http"
	"time"

	"github.com/seqd-io/seqd/cmd/seqd/page"
	"github.com/seqd-io/seqd/worker"
)

// newHTTP returns the health endpoints, the metrics and the page:
//
//   - /: the page for people, and what it asks for below /page/. Where p is nil
//     it is not shown, and GET / says how to have it.
//   - /livez: the process runs. It depends on neither NATS nor etcd: restarting
//     would bring neither back.
//   - /readyz: the worker serves every store; else 503 and its state. With
//     ?verbose a line for each thing it needs.
//   - /metrics: for Prometheus; see deploy/METRICS.md.
//   - /debug/pprof/: Go's profiles, if profiles is set.
func newHTTP(w *worker.Worker, metrics http.Handler, p *page.Page, profiles bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(rw http.ResponseWriter, _ *http.Request) {
		livez(rw, w, minStall)
	})
	mux.Handle("GET /readyz", readyz(w))
	mux.Handle("GET /metrics", metrics)
	if p != nil {
		mux.Handle("GET /{$}", p)
		mux.Handle("/page/", p)
	} else {
		mux.HandleFunc("GET /{$}", noPage)
	}
	if profiles {
		addPprof(mux)
	}
	return mux
}

// livez answers whether the process lives: it does if none of the worker's loops
// has stood still for limit. Else it will not go on by itself, and should be
// replaced.
func livez(rw http.ResponseWriter, w *worker.Worker, limit time.Duration) {
	if err := w.Stalled(limit); err != nil {
		http.Error(rw, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(rw, "ok")
}

// noPage tells an operator how to have the page.
func noPage(rw http.ResponseWriter, _ *http.Request) {
	http.Error(rw, "the page for people is not shown at this address: to show it to whoever reaches this port, start the worker with --page everywhere "+
		"(page: everywhere, or SEQD_PAGE)", http.StatusNotFound)
}
