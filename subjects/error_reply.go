package subjects

import (
	"strconv"
	"strings"
	"time"
)

// Headers of an error reply, as NATS services write them (ADR-32).
const (
	ErrorCodeHeader = "Nats-Service-Error-Code" // the code's number
	ErrorHeader     = "Nats-Service-Error"      // "CODE: text", in printable ASCII
)

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

// Header returns the headers that go with an error reply. They are printable ASCII,
// whatever the text holds. Other characters are written \uXXXX there, and as they are
// in the body alone. NATS headers may be UTF-8, but not every client can read that.
func (e *Error) Header() map[string][]string {
	return map[string][]string{
		ErrorCodeHeader: {strconv.Itoa(e.Code.Number())},
		ErrorHeader:     {printable(e.Error())},
	}
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
