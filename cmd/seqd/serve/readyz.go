package serve

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/pprof"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/cmd/seqd/advice"
	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
	"github.com/seqd-io/seqd/worker"
)

// readyz answers with the worker's state; with ?verbose a line for each of its
// checks stands before it, in the form that Kubernetes' and etcd's have, and what
// there is to say of owned keys.
func readyz(w *worker.Worker) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		state := w.State()
		if state != worker.Serving {
			rw.WriteHeader(http.StatusServiceUnavailable)
		}
		if !r.URL.Query().Has("verbose") {
			fmt.Fprintln(rw, state)
			return
		}
		for _, c := range w.Checks() {
			switch {
			case errors.Is(c.Err, allocator.ErrFenced):
				fmt.Fprintf(rw, "[-]%s: %s\n", c.Name, cmdline.PlainLines(advice.Add(c.Err).Error()))
			case c.Err != nil:
				fmt.Fprintf(rw, "[-]%s: %s\n", c.Name, cmdline.PlainLines(c.Err.Error()))
			default:
				fmt.Fprintf(rw, "[+]%s ok\n", c.Name)
			}
		}
		writeLeases(rw, w.Snapshot())
		fmt.Fprintf(rw, "readyz: %s\n", state)
	}
}

// addPprof serves Go's profiles. Index finds the named ones by itself.
func addPprof(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
}
