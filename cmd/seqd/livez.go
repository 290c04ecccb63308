package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/seqd-io/seqd/worker"
)

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
