package settings

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/seqd-io/seqd/numbering"
)

// mostSecret is more than anybody means: a larger file is another one.
const mostSecret = 4096

// readSecret reads what numbers are scrambled with: the whole file, but for the
// line's end that editors and echo put behind it.
//
// Errors name neither the file nor what it holds: who writes the secret itself in
// place of the name, which is easily done, must not find it in a log.
func readSecret(file string) ([]byte, error) {
	const makeOne = "make one with: head -c 32 /dev/urandom | base64 > FILE, and give it to all workers"
	if err := checkFile("scramble_secret_file", file); err != nil {
		return nil, errors.New("must be the name of a file, but is a key itself: write it to a file")
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, unreadable(err)
	}
	defer f.Close()
	secret, err := io.ReadAll(io.LimitReader(f, mostSecret+1))
	if err != nil {
		return nil, unreadable(err)
	}
	if len(secret) > mostSecret {
		return nil, fmt.Errorf("the file has more than %d bytes: is it the right one? %s", mostSecret, makeOne)
	}
	secret = bytes.TrimRight(secret, "\r\n")
	if len(secret) < numbering.MinSecret {
		return nil, fmt.Errorf("the file holds %d bytes, and a secret has at least %d: %s", len(secret), numbering.MinSecret, makeOne)
	}
	return secret, nil
}

// unreadable says what keeps a file from being read, and what to try.
func unreadable(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		err = at.Err
	}
	return fmt.Errorf("read the file that is named here: %w", hintFile(err))
}

// standIn is a secret in place of one that can't be read: for commands that look at
// counters, which print no numbers.
func standIn(file string) ([]byte, error) {
	secret, err := readSecret(file)
	if err != nil {
		secret = make([]byte, numbering.MinSecret)
		_, err = rand.Read(secret)
	}
	return secret, err
}
