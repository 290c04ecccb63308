package subjects

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
)

// Names of a request body's fields.
const (
	countField = "n"
	modeField  = "mode"
	nonceField = "nonce"
)

// decodeMsgpack reads a request body that begins as a map. Unknown fields are
// passed over; after a field of the wrong type the rest is still read, for the
// nonce.
func (f *fields) decodeMsgpack(body []byte) error {
	malformed := badRequestMsgpack
	r := reader{rest: body}
	head, ok := r.next()
	if !ok {
		return malformed
	}
	var firstErr error
	for range head.n / 2 {
		name, ok := r.next()
		if !ok || !r.skip(name) {
			return malformed
		}
		value, ok := r.next()
		if !ok || !r.skip(value) {
			return malformed
		}
		if name.kind != kindStr {
			continue
		}
		if err := f.setElement(string(name.data), value); err != nil && firstErr == nil {
			firstErr = err
		}
	}
	if len(r.rest) > 0 {
		return malformed
	}
	return firstErr
}

var badRequestMsgpack = badRequest("body is not one whole msgpack map")

func (f *fields) setElement(name string, value element) error {
	switch name {
	case countField:
		if value.kind != kindInt {
			return badRequest("n must be an integer that fits 64 bits")
		}
		f.n = value.i
	case modeField:
		if value.kind != kindStr {
			return badRequest("mode must be a string")
		}
		mode, err := ParseMode(string(value.data))
		f.mode = mode
		return err
	case nonceField:
		return f.nonce.setElement(value)
	}
	return nil
}

// decodeJSON reads a request body that begins as an object, by the same rules
// as decodeMsgpack. Names are compared exactly.
func (f *fields) decodeJSON(body []byte) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if _, err := d.Token(); err != nil { // the brace
		return badRequestJSON
	}
	var firstErr error
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return badRequestJSON
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return badRequestJSON
		}
		if err := f.setJSON(name.(string), value); err != nil && firstErr == nil {
			firstErr = err
		}
	}
	if _, err := d.Token(); err != nil { // the closing brace
		return badRequestJSON
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return badRequestJSON
	}
	return firstErr
}

var badRequestJSON = badRequest("body is not one whole JSON object")

func (f *fields) setJSON(name string, value json.RawMessage) error {
	switch name {
	case countField:
		n, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil {
			return badRequest("n must be an integer that fits 64 bits")
		}
		f.n = n
	case modeField:
		s, ok := jsonString(value)
		if !ok {
			return badRequest("mode must be a string")
		}
		mode, err := ParseMode(s)
		f.mode = mode
		return err
	case nonceField:
		return f.nonce.setJSON(value)
	}
	return nil
}

func (n *Nonce) setJSON(value json.RawMessage) error {
	if s, ok := jsonString(value); ok {
		if len(s) > MaxNonceLen {
			return badRequest("nonce must have at most %d bytes, not %d", MaxNonceLen, len(s))
		}
		n.set(jsonStr, []byte(s))
		return nil
	}
	digits := string(value)
	_, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		_, err = strconv.ParseUint(digits, 10, 64)
	}
	if err != nil {
		return badRequest("nonce must be a string or an integer that fits 64 bits")
	}
	n.set(jsonInt, []byte(digits))
	return nil
}

func jsonString(value json.RawMessage) (s string, ok bool) {
	if value[0] != '"' {
		return "", false
	}
	return s, json.Unmarshal(value, &s) == nil
}
