package serve

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"testing/synctest"

	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/cmd/seqd/actor/actortest"
	"github.com/seqd-io/seqd/cmd/seqd/page"
	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/worker"
)

// Seven actors of ten ignored their interrupt: they waited for a channel that the
// worker closed at its end.
func TestActorsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := slog.New(slog.DiscardHandler)
		w, err := worker.New(worker.Config{Log: log, Backends: []worker.Backend{{Counter: &allocatortest.Memory{}, Stores: []worker.Store{{Name: "a"}}}}})
		if err != nil {
			t.Fatal(err)
		}
		n := &notifier{worker: w, log: log}
		actortest.Ends(t, "the notifier", func(ctx context.Context) error { return n.run(ctx, t.Context()) })
		actortest.Ends(t, "the page", page.New(page.Config{Worker: w}).Run)
		actortest.Ends(t, "reload", reloadOn(make(chan os.Signal), log, nil, nil))
	})
}

func TestWorkerEnds(t *testing.T) {
	cfg := settings.Default()
	cfg.NATS.URL, cfg.Etcd.Endpoints, cfg.StateDir = "nats://127.0.0.1:1", []string{"127.0.0.1:1"}, t.TempDir()
	clusters, err := cfg.Clusters(settings.Source{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := Open(t.Context(), &cfg, clusters, Options{Log: slog.New(slog.DiscardHandler), OwnEtcd: true})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	actortest.Ends(t, "the worker", w.Run)
}
