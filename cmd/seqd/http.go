package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/seqd-io/seqd/worker"
)

// newHTTP returns the server of the health endpoints, and of the metrics:
//
//   - /livez: the process runs. It depends on neither NATS nor etcd: restarting
//     would bring neither back.
//   - /readyz: the worker serves every store; else 503 and its state. With
//     ?verbose a line for each thing it needs.
//   - /metrics: for Prometheus; see deploy/METRICS.md.
//   - /debug/pprof/: Go's profiles, if profiles is set.
func newHTTP(w *worker.Worker, metrics http.Handler, profiles bool) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(rw http.ResponseWriter, _ *http.Request) {
		livez(rw, w, minStall)
	})
	mux.Handle("GET /readyz", readyz(w))
	mux.Handle("GET /metrics", metrics)
	if profiles {
		addPprof(mux)
	}
	return &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
}

// serveHTTP serves on l until done is closed, so that the last state can be
// read while the worker drains.
func serveHTTP(s *http.Server, l net.Listener, done <-chan struct{}) error {
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("HTTP: %w", err)
	case <-done:
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := s.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.Close() // a scraper that hangs does not hold up the end
	}
	return err
}
