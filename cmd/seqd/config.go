package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd"
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
			Prefix:      etcd.DefaultPrefix,
			DialTimeout: etcd.DefaultDialTimeout,
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
	canonical, err := etcd.CanonicalPrefix(s)
	if err == nil {
		*p = prefix(canonical)
	}
	return err
}

// load reads a file into c. An unknown field or a value of the wrong type is an
// error that names the line.
func (c *config) load(path string) (source, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return source{}, fmt.Errorf("read the configuration: %w; name another file with --config", err)
	}
	src := source{path: path}
	if err := yaml.Unmarshal(data, &src.document); err != nil {
		return src, src.wrap(err)
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(c); err != nil && !errors.Is(err, io.EOF) { // an empty file changes nothing
		return src, src.wrap(err)
	}
	return src, nil
}

// source is the file a configuration came from, to name lines of. The zero
// value is no file.
type source struct {
	path     string
	document yaml.Node
}

// yamlError takes apart what yaml says: "line 7: field x not found in type T".
var yamlError = regexp.MustCompile(`^line (\d+): (.*?)(?: (?:in|into) (?:type )?\S+)?$`)

// yamlSecrets find complaints that show a value which may be a password: one with
// an asterisk at its beginning, in the place of a whole section, or with a tag.
var yamlSecrets = []struct {
	found *regexp.Regexp
	text  string
}{
	{regexp.MustCompile("(?s)unknown anchor '.*' referenced"), "unknown anchor: a value that begins with * must be in quotes"},
	{regexp.MustCompile("(?s)cannot unmarshal (\\S+) `.*` into main\\..*"), "cannot unmarshal $1: there must be settings with names here"},
	{regexp.MustCompile("(?s)cannot decode (\\S+) `.*` as a"), "cannot decode $1 as a"},
}

// wrap names the file and the first line that yaml complains about.
func (s source) wrap(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	var several *yaml.TypeError
	if errors.As(err, &several) {
		text = several.Errors[0]
	}
	for _, s := range yamlSecrets {
		text = s.found.ReplaceAllString(text, s.text)
	}
	if m := yamlError.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("%s:%s: %s", s.path, m[1], m[2])
	}
	return fmt.Errorf("%s: %s", s.path, text)
}

// errorf says what is wrong with the setting at path, in the file's words:
// stores, orders, mode.
func (s source) errorf(path []string, format string, args ...any) error {
	text := fmt.Sprintf("%s: %s", strings.Join(path, "."), fmt.Sprintf(format, args...))
	if s.path == "" {
		return errors.New(text)
	}
	return fmt.Errorf("%s:%d: %s", s.path, s.line(path), text)
}

// line returns the line of the setting at path, or of the part of the path that
// is there.
func (s source) line(path []string) int {
	line, _ := s.find(path)
	return line
}

// find returns that line, and whether all of the path is there, with a value.
func (s source) find(path []string) (line int, all bool) {
	if len(s.document.Content) == 0 {
		return 1, false
	}
	node := s.document.Content[0]
	line = node.Line
	for _, name := range path {
		if node.Kind == yaml.AliasNode {
			node = node.Alias
		}
		i := 0
		for i < len(node.Content) && node.Content[i].Value != name {
			i += 2
		}
		if node.Kind != yaml.MappingNode || i >= len(node.Content) {
			return line, false
		}
		line, node = node.Content[i].Line, node.Content[i+1]
	}
	return line, node.Tag != "!!null"
}
