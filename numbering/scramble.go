package numbering

import (
	"crypto/aes"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"

	"github.com/seqd-io/seqd/allocator"
)

// scrambler makes of ids numbers that don't tell how many there are: a keyed
// bijection for each period of each key, [ff1] with both as tweak.
type scrambler struct {
	ff1
	proof []byte // that the secret is the same elsewhere
}

// What keys are derived for. A later version of the bijection has another purpose.
const (
	scramblePurpose = "seqd numbering scramble 1"
	proofPurpose    = "seqd numbering fingerprint 1"
)

// newScrambler returns that of a format, nil if it scrambles nothing.
func newScrambler(parts []part, secret []byte) (*scrambler, error) {
	wrong := func(text string, args ...any) (*scrambler, error) {
		return nil, &PartError{Setting: "scramble_secret_file", Text: fmt.Sprintf(text, args...)}
	}
	for _, p := range parts {
		if p.kind != partScramble {
			continue
		}
		switch {
		case len(secret) == 0:
			return wrong("is missing: %s is keyed with a secret", p.text)
		case len(secret) < MinSecret:
			return wrong("the secret must have at least %d bytes, not %d", MinSecret, len(secret))
		}
		key, err := derive(secret, scramblePurpose)
		if err != nil {
			return wrong("%v", err)
		}
		proof, err := derive(secret, proofPurpose)
		if err != nil {
			return wrong("%v", err)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return wrong("%v", err)
		}
		return &scrambler{newFF1(block, p.width), proof}, nil
	}
	if len(secret) > 0 {
		return wrong("is set, but the format scrambles nothing: put {scramble:10} into it in place of {id}, or leave this out")
	}
	return nil, nil
}

// derive returns a key of 256 bits for a purpose.
func derive(secret []byte, purpose string) ([]byte, error) {
	return hkdf.Key(sha256.New, secret, nil, purpose, 32)
}

func (s *scrambler) encrypt(key allocator.Key, p allocator.Period, id int64) int64 {
	m := s.tweaked(key, p)
	n := s.ff1.encrypt(m, id)
	blocks.Put(m)
	return n
}

func (s *scrambler) decrypt(key allocator.Key, p allocator.Period, n int64) int64 {
	m := s.tweaked(key, p)
	id := s.ff1.decrypt(m, n)
	blocks.Put(m)
	return id
}

// tweaked returns what has taken in a key and a period, and is to be put back. No
// store and no key holds a zero byte.
func (s *scrambler) tweaked(key allocator.Key, p allocator.Period) *mac {
	m := blocks.Get().(*mac)
	m.begin(&s.ff1, len(key.Store)+1+len(key.Name)+1+2)
	m.addText(key.Store)
	m.addByte(0)
	m.addText(key.Name)
	m.addByte(0)
	m.addByte(byte(p >> 8))
	m.addByte(byte(p))
	m.end(&s.ff1)
	return m
}
