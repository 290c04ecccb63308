package main

import (
	"errors"
	"flag"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/synadia-io/orbit.go/natscontext"
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
}

func (c *natsConfig) validate() error {
	switch {
	case c.Context != "" && c.URL != "":
		return errors.New("nats.context and nats.url are both set: set one of them")
	case (c.Cert == "") != (c.Key == ""):
		return errors.New("nats.cert and nats.key belong together: set both or none")
	case c.User == "" && c.Password != "":
		return errors.New("nats.password is set without nats.user")
	}
	return nil
}

// connect connects with these settings; options are added to them.
func (c *natsConfig) connect(options ...nats.Option) (*nats.Conn, error) {
	auth, err := c.options()
	if err != nil {
		return nil, err
	}
	options = append(options, auth...)
	if c.Context != "" {
		nc, _, err := natscontext.Connect(c.Context, options...)
		if err != nil {
			return nil, fmt.Errorf("NATS context %q: %w", c.Context, err)
		}
		return nc, nil
	}
	return nats.Connect(c.url(), options...)
}

func (c *natsConfig) url() string {
	if c.URL == "" {
		return nats.DefaultURL
	}
	return c.URL
}

func (c *natsConfig) options() ([]nats.Option, error) {
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
		nkey, err := nats.NkeyOptionFromSeed(c.NKey)
		if err != nil {
			return nil, fmt.Errorf("nkey seed %s: %w", c.NKey, err)
		}
		options = append(options, nkey)
	}
	if c.Cert != "" {
		options = append(options, nats.ClientCert(c.Cert, c.Key))
	}
	if c.CA != "" {
		options = append(options, nats.RootCAs(c.CA))
	}
	return options, nil
}
