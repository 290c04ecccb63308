package subjects

import (
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"unicode/utf8"
)

// MaxNonceLen bounds a string or binary nonce, in bytes.
const MaxNonceLen = 16

// Nonce is a caller's mark on a request, which the reply repeats unchanged. It is a
// string or binary of at most 16 bytes, or an integer. With it a client can tell the
// answer to this request from a late answer to another one. The zero value is no
// nonce. Nonces are compared with ==.
type Nonce struct {
	form nonceForm
	n    uint8                 // bytes used of buf
	buf  [maxNonceElement]byte // what form says
}

type nonceForm uint8

const (
	noNonce   nonceForm = iota
	mpElement           // a whole msgpack element: str, bin or integer
	jsonStr             // a JSON string's content
	jsonInt             // a JSON integer's digits
)

// maxNonceElement holds a bin32 head and 16 bytes, or 20 digits.
const maxNonceElement = 5 + MaxNonceLen

// IntNonce returns an integer nonce.
func IntNonce(u uint64) Nonce {
	var n Nonce
	n.set(mpElement, binary.BigEndian.AppendUint64([]byte{mpUint64}, u))
	return n
}

// StringNonce returns a string nonce, or an [ErrBadRequest] for one of more
// than 16 bytes.
func StringNonce(s string) (Nonce, error) {
	var n Nonce
	if len(s) > MaxNonceLen {
		return n, errNonceLength
	}
	n.set(mpElement, appendStr(nil, s))
	return n, nil
}

// IsSet reports whether there is a nonce.
func (n *Nonce) IsSet() bool { return n.form != noNonce }

// set replaces all of n, unused bytes too: they count in a comparison with ==.
func (n *Nonce) set(form nonceForm, b []byte) {
	*n = Nonce{form: form}
	n.n = uint8(copy(n.buf[:], b))
}

func (n *Nonce) bytes() []byte { return n.buf[:n.n] }

// setElement keeps a msgpack element as the nonce.
func (n *Nonce) setElement(e element) *Error {
	switch {
	case e.kind == kindInt || e.kind == kindUint:
	case e.kind != kindStr && e.kind != kindBin:
		return errNonceType
	case len(e.data) > MaxNonceLen:
		return errNonceLength
	}
	n.set(mpElement, e.raw)
	return nil
}

// setJSON keeps a JSON value as the nonce.
func (n *Nonce) setJSON(value []byte) *Error {
	if s, ok := jsonString(value); ok {
		switch {
		case len(s) > MaxNonceLen:
			return errNonceLength
		case !utf8.Valid(value): // s may not be what the caller wrote
			return errNonceUTF8
		}
		n.set(jsonStr, s)
		return nil
	}
	_, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil {
		_, err = strconv.ParseUint(string(value), 10, 64)
	}
	if err != nil {
		return errNonceType
	}
	n.set(jsonInt, value)
	return nil
}

// append writes the nonce as a value in f. In the format it came in it is
// unchanged; in the other one binary becomes base64, as in proto3's JSON.
func (n *Nonce) append(dst []byte, f Format) []byte {
	switch {
	case f == JSON && n.form == jsonStr:
		return appendJSONString(dst, string(n.bytes()))
	case f == JSON && n.form == mpElement:
		return n.appendElementAsJSON(dst)
	case n.form == jsonStr:
		return appendStr(dst, string(n.bytes()))
	case f == Msgpack && n.form == jsonInt:
		return appendDigits(dst, string(n.bytes()))
	default: // the form fits the format
		return append(dst, n.bytes()...)
	}
}

func (n *Nonce) appendElementAsJSON(dst []byte) []byte {
	r := reader{rest: n.bytes()}
	e, _ := r.next()
	switch e.kind {
	case kindInt:
		return strconv.AppendInt(dst, e.i, 10)
	case kindUint:
		return strconv.AppendUint(dst, uint64(e.i), 10)
	case kindBin:
		return appendJSONString(dst, base64.StdEncoding.EncodeToString(e.data))
	default:
		return appendJSONString(dst, string(e.data))
	}
}

// appendDigits writes a JSON integer, known to fit 64 bits, in msgpack.
func appendDigits(dst []byte, digits string) []byte {
	if u, err := strconv.ParseUint(digits, 10, 64); err == nil {
		return appendUint(dst, u)
	}
	i, _ := strconv.ParseInt(digits, 10, 64)
	return appendInt(dst, i)
}
