package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/nats-io/nats.go"
)

// check finds what keeps a connection from being tried: settings that contradict
// each other, files that aren't there or don't parse, a context that isn't there.
// It does what connect does, up to the first dial. The error is a settingError.
func (c *NATS) check(named func(setting string) string) error {
	c.trimSecrets()
	if err := c.validate(named); err != nil {
		return err
	}
	key := &nkey{file: c.NKey}
	for _, s := range c.options(key) {
		if err := try(s.option); err != nil {
			return &settingError{s.setting, hintFile(err)}
		}
	}
	if c.Context == "" {
		return nil
	}
	looked := errors.New("only looked at")
	var problem error
	_, err := c.open([]nats.Option{func(o *nats.Options) error {
		problem = checkServers(o)
		if problem == nil {
			problem = errors.Join(trimLogin(o), try(func(t *nats.Options) error { *t = *o; return nil }))
		}
		return looked
	}})
	if errors.Is(err, looked) {
		err = problem
	}
	if err != nil {
		return &settingError{"context", c.explain(err)}
	}
	return nil
}

// try applies an option, and calls what it has called while we connect.
func try(option nats.Option) error {
	var o nats.Options
	if err := option(&o); err != nil {
		return err
	}
	if o.UserJWT != nil {
		jwt, err := o.UserJWT()
		if err == nil && strings.Count(jwt, ".") != 2 {
			err = errors.New("the credentials hold no user JWT")
		}
		if err != nil {
			return err
		}
	}
	if o.SignatureCB != nil {
		_, err := o.SignatureCB([]byte("nonce"))
		return err
	}
	return nil
}

// checkServers checks a context's URLs, which nats.go complains about with a
// worker's patience, or with the whole of them.
func checkServers(o *nats.Options) error {
	if all := strings.Join(o.Servers, ","); all != "" {
		if err := checkNATSURL(all); err != nil {
			return fmt.Errorf("its URL: %w", err)
		}
	}
	return nil
}

// hintFile says what to try about a file that can't be read.
func hintFile(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w; look whether the file is there and may be read by this user", err)
	}
	return err
}
