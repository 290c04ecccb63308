package main

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
)

type logConfig struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"`
}

var defaultLog = logConfig{Level: "info", Format: "text"}

func (c *logConfig) flags(fs *flag.FlagSet) {
	fs.StringVar(&c.Level, "log-level", c.Level, "debug, info, warn or error; a worker reads the file's again on SIGHUP")
	fs.StringVar(&c.Format, "log-format", c.Format, "text or json")
}

// validate names the setting that is wrong, as in the file.
func (c logConfig) validate() (setting string, err error) {
	if _, err := logLevel(c.Level); err != nil {
		return "level", err
	}
	if c.Format != "text" && c.Format != "json" {
		return "format", fmt.Errorf("must be text or json, not %q", c.Format)
	}
	return "", nil
}

// newLog returns a log, and the level that it obeys from now on.
func newLog(w io.Writer, c logConfig) (*slog.Logger, *slog.LevelVar, error) {
	if setting, err := c.validate(); err != nil {
		return nil, nil, usageError(fmt.Sprintf("--log-%s %v", setting, err))
	}
	level := new(slog.LevelVar)
	l, _ := logLevel(c.Level) // validated
	level.Set(l)
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options)), level, nil
	}
	return slog.New(slog.NewTextHandler(w, options)), level, nil
}

func logLevel(name string) (level slog.Level, err error) {
	if err := level.UnmarshalText([]byte(name)); err != nil {
		return level, fmt.Errorf("must be debug, info, warn or error, not %q", name)
	}
	return level, nil
}
