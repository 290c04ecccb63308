package main

import (
	"fmt"
	"io"
	"log/slog"
)

func newLog(w io.Writer, level string) (*slog.Logger, error) {
	l, err := logLevel(level)
	if err != nil {
		return nil, usageError("--log-level " + err.Error())
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l})), nil
}

func logLevel(name string) (level slog.Level, err error) {
	if err := level.UnmarshalText([]byte(name)); err != nil {
		return level, fmt.Errorf("must be debug, info, warn or error, not %q", name)
	}
	return level, nil
}
