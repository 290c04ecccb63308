package subjects

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strconv"
)

// MaxNonceLen bounds a string or binary nonce, in bytes.
const MaxNonceLen = 16

// Nonce is a caller's mark on a request, echoed unchanged in the reply: a
// string or binary of at most 16 bytes, or an integer. It lets a client tell
// the answer to this request from a late one to another. The zero value is no
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
		return n, badRequest("nonce must have at most %d bytes, not %d", MaxNonceLen, len(s))
	}
	n.set(mpElement, appendStr(nil, s))
	return n, nil
}

// IsSet reports whether there is a nonce.
func (n *Nonce) IsSet() bool { return n.form != noNonce }

func (n *Nonce) set(form nonceForm, b []byte) {
	n.form, n.n = form, uint8(copy(n.buf[:], b))
}

func (n *Nonce) bytes() []byte { return n.buf[:n.n] }

// setElement keeps a msgpack element as the nonce.
func (n *Nonce) setElement(e element) error {
	switch {
	case e.kind == kindInt || e.kind == kindUint:
	case e.kind != kindStr && e.kind != kindBin:
		return badRequest("nonce must be a string, binary or an integer")
	case len(e.data) > MaxNonceLen:
		return badRequest("nonce must have at most %d bytes, not %d", MaxNonceLen, len(e.data))
	}
	n.set(mpElement, e.raw)
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

func appendJSONString(dst []byte, s string) []byte {
	b, _ := json.Marshal(s) // a string always marshals
	return append(dst, b...)
}
