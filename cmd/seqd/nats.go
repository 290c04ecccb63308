package main

import (
	"errors"
	"flag"
	"fmt"
	"net/url"

	"github.com/nats-io/nats.go"
	"github.com/synadia-io/orbit.go/natscontext"

	"github.com/seqd-io/seqd/worker"
)

// natsConfig says how to reach NATS. The fields are the settings the NATS tools
// know, under the same names.
type natsConfig struct {
	URL      string `yaml:"url"`
	Creds    string `yaml:"creds"`
	User     string `yaml:"user"`
	Password string `yaml:"password"`
	Token    string `yaml:"token"`
	NKey     string `yaml:"nkey"`
	Cert     string `yaml:"cert"`
	Key      string `yaml:"key"`
	CA       string `yaml:"ca"`
	Context  string `yaml:"context"`

	InboxPrefix string `yaml:"inbox_prefix"`
}

func (c *natsConfig) flags(fs *flag.FlagSet) {
	fs.StringVar(&c.URL, "nats-url", c.URL, "`URL` of the NATS server, several with commas (default "+nats.DefaultURL+")")
	fs.StringVar(&c.Creds, "nats-creds", c.Creds, "credentials `FILE` (JWT and seed)")
	fs.StringVar(&c.User, "nats-user", c.User, "user `NAME`")
	fs.StringVar(&c.Password, "nats-password", c.Password, "password; better set in the environment")
	fs.StringVar(&c.Token, "nats-token", c.Token, "token; better set in the environment")
	fs.StringVar(&c.NKey, "nats-nkey", c.NKey, "nkey seed `FILE`")
	fs.StringVar(&c.Cert, "nats-cert", c.Cert, "client certificate `FILE`")
	fs.StringVar(&c.Key, "nats-key", c.Key, "client key `FILE`")
	fs.StringVar(&c.CA, "nats-ca", c.CA, "certificate authority `FILE`")
	fs.StringVar(&c.Context, "nats-context", c.Context, "`NAME` of a context of the nats tool, in place of the settings above")
	fs.StringVar(&c.InboxPrefix, "nats-inbox-prefix", c.InboxPrefix, "`SUBJECT` below which answers come (default _INBOX); where this user may not hear others' answers")
}

func (c *natsConfig) validate() error {
	switch {
	case c.Context != "" && c.URL != "":
		return errors.New("nats.context and nats.url are both set: set one of them")
	case (c.Cert == "") != (c.Key == ""):
		return errors.New("nats.cert and nats.key belong together: set both or none")
	case c.User == "" && c.Password != "":
		return errors.New("nats.password is set without nats.user")
	case c.NKey != "" && c.Creds != "":
		return errors.New("nats.nkey and nats.creds are both set: set one of them")
	}
	if c.URL != "" {
		if err := checkNATSURL(c.URL); err != nil {
			return fmt.Errorf("nats.url: %w", err)
		}
	}
	for setting, name := range map[string]string{
		"nats.creds": c.Creds, "nats.nkey": c.NKey, "nats.cert": c.Cert, "nats.key": c.Key, "nats.ca": c.CA,
	} {
		if err := checkFile(setting, name); err != nil {
			return err
		}
	}
	return c.checkContext()
}

// connect connects with these settings; options are added to them. Files are
// read for every connection. The error ends with what to try.
func (c *natsConfig) connect(options ...nats.Option) (*nats.Conn, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	key := &nkey{file: c.NKey}
	options = append(options, c.options(key)...)
	var nc *nats.Conn
	var err error
	if c.Context != "" {
		nc, _, err = natscontext.Connect(c.Context, options...)
	} else {
		nc, err = nats.Connect(c.url(), options...)
	}
	if err != nil {
		return nil, c.explain(err)
	}
	key.nc.Store(nc)
	return nc, nil
}

// explain says where we could not connect to, and what to try.
func (c *natsConfig) explain(err error) error {
	var parse *url.Error
	if errors.As(err, &parse) { // of a context: ours have been checked
		err = errors.New("its URL is malformed")
	}
	hint := worker.ConnectHint(err)
	if c.Context != "" {
		if hint == "" {
			hint = "nats context ls shows the contexts, nats context validate checks them"
		}
		return fmt.Errorf("context %q: %w; %s", c.Context, err, hint)
	}
	if hint == "" {
		hint = "start one with: seqd dev; or name it with --nats-url"
	}
	return fmt.Errorf("%s: %w; %s", natsHosts(c.url()), err, hint)
}

func (c *natsConfig) url() string {
	if c.URL == "" {
		return nats.DefaultURL
	}
	return c.URL
}

func (c *natsConfig) options(key *nkey) []nats.Option {
	var options []nats.Option
	if c.Creds != "" {
		options = append(options, nats.UserCredentials(c.Creds))
	}
	if c.User != "" {
		options = append(options, nats.UserInfo(c.User, c.Password))
	}
	if c.Token != "" {
		options = append(options, nats.Token(c.Token))
	}
	if c.NKey != "" {
		options = append(options, key.option)
	}
	if c.Cert != "" {
		options = append(options, nats.ClientCert(c.Cert, c.Key))
	}
	if c.CA != "" {
		options = append(options, nats.RootCAs(c.CA))
	}
	if c.InboxPrefix != "" {
		options = append(options, nats.CustomInboxPrefix(c.InboxPrefix))
	}
	return options
}
