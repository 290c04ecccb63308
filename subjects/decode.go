package subjects

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// DecodeReply reads an answer in msgpack. It allocates nothing where the answer has
// ids and no numbers. It returns as many numbers as there are, and whoever counts on
// one for each id has to compare. An error reply comes back as an *Error, with its
// nonce in the Reply. An answer that is neither ids nor an error is an ErrInternal.
func DecodeReply(header map[string][]string, body []byte) (Reply, error) {
	var a answer
	whole := a.decode(body)
	number, isError := first(header, ErrorCodeHeader)
	if whole && !isError && a.holdsIDs() {
		replayed, _ := first(header, ReplayedHeader)
		return Reply{
			ID: a.id, N: int(a.n), Nonce: a.nonce,
			Period: string(a.period), Numbers: texts(a.numbers, a.count), Replayed: replayed == "true",
		}, nil
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
	period       []byte
	numbers      []byte // count elements, and what stands behind them
	count        int
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
		items := r.rest
		if !ok || !r.skip(value) {
			return false
		}
		if name.kind == kindStr {
			a.setElement(name.data, value, items)
		}
	}
	return len(r.rest) == 0
}

// setElement keeps a field. If it is an array, items stand at the beginning of what
// is given as such.
func (a *answer) setElement(name []byte, value element, items []byte) {
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
		case periodField:
			a.period = value.data
		case numberField:
			a.numbers, a.count = value.raw, 1
		}
	case value.kind == kindArray && string(name) == numbersField:
		a.numbers, a.count = items, value.n
	}
}

// holdsIDs reports whether the range is there, is positive and does not wrap.
func (a *answer) holdsIDs() bool {
	return a.id >= 1 && a.n >= 1 && a.n <= MaxN && a.id <= math.MaxInt64-(a.n-1)
}

// texts returns the first n elements of items, nil if one of them is no string.
func texts(items []byte, n int) []string {
	if n == 0 {
		return nil
	}
	r := reader{rest: items}
	all := make([]string, 0, n)
	for range n {
		e, _ := r.next()
		if e.kind != kindStr {
			return nil
		}
		all = append(all, string(e.data))
	}
	return all
}

func first(header map[string][]string, name string) (string, bool) {
	v := header[name]
	if len(v) == 0 {
		return "", false
	}
	return v[0], true
}
