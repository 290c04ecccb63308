package main

import (
	"log/slog"

	"github.com/seqd-io/seqd/worker"
)

func (c *config) worker(id string, etcds backends, log *slog.Logger) worker.Config {
	return worker.Config{
		ID:           id,
		Version:      version(),
		Root:         c.Root,
		Connect:      c.NATS.connect,
		Backends:     etcds.list,
		MaxWaiting:   c.MaxWaiting,
		MaxPatience:  c.MaxPatience,
		MaxKeys:      c.MaxKeys,
		DrainTimeout: c.DrainTimeout,
		Log:          log,
	}
}
