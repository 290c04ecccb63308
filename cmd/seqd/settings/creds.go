package settings

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/nats-io/nkeys"
)

// credentials authenticates with a file of a JWT and a seed. It is read for every
// connection, so that others can be put there while we run.
//
// nats.UserCredentials would do it too, but takes what holds no JWT for one, and
// finds no seed where lines end with CR LF and the last one does not end.
type credentials struct{ file string }

func (c credentials) jwt() (string, error) {
	text, err := readUnix(c.file)
	if err != nil {
		return "", fmt.Errorf("credentials: %w", err)
	}
	defer clear(text)
	jwt, err := nkeys.ParseDecoratedJWT(text)
	if jwt = strings.TrimSpace(jwt); err != nil || strings.Count(jwt, ".") != 2 || strings.ContainsAny(jwt, " \n") {
		return "", fmt.Errorf("credentials %s: no user JWT; make them with: nsc generate creds", c.file)
	}
	return jwt, nil
}

func (c credentials) sign(nonce []byte) ([]byte, error) {
	text, err := readUnix(c.file)
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	defer clear(text)
	pair, err := nkeys.ParseDecoratedUserNKey(text)
	if err != nil {
		return nil, fmt.Errorf("credentials %s: no user's seed; make them with: nsc generate creds", c.file)
	}
	defer pair.Wipe()
	return pair.Sign(nonce)
}

// readUnix reads a file whose lines end as on any system, or not at all, and
// returns them as they end here, without blanks around the whole.
func readUnix(file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	clean := bytes.TrimSpace(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
	return append(bytes.Clone(clean), '\n'), nil
}
