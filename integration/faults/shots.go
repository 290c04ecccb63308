package faults

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/subjects"
)

// request draws a request for ids. What it is to be answered with is told by the
// wire's own parsers: the same bytes must come to the same over a connection.
func (a *attacker) request() *shot {
	s := &shot{subject: a.subject(), header: a.header(), body: a.bodyOf()}
	reply, usable := a.reply()
	s.reply, s.serial = reply, a.serial
	switch {
	case !a.may(s.subject):
		a.denied++
		s.check = func(map[string][]string, []byte) error { return errors.New("answered, although NATS was to refuse it") }
		return s
	case usable && delivered(s.subject):
		s.answers = exactlyOne
	case !usable:
		s.check = func(map[string][]string, []byte) error {
			return errors.New("answered, although no answer may go there")
		}
		return s
	}
	key, n, err := meant(s)
	if err == nil {
		a.assault.asks(key)
	}
	s.check = func(header map[string][]string, body []byte) error { return a.assault.fits(key, n, err, header, body) }
	return s
}

// may reports whether the attacker's permissions let it publish there.
func (a *attacker) may(subject string) bool {
	return a.user == neighbour && strings.HasPrefix(subject, subjects.Root+".") || strings.HasPrefix(subject, tenantsOwn)
}

// delivered reports whether NATS delivers what is published there to a worker.
func delivered(subject string) bool {
	tokens := strings.Split(subject, ".")
	if len(tokens) < 3 || tokens[0] != subjects.Root {
		return false
	}
	for _, token := range tokens {
		if token == "" {
			return false
		}
	}
	return true
}

// meant returns what a request asks for; the error is that it is malformed.
func meant(s *shot) (key allocator.Key, n int, malformed error) {
	store, name, err := subjects.Parse(subjects.Root, s.subject)
	key = allocator.Key{Store: store, Name: name}
	if err != nil {
		return key, 0, err
	}
	header, broken := fieldsOf(s.header)
	if broken != nil {
		return key, 0, broken
	}
	var r subjects.Request
	if err := r.Decode(header, s.body); err != nil {
		return key, 0, err
	}
	return key, r.N, nil
}

// fieldsOf reads a header block as the client library does.
func fieldsOf(block []byte) (map[string][]string, error) {
	if len(block) == 0 {
		return nil, nil
	}
	return nats.DecodeHeadersMsg(block)
}

// fits holds an answer against what was asked for.
func (s *assault) fits(key allocator.Key, n int, malformed error, header map[string][]string, body []byte) error {
	if len(body) > 4096 {
		return fmt.Errorf("an answer of %d bytes", len(body))
	}
	for name, values := range header {
		if err := plainText([]byte(name + strings.Join(values, ""))); err != nil {
			return fmt.Errorf("the answer's header: %w", err)
		}
	}
	if header["Nats-Service-Error-Code"] != nil {
		code := header["Nats-Service-Error-Code"][0]
		if malformed != nil && code != "400" {
			return fmt.Errorf("malformed (%v), and answered %s", malformed, code)
		}
		return nil // its rules may refuse what is well-formed
	}
	if malformed != nil {
		return fmt.Errorf("malformed (%v), and answered %.100q", malformed, body)
	}
	var ids allocator.Range
	switch {
	case body[0] == '{':
		var said struct {
			ID int64 `json:",string"`
			N  int
		}
		if err := json.Unmarshal(body, &said); err != nil {
			return fmt.Errorf("answered %.100q: %w", body, err)
		}
		ids = allocator.Range{First: said.ID, N: said.N}
	case body[0]&0xf0 == 0x80:
		reply, err := subjects.DecodeReply(header, body)
		if err != nil {
			return err
		}
		ids = allocator.Range{First: reply.ID, N: reply.N}
	default:
		return nil // text
	}
	if ids.N != n {
		return fmt.Errorf("%d ids, not %d", ids.N, n)
	}
	if header[subjects.ReplayedHeader] != nil {
		return nil
	}
	return s.got(key, ids)
}

// strange is bytes that subjects, headers and bodies are spoilt with: no blank and
// no line end, which would end a line of the protocol.
const strange = "*>.=/-_aZ0\x00\x01\x07\x08\x1b\x7f\x80\x9b\xc1\xff\xe5\x8f\x91%\"'\\{}[];:,"

// spoilt puts a few strange bytes into text, cuts it or doubles a part.
func (a *attacker) spoilt(text string) string {
	b := []byte(text)
	for range 1 + a.rnd.IntN(3) {
		if len(b) == 0 {
			return string(b)
		}
		at, c := a.rnd.IntN(len(b)), strange[a.rnd.IntN(len(strange))]
		switch a.rnd.IntN(4) {
		case 0:
			b[at] = c
		case 1:
			b = append(b[:at], append([]byte{c}, b[at:]...)...)
		case 2:
			b = b[:at]
		default:
			b = append(b, b[at:]...)
		}
	}
	return string(b[:min(len(b), 1500)])
}

const nameBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// name draws a name of so many bytes.
func (a *attacker) nameOf(length int) string {
	b := make([]byte, length)
	for i := range b {
		b[i] = nameBytes[a.rnd.IntN(len(nameBytes))]
	}
	return string(b)
}

func (a *attacker) subject() (subject string) {
	switch a.rnd.IntN(8) {
	case 0, 1: // what everybody asks for
		key := a.assault.throng.keys[a.rnd.IntN(len(a.assault.throng.keys))]
		return subjects.Subject(subjects.Root, key.Store, key.Name)
	case 2: // a new key with the longest name
		return subjects.Subject(subjects.Root, "evil", a.nameOf(subjects.MaxKeyLen))
	case 3: // a new store
		return subjects.Subject(subjects.Root, a.nameOf(1+a.rnd.IntN(subjects.MaxStoreLen)), "k")
	case 4:
		return subjects.Subject(subjects.Root, "bills", a.nameOf(2))
	case 5: // too long, or with too many tokens
		return subjects.Subject(subjects.Root, "evil", strings.Repeat(a.nameOf(1+a.rnd.IntN(40))+".", a.rnd.IntN(40))+"k")
	}
	for subject == "" {
		subject = a.spoilt(subjects.Subject(subjects.Root, "evil", a.nameOf(1+a.rnd.IntN(20))))
	}
	return subject
}

// reply draws a reply subject. usable is that an answer has to come there.
func (a *attacker) reply() (reply string, usable bool) {
	own := a.newReply()
	switch a.rnd.IntN(16) {
	case 0:
		return own + "." + strings.Repeat("x", 1100), false
	case 1:
		return own + ".*", false
	case 2:
		return own + ".>", false
	case 3:
		return own + "..x", false
	case 4:
		return own + ".\x1b[2J", false
	case 5:
		return "seq.orders.a", false
	case 6:
		return subjects.PeerRoot + "." + a.assault.ids[a.rnd.IntN(len(a.assault.ids))] + ".requests", false
	case 7:
		return own + ".\xff\xc3\x28", true
	case 8:
		return own + "." + strings.Repeat("x.", 100) + "y", true
	}
	return own, true
}

// headers that a request may have, and almost.
var headerNames = []string{"Seq-Count", "Seq-Mode", "Seq-Timeout-Ms", "Accept", "Idempotency-Key", "seq-count", "SEQ-MODE", "Seq_Count", "Seq-Unknown", "X-Anything", "traceparent", "tracestate"}

var headerValues = []string{"1", "3", "0", "-1", "1e3", "99999999999999999999", "strong", "weak", "STRONG", "application/json", "text/plain", "application/msgpack, */*;q=0.1", "", ",,,;q=", "100000", "5000",
	"00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"}

func (a *attacker) header() []byte {
	if a.rnd.IntN(2) == 0 {
		return nil
	}
	var b bytes.Buffer
	b.WriteString("NATS/1.0\r\n")
	for range a.rnd.IntN(4) {
		name, value := headerNames[a.rnd.IntN(len(headerNames))], headerValues[a.rnd.IntN(len(headerValues))]
		switch a.rnd.IntN(6) {
		case 0:
			value = a.spoilt(value + a.nameOf(1+a.rnd.IntN(60)))
		case 1:
			name = strings.ReplaceAll(a.spoilt(name), ":", "")
		case 2:
			value = strings.Repeat("x", 20_000)
		}
		fmt.Fprintf(&b, "%s: %s\r\n", name, value)
	}
	if a.rnd.IntN(40) == 0 {
		for range 500 {
			fmt.Fprintf(&b, "%s: %s\r\n", a.nameOf(10), a.nameOf(10))
		}
	}
	b.WriteString("\r\n")
	if a.rnd.IntN(10) == 0 {
		b.Truncate(b.Len() - 1 - a.rnd.IntN(b.Len()-1))
	}
	return b.Bytes()
}

// body draws a request's body.
func (a *attacker) bodyOf() []byte {
	r := subjects.Request{N: 1 + a.rnd.IntN(maxN), Mode: subjects.Mode(a.rnd.IntN(3))}
	if a.rnd.IntN(4) == 0 {
		r.Nonce = subjects.IntNonce(a.rnd.Uint64())
	}
	if a.rnd.IntN(16) == 0 { // each of these is a record in etcd for a while
		r.IdempotencyKey = a.nameOf(1 + a.rnd.IntN(64))
	}
	switch a.rnd.IntN(8) {
	case 0:
		return nil
	case 1:
		return []byte(a.spoilt(string(r.Append(nil))))
	case 2:
		return []byte(fmt.Sprintf(`{"n":%d,"nonce":"%s"}`, a.rnd.IntN(30)-3, a.nameOf(a.rnd.IntN(20))))
	case 3:
		return []byte(a.spoilt(fmt.Sprintf(`{"n":%d,"mode":"strong","x":[[[{}]]]}`, a.rnd.IntN(30))))
	case 4: // claims more than there is
		return binary.BigEndian.AppendUint32([]byte{0x81, 0xa1, 'x', []byte{0xdb, 0xdd, 0xdf, 0xc6, 0xc9}[a.rnd.IntN(5)]}, a.rnd.Uint32())
	case 5:
		return bytes.Repeat([]byte{strange[a.rnd.IntN(len(strange))]}, a.rnd.IntN(60_000))
	}
	return r.Append(nil)
}
