package subjects

import (
	"bytes"
	"unicode/utf8"
)

// setKeyElement keeps a msgpack string, or binary, as the idempotency key. It stays
// out of its caller, for which it would be most of the code, and of the time that
// requests without a key take.
//
//go:noinline
func (f *fields) setKeyElement(value element) *Error {
	switch value.kind {
	case kindStr, kindBin:
		return f.setKey(value.data)
	}
	return errKeyType
}

// setKey keeps a body's idempotency key. Its bytes are compared, whatever they are.
func (f *fields) setKey(key []byte) *Error {
	if !keyFits(len(key)) {
		return errKeyLength
	}
	f.key = string(key)
	return nil
}

// setJSONKey keeps a JSON string as the idempotency key. It refuses what a JSON
// library puts U+FFFD in place of, half a surrogate pair and bytes that are no
// UTF-8: two keys that differ in nothing else would be one, and one caller would
// get the other's ids.
func (f *fields) setJSONKey(value []byte) *Error {
	s, ok := jsonString(value)
	switch {
	case !ok:
		return errKeyType
	case !utf8.Valid(value), bytes.Count(s, replacement) > bytes.Count(value, replacement):
		return errKeyText
	}
	return f.setKey(s)
}

// setHeaderKey keeps a header's idempotency key, which wins over the body's.
func (f *fields) setHeaderKey(key string) *Error {
	if !keyFits(len(key)) {
		return badKeyLength(IdempotencyHeader)
	}
	f.key = key
	return nil
}

// replacement is U+FFFD.
var replacement = []byte("\uFFFD")

// keyFits reports whether a key has a length that it may have. An empty one is no
// "not given": it is what comes of a variable that its caller believes is set.
func keyFits(n int) bool { return 1 <= n && n <= MaxIdempotencyKeyLen }

func badKeyLength(name string) *Error {
	return badRequest("%s must have 1 to %d bytes", name, MaxIdempotencyKeyLen)
}
