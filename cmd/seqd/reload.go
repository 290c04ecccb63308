package main

import (
	"context"
	"flag"
	"log/slog"
	"os"

	"github.com/oklog/run"
)

// levelReader returns a function that reads the log's level anew, from the file,
// "" for none, unless the command line or the environment says it. It is called
// once these have been read.
func levelReader(fs *flag.FlagSet, cfg *config, file string) func() (slog.Level, error) {
	fixed := false
	fs.Visit(func(f *flag.Flag) { fixed = fixed || f.Name == "log-level" })
	level := cfg.Log.Level
	return func() (slog.Level, error) {
		now := defaultConfig()
		var src source
		if file != "" {
			var err error
			if src, err = now.load(file); err != nil {
				return 0, err
			}
		}
		if fixed {
			now.Log.Level = level
		}
		l, err := logLevel(now.Log.Level)
		if err != nil {
			return 0, src.errorf([]string{"log", "level"}, "%v", err)
		}
		return l, nil
	}
}

// addReload adds the actor that reads the log's level anew at each signal. Nothing
// else is read anew: a worker's place in the queue group, its limits and its
// stores' rules would have to change under the requests that wait, and a rolling
// restart changes them without losing one.
func addReload(g *run.Group, ctx context.Context, signals <-chan os.Signal, log *slog.Logger, level *slog.LevelVar, read func() (slog.Level, error)) {
	ctx, cancel := context.WithCancel(ctx)
	g.Add(func() error {
		for {
			select {
			case <-signals:
				reload(log, level, read)
			case <-ctx.Done():
				return nil
			}
		}
	}, func(error) { cancel() })
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
