// Package settings is what a command can be told, and the connections to NATS and
// etcd that are made with it.
//
// A command line wins over the environment, the environment over the file, and the
// file over [Default]. Whatever is wrong is said with the place that it comes from:
// the flag, the variable, or the file's line. No secret is shown.
//
// It knows no command: each command's room takes from here what it needs.
package settings

import (
	"flag"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/dial"
	"github.com/seqd-io/seqd/allocator/etcd/record"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// Config is the worker's configuration. Each setting is taken from the command
// line, else the environment, else the file, else the default.
type Config struct {
	Root         string           `yaml:"root"`
	NATS         NATS             `yaml:"nats"`
	Etcd         Etcd             `yaml:"etcd"`
	Stores       map[string]Store `yaml:"stores"`
	HTTP         string           `yaml:"http"`
	Page         string           `yaml:"page"`
	Pprof        bool             `yaml:"pprof"`
	MaxWaiting   int              `yaml:"max_waiting"`
	MaxPatience  time.Duration    `yaml:"max_patience"`
	MaxKeys      int              `yaml:"max_keys"`
	DrainTimeout time.Duration    `yaml:"drain_timeout"`
	StateDir     string           `yaml:"state_dir"`
	Log          Log              `yaml:"log"`
	Tracing      Tracing          `yaml:"tracing"`
}

// Store is the rules of a store; 0 and "" mean the default.
type Store struct {
	Mode        string         `yaml:"mode"`
	Modes       []string       `yaml:"modes"`
	MaxCount    int            `yaml:"max_count"`
	BiggerThan  int64          `yaml:"bigger_than"`
	Keys        map[string]Key `yaml:"keys"`
	Weak        Weak           `yaml:"weak"`
	Strong      Strong         `yaml:"strong"`
	Number      *Number        `yaml:"number"`
	Idempotency Idempotency    `yaml:"idempotency"`
	Etcd        *Etcd          `yaml:"etcd"`
}

// Key is the rules of one key of a store.
type Key struct {
	BiggerThan int64   `yaml:"bigger_than"`
	Number     *Number `yaml:"number"`
}

// Weak says how much a store reserves at a time for WEAK ids.
type Weak struct {
	SegmentMin int           `yaml:"segment_min"`
	SegmentMax int           `yaml:"segment_max"`
	Runway     time.Duration `yaml:"runway"`
}

// Tracing has no flags: OpenTelemetry's own variables set the same, and win
// over the file.
type Tracing struct {
	OTLPEndpoint string `yaml:"otlp_endpoint"`
}

// Default is what counts where nothing is said.
func Default() Config {
	return Config{
		Root: subjects.Root,
		Etcd: Etcd{
			Endpoints:   []string{"127.0.0.1:2379"},
			Prefix:      record.DefaultPrefix,
			DialTimeout: dial.DefaultTimeout,
		},
		HTTP:         "127.0.0.1:8280",
		Page:         PageLoopback,
		MaxWaiting:   worker.DefaultMaxWaiting,
		MaxPatience:  worker.DefaultMaxPatience,
		MaxKeys:      allocator.DefaultMaxKeys,
		DrainTimeout: worker.DefaultDrainTimeout,
		Log:          defaultLog,
	}
}

// RootFlag defines the flag that a worker and all who ask it must give alike.
func RootFlag(fs *flag.FlagSet, root *string) {
	fs.StringVar(root, "root", subjects.Root, "first `TOKEN` of the request subjects")
}

// Flags defines the settings that have a flag. The rules of stores stand in the
// file only.
func (c *Config) Flags(fs *flag.FlagSet) {
	RootFlag(fs, &c.Root)
	c.NATS.Flags(fs)
	c.Etcd.Flags(fs)
	fs.StringVar(&c.HTTP, "http-addr", c.HTTP, "`HOST:PORT` that the page for people, /livez, /readyz and /metrics are served at; \"none\" for no HTTP")
	fs.StringVar(&c.Page, "page", c.Page, "`WHERE` the page for people is shown: loopback (only if the HTTP address is one), everywhere, or none")
	fs.BoolVar(&c.Pprof, "pprof", c.Pprof, "serve Go's profiles at /debug/pprof/; they show the command line, and taking one costs time")
	fs.IntVar(&c.MaxWaiting, "max-waiting", c.MaxWaiting, "how many requests may wait for ids; further ones are answered BUSY")
	fs.DurationVar(&c.MaxPatience, "max-patience", c.MaxPatience, "how long a request may wait, unless it names a shorter timeout")
	fs.IntVar(&c.MaxKeys, "max-keys", c.MaxKeys, "how many weak keys are held in memory for each etcd, and as many again that the worker owns")
	fs.DurationVar(&c.DrainTimeout, "drain-timeout", c.DrainTimeout, "how long the worker may take to end after SIGTERM")
	fs.StringVar(&c.StateDir, "state-dir", c.StateDir, "`FOLDER` to remember etcd's history in, which shows that a backup was restored; with \"none\" only fences are remembered, in the default folder (default $STATE_DIRECTORY, or else the user's state folder)")
	c.Log.Flags(fs)
}
