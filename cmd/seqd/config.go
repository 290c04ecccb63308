package main

import (
	"flag"
	"strings"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/dial"
	"github.com/seqd-io/seqd/allocator/etcd/record"
	"github.com/seqd-io/seqd/cmd/seqd/advice"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// config is the worker's configuration. Each setting is taken from the command
// line, else the environment, else the file, else the default.
type config struct {
	Root         string                 `yaml:"root"`
	NATS         natsConfig             `yaml:"nats"`
	Etcd         etcdConfig             `yaml:"etcd"`
	Stores       map[string]storeConfig `yaml:"stores"`
	HTTP         string                 `yaml:"http"`
	Pprof        bool                   `yaml:"pprof"`
	MaxWaiting   int                    `yaml:"max_waiting"`
	MaxPatience  time.Duration          `yaml:"max_patience"`
	MaxKeys      int                    `yaml:"max_keys"`
	DrainTimeout time.Duration          `yaml:"drain_timeout"`
	StateDir     string                 `yaml:"state_dir"`
	Log          logConfig              `yaml:"log"`
	Tracing      tracingConfig          `yaml:"tracing"`

	// privateState says that nothing of the machine's memory is read or written
	// beside StateDir: the etcd is our own.
	privateState bool
}

type etcdConfig struct {
	Endpoints   []string      `yaml:"endpoints"`
	Prefix      string        `yaml:"prefix"`
	Username    string        `yaml:"username"`
	Password    string        `yaml:"password"`
	TLS         tlsConfig     `yaml:"tls"`
	DialTimeout time.Duration `yaml:"dial_timeout"`
}

type tlsConfig struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
	CA   string `yaml:"ca"`
}

type storeConfig struct {
	Mode       string               `yaml:"mode"`
	Modes      []string             `yaml:"modes"`
	MaxCount   int                  `yaml:"max_count"`
	BiggerThan int64                `yaml:"bigger_than"`
	Keys       map[string]keyConfig `yaml:"keys"`
	Weak       weakConfig           `yaml:"weak"`
	Etcd       *etcdConfig          `yaml:"etcd"`
}

type keyConfig struct {
	BiggerThan int64 `yaml:"bigger_than"`
}

type weakConfig struct {
	SegmentMin int           `yaml:"segment_min"`
	SegmentMax int           `yaml:"segment_max"`
	Runway     time.Duration `yaml:"runway"`
}

func defaultConfig() config {
	return config{
		Root: subjects.Root,
		Etcd: etcdConfig{
			Endpoints:   []string{"127.0.0.1:2379"},
			Prefix:      record.DefaultPrefix,
			DialTimeout: dial.DefaultTimeout,
		},
		HTTP:         "127.0.0.1:8280",
		MaxWaiting:   worker.DefaultMaxWaiting,
		MaxPatience:  worker.DefaultMaxPatience,
		MaxKeys:      allocator.DefaultMaxKeys,
		DrainTimeout: worker.DefaultDrainTimeout,
		Log:          defaultLog,
	}
}

// flags defines the settings that have a flag. The rules of stores stand in the
// file only.
func (c *config) flags(fs *flag.FlagSet) {
	fs.StringVar(&c.Root, "root", c.Root, "first `TOKEN` of the request subjects")
	c.NATS.flags(fs)
	c.Etcd.flags(fs)
	fs.StringVar(&c.HTTP, "http-addr", c.HTTP, "`HOST:PORT` of /livez and /readyz; \"none\" for no HTTP")
	fs.BoolVar(&c.Pprof, "pprof", c.Pprof, "serve Go's profiles at /debug/pprof/, for who may see them: they show the command line and cost time")
	fs.IntVar(&c.MaxWaiting, "max-waiting", c.MaxWaiting, "requests that may wait for ids; one more is answered BUSY")
	fs.DurationVar(&c.MaxPatience, "max-patience", c.MaxPatience, "how long a request waits that names no shorter timeout")
	fs.IntVar(&c.MaxKeys, "max-keys", c.MaxKeys, "weak keys held in memory")
	fs.DurationVar(&c.DrainTimeout, "drain-timeout", c.DrainTimeout, "bound on the end of the worker, after SIGTERM")
	fs.StringVar(&c.StateDir, "state-dir", c.StateDir, "`FOLDER` to remember etcd's history in, to notice a restored backup; \"none\" for nothing but fences, which the default folder has too (default $STATE_DIRECTORY, else the user's)")
	c.Log.flags(fs)
}

func (c *etcdConfig) flags(fs *flag.FlagSet) {
	fs.Var((*list)(&c.Endpoints), "etcd-endpoints", "`HOST:PORT` of etcd's members, with commas")
	fs.Var((*prefix)(&c.Prefix), "etcd-prefix", "etcd `KEY` below which the counters are kept")
	fs.StringVar(&c.Username, "etcd-username", c.Username, "etcd user `NAME`")
	fs.StringVar(&c.Password, "etcd-password", c.Password, "etcd password; better set in the environment")
	fs.StringVar(&c.TLS.Cert, "etcd-cert", c.TLS.Cert, "etcd client certificate `FILE`")
	fs.StringVar(&c.TLS.Key, "etcd-key", c.TLS.Key, "etcd client key `FILE`")
	fs.StringVar(&c.TLS.CA, "etcd-ca", c.TLS.CA, "etcd certificate authority `FILE`")
	fs.DurationVar(&c.DialTimeout, "etcd-dial-timeout", c.DialTimeout, "bound on one try to connect to etcd")
}

// list is a flag that holds several words with commas.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }
func (l *list) Set(s string) error {
	*l = strings.Split(s, ",")
	return nil
}

// prefix is a flag that holds a prefix of etcd's keys.
type prefix string

func (p *prefix) String() string { return string(*p) }
func (p *prefix) Set(s string) error {
	canonical, err := record.CanonicalPrefix(s)
	if err == nil {
		*p = prefix(canonical)
	}
	return advice.Add(err)
}
