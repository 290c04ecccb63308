package settings

import (
	"errors"
	"flag"
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"github.com/nats-io/nats.go"
	"github.com/synadia-io/orbit.go/natscontext"

	"github.com/seqd-io/seqd/cmd/seqd/advice"
)

// NATS says how to reach NATS. The fields are the settings the NATS tools
// know, under the same names.
type NATS struct {
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

// Flags defines the settings that have a flag: all.
func (c *NATS) Flags(fs *flag.FlagSet) {
	fs.StringVar(&c.URL, "nats-url", c.URL, "`URL` of the NATS server, or several with commas between them (default "+nats.DefaultURL+")")
	fs.StringVar(&c.Creds, "nats-creds", c.Creds, "`FILE` with the credentials (JWT and seed)")
	fs.StringVar(&c.User, "nats-user", c.User, "`NAME` of the user")
	fs.StringVar(&c.Password, "nats-password", c.Password, "password; set it in the environment rather than here")
	fs.StringVar(&c.Token, "nats-token", c.Token, "token; set it in the environment rather than here")
	fs.StringVar(&c.NKey, "nats-nkey", c.NKey, "`FILE` with an nkey seed")
	fs.StringVar(&c.Cert, "nats-cert", c.Cert, "`FILE` with the client certificate")
	fs.StringVar(&c.Key, "nats-key", c.Key, "`FILE` with the client key")
	fs.StringVar(&c.CA, "nats-ca", c.CA, "`FILE` with the certificate authority")
	fs.StringVar(&c.Context, "nats-context", c.Context, "`NAME` of a context of the nats tool; it replaces the other --nats- flags, except --nats-inbox-prefix")
	fs.StringVar(&c.InboxPrefix, "nats-inbox-prefix", c.InboxPrefix, "`SUBJECT` that answers are sent below, for users who may not subscribe to the default (default _INBOX)")
}

// settingError is what is wrong with one setting of a section.
type settingError struct {
	setting string
	err     error
}

// Error names the setting as commands that read no file have it.
func (e *settingError) Error() string {
	return fmt.Sprintf("%s: %v", asFlag(e.setting), e.err)
}

func (e *settingError) Unwrap() error { return e.err }

// asFlag returns the name of a setting on the command line.
func asFlag(setting string) string { return "--nats-" + strings.ReplaceAll(setting, "_", "-") }

// validate looks at the settings, a context's too, and at no file that they name.
// named returns what a setting is called.
func (c *NATS) validate(named func(setting string) string) error {
	wrong := func(setting, format string, args ...any) error {
		return &settingError{setting, fmt.Errorf(format, args...)}
	}
	type setting struct{ name, value string }
	logins := []setting{{"user", c.User}, {"creds", c.Creds}, {"nkey", c.NKey}, {"token", c.Token}}
	if c.Context != "" {
		for _, s := range append(logins, setting{"url", c.URL}, setting{"password", c.Password}, setting{"cert", c.Cert}, setting{"key", c.Key}, setting{"ca", c.CA}) {
			if s.value != "" {
				return wrong("context", "is set, and so is %s, which a context says itself: set one of them", named(s.name))
			}
		}
	}
	login := ""
	for _, s := range logins {
		if s.value != "" && login != "" {
			return wrong(s.name, "is set, and so is %s: set one of them, they are different ways to say who we are", named(login))
		}
		if s.value != "" {
			login = s.name
		}
	}
	switch {
	case c.User == "" && c.Password != "":
		return wrong("password", "is set without %s", named("user"))
	case c.Cert != "" && c.Key == "":
		return wrong("cert", "is set without %s", named("key"))
	case c.Cert == "" && c.Key != "":
		return wrong("key", "is set without %s", named("cert"))
	}
	if c.URL != "" {
		if err := checkNATSURL(c.URL); err != nil {
			return &settingError{"url", err}
		}
		if login != "" && natsURLHasUser(c.URL) {
			return wrong("url", "holds a user, and %s is set: set one of them", named(login))
		}
	}
	for _, s := range []setting{{"user", c.User}, {"password", c.Password}, {"token", c.Token}} {
		if err := checkSecret(s.value); err != nil {
			return &settingError{s.name, err}
		}
	}
	for _, s := range []setting{{"creds", c.Creds}, {"nkey", c.NKey}, {"cert", c.Cert}, {"key", c.Key}, {"ca", c.CA}} {
		if err := checkFile(s.name, s.value); err != nil {
			return &settingError{s.name, err}
		}
	}
	if strings.ContainsFunc(c.InboxPrefix, unicode.IsSpace) || strings.Contains("."+c.InboxPrefix, "..") && c.InboxPrefix != "" {
		return wrong("inbox_prefix", "must be a subject without blanks and empty parts, like _INBOX_seqd")
	}
	return c.checkContext()
}

// Connect connects with these settings; options are added to them. Files are
// read for every connection. The error ends with what to try.
func (c *NATS) Connect(options ...nats.Option) (*nats.Conn, error) {
	c.trimSecrets()
	if err := c.validate(asFlag); err != nil {
		return nil, err
	}
	key := &nkey{file: c.NKey}
	for _, s := range c.options(key) {
		options = append(options, s.option)
	}
	nc, err := c.open(options)
	if err != nil {
		return nil, c.explain(err)
	}
	key.nc.Store(nc)
	return nc, nil
}

func (c *NATS) open(options []nats.Option) (*nats.Conn, error) {
	options = append(options, trimLogin) // a context's, too
	if c.Context == "" {
		return nats.Connect(c.url(), options...)
	}
	nc, _, err := natscontext.Connect(c.Context, options...)
	return nc, err
}

// trimLogin takes the line ends off what names us.
func trimLogin(o *nats.Options) error {
	trimLineEnds(&o.User, &o.Password, &o.Token)
	for what, text := range map[string]string{"user": o.User, "password": o.Password, "token": o.Token} {
		if err := checkSecret(text); err != nil {
			return fmt.Errorf("the %s %w", what, err)
		}
	}
	return nil
}

// ConnectError is an error of connecting to NATS.
type ConnectError struct {
	Where string // without secrets
	Err   error
	Try   string // what an operator can try
}

func (e *ConnectError) Error() string { return fmt.Sprintf("%s: %v; %s", e.Where, e.Err, e.Try) }
func (e *ConnectError) Unwrap() error { return e.Err }

// explain says where we could not connect to, and what to try.
func (c *NATS) explain(err error) error {
	var parse *url.Error
	if errors.As(err, &parse) { // of a context: ours have been checked
		err = errors.New("its URL is malformed")
	}
	hint := advice.NATS(err)
	if c.Context != "" {
		if hint == "" {
			hint = "nats context ls shows the contexts, nats context validate checks them"
		}
		return &ConnectError{fmt.Sprintf("context %q", c.Context), err, hint}
	}
	if hint == "" {
		hint = "start one with: seqd dev; or name it with --nats-url"
	}
	return &ConnectError{natsHosts(c.url()), err, hint}
}

func (c *NATS) url() string {
	if c.URL == "" {
		return nats.DefaultURL
	}
	return c.URL
}

// Where says where NATS is, without secrets.
func (c *NATS) Where() string {
	if c.Context != "" {
		return "NATS context " + c.Context
	}
	var all []string
	for _, one := range strings.Split(c.url(), ",") {
		u, err := url.Parse(strings.TrimSpace(one))
		if err != nil || u.Host == "" {
			all = append(all, one[strings.LastIndex(one, "@")+1:])
			continue
		}
		u.User = nil
		all = append(all, u.String())
	}
	return strings.Join(all, ",")
}

// natsOption is what a setting does to a connection.
type natsOption struct {
	setting string
	option  nats.Option
}

func (c *NATS) options(key *nkey) []natsOption {
	var options []natsOption
	add := func(setting, value string, option nats.Option) {
		if value != "" {
			options = append(options, natsOption{setting, option})
		}
	}
	creds := credentials{c.Creds}
	add("creds", c.Creds, nats.UserJWT(creds.jwt, creds.sign))
	add("user", c.User, nats.UserInfo(c.User, c.Password))
	add("token", c.Token, nats.Token(c.Token))
	add("nkey", c.NKey, key.option)
	add("cert", c.Cert, nats.ClientCert(c.Cert, c.Key))
	add("ca", c.CA, nats.RootCAs(c.CA))
	add("inbox_prefix", c.InboxPrefix, nats.CustomInboxPrefix(c.InboxPrefix))
	return options
}
