package settings

import (
	"errors"
	"strings"
	"unicode"
)

// trimSecrets takes the line ends off names, passwords and tokens: who writes one
// to a file, or encodes it for Kubernetes, writes a line.
func (c *Config) trimSecrets() {
	c.NATS.trimSecrets()
	c.Etcd.trimSecrets()
	for _, s := range c.Stores {
		if s.Etcd != nil {
			s.Etcd.trimSecrets()
		}
	}
}

func (c *NATS) trimSecrets() { trimLineEnds(&c.User, &c.Password, &c.Token) }

func (c *Etcd) trimSecrets() { trimLineEnds(&c.Username, &c.Password) }

func trimLineEnds(texts ...*string) {
	for _, text := range texts {
		*text = strings.TrimRight(*text, "\r\n")
	}
}

// checkSecret refuses what no keyboard types: it is another file, or two lines of
// one. It does not show it.
func checkSecret(text string) error {
	if strings.ContainsFunc(text, unicode.IsControl) {
		return errors.New("holds a line end or another control character: is it the right text, and one line?")
	}
	return nil
}
