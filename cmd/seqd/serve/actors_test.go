package serve

import (
	"context"
	"log/slog"
	"os"
	"testing"

	"github.com/seqd-io/seqd/cmd/seqd/actor/actortest"
	"github.com/seqd-io/seqd/cmd/seqd/settings"
)

// Of eight actors seven ignored their interrupt and waited for a channel that the
// worker closed at its end.
func TestActorsEnd(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	cfg := settings.Default()
	cfg.NATS.URL, cfg.Etcd.Endpoints, cfg.StateDir = "nats://127.0.0.1:1", []string{"127.0.0.1:1"}, t.TempDir()
	clusters, err := cfg.Clusters(settings.Source{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := Open(t.Context(), &cfg, clusters, Options{Log: log, OwnEtcd: true})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	n := &notifier{worker: w.Worker, log: log}
	actortest.Ends(t, "the worker", w.Run)
	actortest.Ends(t, "the notifier", func(ctx context.Context) error { return n.run(ctx, t.Context()) })
	actortest.Ends(t, "the log's level", reloadOn(make(chan os.Signal), log, nil, nil))
}
