package advice

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/nats-io/nats.go"
)

// NATS returns what to try about an error of connecting to NATS, or "" if there
// is nothing special.
func NATS(err error) string {
	var file *fs.PathError
	switch {
	case errors.Is(err, nats.ErrAuthorization):
		return "NATS does not take this user: look at the user and password, the token, creds or nkey, and at the server's log"
	case errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAccountAuthExpired):
		return "the credentials have expired: put new ones into the file, which is read again for every try"
	case errors.Is(err, nats.ErrAuthRevoked):
		return "the credentials were revoked: put new ones into the file, which is read again for every try"
	case errors.Is(err, nats.ErrSecureConnWanted):
		return "the server offers no TLS: turn it on there, or leave out --nats-ca, --nats-cert and --nats-key"
	case errors.Is(err, nats.ErrMaxConnectionsExceeded), errors.Is(err, nats.ErrMaxAccountConnectionsExceeded):
		return "NATS takes no more connections: raise max_connections of nats-server, or the limit of the user's account"
	case strings.Contains(strings.ToLower(err.Error()), "maximum payload violation"): // nats.go has no type for what ends a connection so
		return "was max_payload of nats-server lowered? answers that are larger from now on are counted as seqd_answers_lost_total"
	case errors.As(err, &file):
		return "look whether the file is there and may be read by this user: --nats-creds, --nats-nkey, --nats-cert, --nats-key, --nats-ca"
	}
	hint := aboutTLS(err, "nats")
	if hint == "" && errors.Is(err, nats.ErrTLS) { // it told why, but had gone when we wrote, and so nobody read it
		hint = "the server ended the TLS handshake: it asks for a client certificate, or refuses ours: look at --nats-cert and --nats-key, and at the server's log"
	}
	return hint
}
