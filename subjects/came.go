package subjects

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

const (
	byteOrderMark = "\xef\xbb\xbf"
	beginsJSON    = `["tfn-0123456789` // first bytes of JSON values that are no object
	countHint     = `: for a count send {"n":2} or the header ` + CountHeader
)

// whatCame says in words what a body is that is no map, and in which format to
// refuse it: in JSON where it begins as JSON does, for its sender writes text and
// would be shown msgpack as garbage.
func whatCame(body []byte) (string, Format) {
	text := bytes.TrimLeft(body, jsonSpace)
	switch {
	case len(text) == 0:
		return "blanks alone", JSON
	case bytes.HasPrefix(text, []byte(byteOrderMark)):
		return "text behind a byte order mark: leave the mark out", JSON
	}
	format := Msgpack
	if bytes.IndexByte([]byte(beginsJSON), text[0]) >= 0 {
		format = JSON
	}
	switch {
	case format == JSON && json.Valid(text):
		return jsonCame(text[0]), format
	case utf8.Valid(text) && text[0] >= ' ':
		return "text that is no JSON", format
	}
	return msgpackCame(body), format
}

// jsonCame says what a JSON value is that begins with b and is no object.
func jsonCame(b byte) string {
	switch b {
	case '[':
		return "a JSON array"
	case '"':
		return "a JSON string"
	case 't', 'f':
		return "a JSON boolean"
	case 'n':
		return "JSON's null: for one id send {} or nothing"
	}
	return "a JSON number" + countHint
}

// msgpackCame says what a body is that is no text and no msgpack map.
func msgpackCame(body []byte) string {
	r := reader{rest: body}
	e, ok := r.next()
	if !ok || !r.skip(e) || len(r.rest) > 0 {
		return "bytes that are neither"
	}
	switch e.kind {
	case kindInt, kindUint:
		return "a msgpack integer" + countHint
	case kindStr:
		return "a msgpack string"
	case kindBin:
		return "msgpack binary"
	case kindArray:
		return "a msgpack array: write a map, with the fields' names"
	case kindNil:
		return "msgpack's nil: for one id send nothing"
	}
	return "a msgpack boolean, float or extension"
}
