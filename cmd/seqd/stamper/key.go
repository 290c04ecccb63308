package stamper

import (
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seqd-io/seqd/subjects"
)

// Key gives the key of a message: any text that is not empty, as for
// seqd.Client.Next. An error makes it a bad message, see [Config.SkipBad]. It
// must give the same key each time it is asked for the same message, and is
// called by one goroutine.
type Key func(msg jetstream.Msg) (string, error)

// KeyToken takes the n-th token of the message's subject, from 1.
func KeyToken(n int) Key {
	return func(msg jetstream.Msg) (string, error) {
		return token(msg.Subject(), n)
	}
}

// KeyHeader takes the first value of a header. The name is case-sensitive, as
// NATS has it.
func KeyHeader(name string) Key {
	return func(msg jetstream.Msg) (string, error) {
		if v := msg.Headers().Values(name); len(v) > 0 && v[0] != "" {
			return v[0], nil
		}
		return "", fmt.Errorf("it has no header %q", name)
	}
}

// KeyText gives all messages the same key.
func KeyText(text string) Key {
	return func(jetstream.Msg) (string, error) { return text, nil }
}

// checkKey refuses a key that seqd would refuse, or that a header could not
// carry unchanged.
func checkKey(key string) error {
	if _, err := subjects.Escape(key); err != nil {
		return err
	}
	// Line ends would be replaced, and space around a header's value is cut off.
	if strings.TrimSpace(key) != key || strings.ContainsAny(key, "\r\n") {
		return fmt.Errorf("its key %q begins or ends with space or has a line end, which the header %s can't carry", key, KeyHeaderName)
	}
	return nil
}

func token(subject string, n int) (string, error) {
	tokens := strings.Split(subject, ".")
	if n < 1 || n > len(tokens) {
		return "", fmt.Errorf("its subject has %d tokens, and no token %d", len(tokens), n)
	}
	return tokens[n-1], nil
}
