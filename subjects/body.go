package subjects

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// Names of a request body's fields.
const (
	countField = "n"
	modeField  = "mode"
	nonceField = "nonce"
)

// What can be wrong with a body. They are made once: a body may repeat a wrong
// field as often as it likes.
var (
	errNotMap      = badRequest("body is not one whole msgpack map")
	errNotObject   = badRequest("body is not one whole JSON object")
	errCount       = badRequest("n must be an integer that fits 64 bits")
	errModeType    = badRequest("mode must be a string")
	errNonceType   = badRequest("nonce must be a string, binary or an integer that fits 64 bits")
	errNonceLength = badRequest("nonce must have at most %d bytes", MaxNonceLen)
	errNonceUTF8   = badRequest("nonce must be UTF-8")
)

// decodeMsgpack reads a request body that begins as a map. Unknown fields are
// passed over; after a field of the wrong type the rest is still read, for the
// nonce.
func (f *fields) decodeMsgpack(body []byte) error {
	r := reader{rest: body}
	head, ok := r.next()
	if !ok {
		return errNotMap
	}
	var firstErr error
	for range head.n / 2 {
		name, ok := r.next()
		if !ok || !r.skip(name) {
			return errNotMap
		}
		value, ok := r.next()
		if !ok || !r.skip(value) {
			return errNotMap
		}
		if name.kind != kindStr || firstErr != nil && string(name.data) != nonceField {
			continue
		}
		if err := f.setElement(name.data, value); firstErr == nil {
			firstErr = err
		}
	}
	if len(r.rest) > 0 {
		return errNotMap
	}
	return firstErr
}

func (f *fields) setElement(name []byte, value element) error {
	switch string(name) {
	case countField:
		if value.kind != kindInt {
			return errCount
		}
		f.n = value.i
	case modeField:
		if value.kind != kindStr {
			return errModeType
		}
		return f.setMode(value.data)
	case nonceField:
		return f.nonce.setElement(value)
	}
	return nil
}

func (f *fields) setMode(name []byte) (err error) {
	f.mode, err = ParseMode(string(name))
	return err
}

// decodeJSON reads a request body that begins as an object, by the same rules
// as decodeMsgpack. Names are compared exactly.
func (f *fields) decodeJSON(body []byte) error {
	if !json.Valid(body) {
		return errNotObject
	}
	var firstErr error
	rest := bytes.TrimLeft(body[1:], jsonSpace)
	for rest[0] != '}' {
		var name, value []byte
		name, rest = cutJSON(rest)
		value, rest = cutJSON(rest[1:]) // behind the colon
		if rest[0] == ',' {
			rest = bytes.TrimLeft(rest[1:], jsonSpace)
		}
		name, _ = jsonString(name)
		if firstErr != nil && string(name) != nonceField {
			continue
		}
		if err := f.setJSON(name, value); firstErr == nil {
			firstErr = err
		}
	}
	return firstErr
}

func (f *fields) setJSON(name, value []byte) error {
	switch string(name) {
	case countField:
		n, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil {
			return errCount
		}
		f.n = n
	case modeField:
		s, ok := jsonString(value)
		if !ok {
			return errModeType
		}
		return f.setMode(s)
	case nonceField:
		return f.nonce.setJSON(value)
	}
	return nil
}
