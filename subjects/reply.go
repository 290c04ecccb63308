package subjects

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"time"
)

// Headers of an error reply, as NATS services write them (ADR-32).
const (
	ErrorCodeHeader = "Nats-Service-Error-Code" // the code's number
	ErrorHeader     = "Nats-Service-Error"      // "CODE: text", in printable ASCII
)

// Reply is one contiguous range of ids: ID, ID+1, … ID+N-1.
type Reply struct {
	ID    int64
	N     int
	Nonce Nonce
}

// Append writes the reply in f. Text holds the first id, and the last one too
// where there is more than one; it has no room for a nonce. If dst has room for
// 64 bytes nothing is allocated, unless a string nonce has to be written in JSON.
func (r *Reply) Append(dst []byte, f Format) []byte {
	switch f {
	case JSON:
		dst = strconv.AppendInt(append(dst, `{"id":"`...), r.ID, 10)
		dst = strconv.AppendInt(append(dst, `","n":`...), int64(r.N), 10)
		if r.Nonce.IsSet() {
			dst = r.Nonce.append(append(dst, `,"nonce":`...), JSON)
		}
		return append(dst, '}')
	case Text:
		dst = strconv.AppendInt(dst, r.ID, 10)
		if r.N > 1 {
			dst = strconv.AppendInt(append(dst, ' '), r.ID+int64(r.N)-1, 10)
		}
		return dst
	}
	count := byte(2)
	if r.Nonce.IsSet() {
		count = 3
	}
	dst = appendInt64(append(dst, mpFixmap|count, mpFixstr|2, 'i', 'd'), r.ID)
	dst = binary.BigEndian.AppendUint32(append(dst, mpFixstr|1, 'n', mpUint32), uint32(r.N))
	if r.Nonce.IsSet() {
		dst = r.Nonce.append(appendStr(dst, nonceField), Msgpack)
	}
	return dst
}

// AppendError writes the body of an error reply in f. The body is never empty
// and can't be taken for ids. The headers go with it: see [Error.Header].
func AppendError(dst []byte, f Format, e *Error, nonce *Nonce) []byte {
	retry := retryMs(e)
	switch f {
	case JSON:
		dst = appendJSONString(append(dst, `{"code":`...), string(e.Code))
		dst = appendJSONString(append(dst, `,"error":`...), e.Text)
		if retry > 0 {
			dst = strconv.AppendUint(append(dst, `,"retry_after_ms":`...), retry, 10)
		}
		if nonce.IsSet() {
			dst = nonce.append(append(dst, `,"nonce":`...), JSON)
		}
		return append(dst, '}')
	case Text:
		return append(append(dst, "error: "...), e.Error()...)
	}
	count := byte(2)
	if retry > 0 {
		count++
	}
	if nonce.IsSet() {
		count++
	}
	dst = appendStr(appendStr(append(dst, mpFixmap|count), "code"), string(e.Code))
	dst = appendStr(appendStr(dst, "error"), e.Text)
	if retry > 0 {
		dst = appendUint(appendStr(dst, "retry_after_ms"), retry)
	}
	if nonce.IsSet() {
		dst = nonce.append(appendStr(dst, nonceField), Msgpack)
	}
	return dst
}

// Header returns the headers that go with an error reply. They are printable
// ASCII, whatever the text holds: other characters are written \uXXXX, and whole
// in the body alone. NATS headers may be UTF-8, but not every client survives
// that: jnats 2.26's reader dies of it.
func (e *Error) Header() map[string][]string {
	return map[string][]string{
		ErrorCodeHeader: {strconv.Itoa(e.Code.Number())},
		ErrorHeader:     {printable(e.Error())},
	}
}

func first(header map[string][]string, name string) (string, bool) {
	v := header[name]
	if len(v) == 0 {
		return "", false
	}
	return v[0], true
}

// printable returns s with every character that is not printable ASCII written
// as in a Go string.
func printable(s string) string {
	if strings.IndexFunc(s, unprintable) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if !unprintable(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

func unprintable(r rune) bool { return r < ' ' || r > '~' }

// retryMs returns RetryAfter in whole milliseconds, rounded up.
func retryMs(e *Error) uint64 {
	if e.RetryAfter <= 0 {
		return 0
	}
	return uint64((e.RetryAfter-1)/time.Millisecond) + 1
}

// DecodeReply reads an answer in msgpack, without allocating where it holds ids.
// An error reply comes back as an [*Error], with its nonce in the Reply. An
// answer that is neither ids nor an error is an [ErrInternal].
func DecodeReply(header map[string][]string, body []byte) (Reply, error) {
	var a answer
	whole := a.decode(body)
	number, isError := first(header, ErrorCodeHeader)
	if whole && !isError && a.holdsIDs() {
		return Reply{ID: a.id, N: int(a.n), Nonce: a.nonce}, nil
	}
	e := &Error{Code: Internal, Text: "the worker's answer can't be read"}
	if isError {
		// The headers alone make an error; the body adds what they can't say.
		n, _ := strconv.Atoi(number)
		e.Code = codeOf(n)
		text, _ := first(header, ErrorHeader)
		e.Text = strings.TrimPrefix(text, string(e.Code)+": ")
	}
	if len(a.code) > 0 {
		e.Code = Code(a.code)
	}
	if a.text != nil {
		e.Text = string(a.text)
	}
	retry := min(max(a.retry, 0), int64(maxTimeout/time.Millisecond))
	e.RetryAfter = time.Duration(retry) * time.Millisecond
	return Reply{Nonce: a.nonce}, e
}

// answer holds the fields of both kinds of answer, while nobody knows yet which
// it is. A field of the wrong type counts as absent.
type answer struct {
	id, n, retry int64
	nonce        Nonce
	code, text   []byte
}

// decode reports whether body is one whole map.
func (a *answer) decode(body []byte) bool {
	r := reader{rest: body}
	head, ok := r.next()
	if !ok || head.kind != kindMap {
		return false
	}
	for range head.n / 2 {
		name, ok := r.next()
		if !ok || !r.skip(name) {
			return false
		}
		value, ok := r.next()
		if !ok || !r.skip(value) {
			return false
		}
		if name.kind == kindStr {
			a.setElement(name.data, value)
		}
	}
	return len(r.rest) == 0
}

func (a *answer) setElement(name []byte, value element) {
	switch {
	case string(name) == nonceField:
		_ = a.nonce.setElement(value) // an alien nonce is no nonce: the caller compares
	case value.kind == kindInt:
		switch string(name) {
		case "id":
			a.id = value.i
		case countField:
			a.n = value.i
		case "retry_after_ms":
			a.retry = value.i
		}
	case value.kind == kindStr:
		switch string(name) {
		case "code":
			a.code = value.data
		case "error":
			a.text = value.data
		}
	}
}

// holdsIDs reports whether the range is there, is positive and does not wrap.
func (a *answer) holdsIDs() bool {
	return a.id >= 1 && a.n >= 1 && a.n <= MaxN && a.id <= math.MaxInt64-(a.n-1)
}
