package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/synadia-io/orbit.go/natscontext"
)

// contextSettings reads what a context of the nats tool says. An error about the
// file itself is left to natscontext, which reads it again to connect.
func contextSettings(name string) (has natscontext.Settings) {
	file := name
	if !filepath.IsAbs(name) {
		dir := os.Getenv("XDG_CONFIG_HOME")
		if dir == "" {
			home, err := os.UserHomeDir()
			if err != nil {
				return has
			}
			dir = filepath.Join(home, ".config")
		}
		file = filepath.Join(dir, "nats", "context", name+".json")
	}
	if text, err := os.ReadFile(file); err == nil {
		_ = json.Unmarshal(text, &has)
	}
	return has
}

// checkContext refuses settings of a context that natscontext takes and does not
// use. Of what it leaves to us, stamp uses jetstream_domain and
// jetstream_api_prefix; jetstream_event_prefix and color_scheme are about what the
// nats tool itself shows.
func checkContext(has natscontext.Settings) error {
	switch {
	case has.NSCLookup != "":
		return errors.New("its setting nsc is not supported: set url and creds in it, as nsc generate profile shows them")
	case has.UserJwt != "":
		return errors.New("its setting user_jwt is not supported: put the JWT and the seed into a file and name that as creds")
	case (has.Cert == "") != (has.Key == ""):
		return errors.New("its settings cert and key belong together: set both or none")
	case has.User == "" && has.Password != "":
		return errors.New("its setting password is of no use without user")
	case has.User != "" && has.Creds != "":
		return errors.New("its settings user and creds are both set: set one of them")
	case has.User != "" && has.NKey != "":
		return errors.New("its settings user and nkey are both set: set one of them")
	case has.Creds != "" && has.NKey != "":
		return errors.New("its settings creds and nkey are both set: set one of them")
	case has.JSDomain != "" && has.JSAPIPrefix != "":
		return errors.New("its settings jetstream_domain and jetstream_api_prefix are both set: set one of them")
	}
	return nil
}

// JetStream says which JetStream is meant: domain, if it is set, else what the
// context says. Both empty mean that of the server or account.
func (c *NATS) JetStream(domain string) (_, apiPrefix string) {
	if domain != "" || c.Context == "" {
		return domain, ""
	}
	has := contextSettings(c.Context)
	return has.JSDomain, has.JSAPIPrefix
}

// checkContext checks the context that is set. The error is a settingError.
func (c *NATS) checkContext() error {
	if c.Context == "" {
		return nil
	}
	if err := checkContext(contextSettings(c.Context)); err != nil {
		return &settingError{"context", fmt.Errorf("context %q: %w", c.Context, err)}
	}
	return nil
}
