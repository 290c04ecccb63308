package serve

import (
	"context"
	"log/slog"
	"os"
)

// reloadOn is the actor that reads the log's level anew at each signal. Nothing
// else is read anew: a worker's place in the queue group, its limits and its
// stores' rules would have to change under the requests that wait, and a rolling
// restart changes them without losing one.
func reloadOn(signals <-chan os.Signal, log *slog.Logger, level *slog.LevelVar, read func() (slog.Level, error)) func(context.Context) error {
	return func(ctx context.Context) error {
		for {
			select {
			case <-signals:
				reload(log, level, read)
			case <-ctx.Done():
				return nil
			}
		}
	}
}

func reload(log *slog.Logger, level *slog.LevelVar, read func() (slog.Level, error)) {
	now, err := read()
	if err != nil {
		log.Error("SIGHUP: the log's level stays as it is", "level", level.Level(), "err", err,
			"hint", "correct the file, then send SIGHUP again; seqd check-config tells whether it is right")
		return
	}
	was := level.Level()
	level.Set(min(was, now, slog.LevelInfo)) // so that this line is seen, whatever was or will be
	log.Info("SIGHUP: the log's level was read", "level", now, "was", was, "hint", "all else is read at the start only")
	level.Set(now)
}
