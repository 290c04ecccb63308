package subjects

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// What can be wrong with a body. They are made once: a body may repeat a wrong
// field as often as it likes.
var (
	errNotMap      = badRequest("body is not one whole msgpack map")
	errNotObject   = badRequest("body is not one whole JSON object")
	errNoField     = badRequest("no field of the body is known: seqd knows n, mode, nonce and idempotency_key, at the top of the map, not inside an envelope")
	errCount       = badRequest("n must be an integer that fits 64 bits")
	errModeType    = badRequest("mode must be a string")
	errNonceType   = badRequest("nonce must be a string, binary or an integer that fits 64 bits")
	errNonceLength = badRequest("nonce must have at most %d bytes", MaxNonceLen)
	errNonceUTF8   = badRequest("nonce must be UTF-8")
	errKeyType     = badRequest("%s must be a string or binary", idempotencyField)
	errKeyLength   = badKeyLength(idempotencyField)
	errKeyText     = badRequest("%s must be text that UTF-8 can write", idempotencyField)
)

// decodeBody returns the format of a body and reads its fields. The body's first
// byte tells what it is; blanks may stand before JSON.
func (f *fields) decodeBody(body []byte) (Format, *Error) {
	if isMap(body[0]) {
		return Msgpack, f.decodeMsgpack(body)
	}
	if text := bytes.TrimLeft(body, jsonSpace); len(text) > 0 && text[0] == '{' {
		return JSON, f.decodeJSON(text)
	}
	came, format := whatCame(body)
	return format, badRequest("body must be empty, a msgpack map or a JSON object, not %s", came)
}

// decodeMsgpack reads a request body that begins as a map. Unknown fields beside
// known ones are passed over; after a wrong field the rest is still read, for the
// nonce.
func (f *fields) decodeMsgpack(body []byte) *Error {
	r := reader{rest: body}
	head, ok := r.next()
	if !ok {
		return errNotMap
	}
	var firstErr *Error
	for range head.n / 2 {
		name, ok := r.next()
		if !ok || !r.skip(name) {
			return errNotMap
		}
		value, ok := r.next()
		if !ok || !r.skip(value) {
			return errNotMap
		}
		// Perl's and Python's packers write names as binary.
		if name.kind != kindStr && name.kind != kindBin || firstErr != nil && !f.wantsNonce(name.data) {
			continue
		}
		known, err := f.see(name.data)
		if known != noField {
			err = f.setElement(known, value)
		}
		if firstErr == nil {
			firstErr = err
		}
	}
	if len(r.rest) > 0 {
		return errNotMap
	}
	if firstErr == nil && f.seen == noField && head.n > 0 {
		return errNoField
	}
	return firstErr
}

// wantsNonce reports whether a field has still to be read where the request is
// wrong already: the refusal echoes the nonce.
func (f *fields) wantsNonce(name []byte) bool {
	return string(name) == nonceField && f.seen&fieldNonce == 0
}

// see notes that a field of that name is there. known is noField for one that is
// not to be read: it is unknown, or in error.
func (f *fields) see(name []byte) (known field, err *Error) {
	known = fieldOf(name)
	switch {
	case known == noField:
		if near := nearField(name); near != noField {
			err = badRequest("field %.40q must be written %q", name, near)
		}
		return noField, err
	case f.seen&known != 0: // which of the two counts would be a guess
		return noField, badRequest("field %q stands twice", known)
	}
	f.seen |= known
	return known, nil
}

// setElement reads a field's value. Nil means that the field is not given.
func (f *fields) setElement(known field, value element) *Error {
	if value.kind == kindNil {
		return nil
	}
	switch known {
	case fieldN:
		if value.kind != kindInt {
			return errCount
		}
		f.n = value.i
	case fieldMode:
		// A packer that writes a name as binary writes this one so, too.
		if value.kind != kindStr && value.kind != kindBin {
			return errModeType
		}
		return f.setMode(value.data)
	case fieldNonce:
		return f.nonce.setElement(value)
	case fieldIdempotency:
		return f.setKeyElement(value)
	}
	return nil
}

func (f *fields) setMode(name []byte) (err *Error) {
	f.mode, err = parseMode(string(name))
	return err
}

// decodeJSON reads a request body that begins as an object, by the same rules
// as decodeMsgpack.
func (f *fields) decodeJSON(body []byte) *Error {
	if !json.Valid(body) {
		return errNotObject
	}
	var firstErr *Error
	rest := bytes.TrimLeft(body[1:], jsonSpace)
	empty := rest[0] == '}'
	for rest[0] != '}' {
		var name, value []byte
		name, rest = cutJSON(rest)
		value, rest = cutJSON(rest[1:]) // behind the colon
		if rest[0] == ',' {
			rest = bytes.TrimLeft(rest[1:], jsonSpace)
		}
		name, _ = jsonString(name)
		if firstErr != nil && !f.wantsNonce(name) {
			continue
		}
		known, err := f.see(name)
		if known != noField {
			err = f.setJSON(known, value)
		}
		if firstErr == nil {
			firstErr = err
		}
	}
	if firstErr == nil && f.seen == noField && !empty {
		return errNoField
	}
	return firstErr
}

// setJSON reads a field's value. Null means that the field is not given.
func (f *fields) setJSON(known field, value []byte) *Error {
	if string(value) == "null" {
		return nil
	}
	switch known {
	case fieldN:
		n, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil {
			return errCount
		}
		f.n = n
	case fieldMode:
		s, ok := jsonString(value)
		if !ok {
			return errModeType
		}
		return f.setMode(s)
	case fieldNonce:
		return f.nonce.setJSON(value)
	case fieldIdempotency:
		return f.setJSONKey(value)
	}
	return nil
}
