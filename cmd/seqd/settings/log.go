package settings

import (
	"flag"
	"fmt"
	"io"
	"log/slog"

	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
)

// Log says how much is logged, and in what form.
type Log struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"`
}

// LogLevels are the names of the levels, from the one with most lines.
var LogLevels = []string{"debug", "info", "warn", "error"}

var defaultLog = Log{Level: "info", Format: "text"}

// Flags defines the settings that have a flag: both.
func (c *Log) Flags(fs *flag.FlagSet) {
	cmdline.ChoiceVar(fs, &c.Level, "log-level", c.Level, "how much is logged; on SIGHUP a worker reads the file's log.level again", LogLevels...)
	cmdline.ChoiceVar(fs, &c.Format, "log-format", c.Format, "how it is logged", "text", "json")
}

// validate names the setting that is wrong, as in the file.
func (c Log) validate() (setting string, err error) {
	if _, err := logLevel(c.Level); err != nil {
		return "level", err
	}
	if c.Format != "text" && c.Format != "json" {
		return "format", fmt.Errorf("must be text or json, not %q", c.Format)
	}
	return "", nil
}

// NewLog returns a log, and the level that it obeys from now on.
func NewLog(w io.Writer, c Log) (*slog.Logger, *slog.LevelVar, error) {
	if setting, err := c.validate(); err != nil {
		return nil, nil, cmdline.UsageError(fmt.Sprintf("--log-%s %v", setting, err))
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

// LevelReader returns a function that reads the log's level anew, from the file,
// "" for none, unless the command line or the environment says it. It is called
// once these have been read.
func (c *Config) LevelReader(fs *flag.FlagSet, file string) func() (slog.Level, error) {
	fixed := false
	fs.Visit(func(f *flag.Flag) { fixed = fixed || f.Name == "log-level" })
	level := c.Log.Level
	return func() (slog.Level, error) {
		now := Default()
		var src Source
		if file != "" {
			var err error
			if src, err = now.Load(file); err != nil {
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
