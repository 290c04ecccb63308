package worker

import (
	"encoding/binary"
	"strings"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/subjects"
)

// What workers hand over travels in a form of its own. All requests of a message
// are for one worker, of any keys:
//
//	version, patience (2 bytes, ms), count (2 bytes), the receiver's clock (8 bytes), then of each request:
//	flags, hops, n, left (µs), reply, "<store>.<key>"[, nonce][, traceparent, tracestate][, idempotency key]
//
// Numbers without a size are varints; texts have their length before them. A
// nonce is written as a caller's body that has nothing else. The answer to all of
// it is a word. What can't be read, or is of another version, is not taken, as a
// whole: who has sent it goes on by itself.
const (
	wireVersion = 1

	// keyedVersion is that of a message in which a request has an idempotency key. A
	// worker that knows no such keys would serve the request without, and a repeat
	// would get other ids: so it is not to read any of it.
	keyedVersion = 2
)

const (
	parcelHead  = 5 + clockLen // bytes before the first request
	maxCarried  = 1024         // requests in a message; senders put in fewer
	maxHops     = 3            // times that one request is handed over
	maxParent   = 128          // bytes of a traceparent
	maxState    = 512          // bytes of a tracestate; a longer one is left out
	maxNonceLen = 64           // bytes of a body with a nonce alone

	// maxLeft bounds what a message may say of a caller's patience.
	maxLeft = 24 * time.Hour
)

const (
	flagWeak    = 1 << 0
	flagFormat  = 3 << 1 // a subjects.Format
	flagNonce   = 1 << 3
	flagNamed   = 1 << 4 // the caller has named his patience
	flagTraced  = 1 << 5
	flagKeyed   = 1 << 6 // in a message of keyedVersion
	formatShift = 1
)

// carried is a request that is handed over.
type carried struct {
	key           allocator.Key
	reply         string
	n             int
	weak          bool
	format        subjects.Format
	nonce         subjects.Nonce
	left          time.Duration // of the caller's patience
	named         bool          // by the caller; else it is the worker's for him
	hops          uint8         // how often it has been handed over, this time included
	parent, state string        // of its trace; "": the caller wants none

	idempotencyKey string // "": the caller has named none
}

// appendCarried writes a request behind what there is of a message: b begins with
// its head, of which the version is written here.
func appendCarried(b []byte, r *carried) []byte {
	flags := byte(r.format) << formatShift & flagFormat
	if r.weak {
		flags |= flagWeak
	}
	if r.nonce.IsSet() {
		flags |= flagNonce
	}
	if r.named {
		flags |= flagNamed
	}
	traced := r.parent != "" && len(r.parent) <= maxParent
	if traced {
		flags |= flagTraced
	}
	if len(b) == parcelHead {
		b[0] = wireVersion
	}
	if r.idempotencyKey != "" {
		b[0] = keyedVersion
		flags |= flagKeyed
	}
	b = append(b, flags, r.hops)
	b = binary.AppendUvarint(b, uint64(r.n))
	b = binary.AppendUvarint(b, uint64(min(max(r.left, time.Microsecond), maxLeft).Microseconds()))
	b = appendText(b, r.reply)
	b = binary.AppendUvarint(b, uint64(len(r.key.Store)+1+len(r.key.Name)))
	b = append(append(append(b, r.key.Store...), '.'), r.key.Name...)
	if r.nonce.IsSet() {
		at := len(b)
		only := subjects.Request{N: 1, Nonce: r.nonce}
		b = only.Append(append(b, 0))
		b[at] = byte(len(b) - at - 1) // below maxNonceLen, and so a varint of one byte
	}
	if traced {
		b = appendText(b, r.parent)
		if len(r.state) > maxState {
			b = append(b, 0)
		} else {
			b = appendText(b, r.state)
		}
	}
	if r.idempotencyKey != "" {
		b = appendText(b, r.idempotencyKey)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// closeParcel writes the head of a message, but for its version.
// clock is what the receiver's shows by now, at least; 0 if that is not known.
func closeParcel(b []byte, patience time.Duration, count int, clock time.Duration) {
	binary.BigEndian.PutUint16(b[1:], uint16(patience.Milliseconds()))
	binary.BigEndian.PutUint16(b[3:], uint16(count))
	appendClock(b[:parcelHead-clockLen], clock)
}

// openParcel appends the requests of a message to into. ok is false if any of it
// can't be read.
func openParcel(message string, into []carried) (requests []carried, patience time.Duration, ok bool) {
	if len(message) < parcelHead || message[0] != wireVersion && message[0] != keyedVersion {
		return into, 0, false
	}
	patience = time.Duration(message[1])<<8 | time.Duration(message[2])
	count := int(message[3])<<8 | int(message[4])
	if count < 1 || count > maxCarried {
		return into, 0, false
	}
	r := wireReader{rest: message[parcelHead:], flags: flagKeyed - 1}
	if message[0] == keyedVersion {
		r.flags |= flagKeyed
	}
	for range count {
		into = append(into, carried{})
		if !r.request(&into[len(into)-1]) {
			return into, 0, false
		}
	}
	return into, patience * time.Millisecond, r.rest == ""
}

// wireReader reads what is left of a message.
type wireReader struct {
	rest  string
	flags byte // that a request may have
}

func (r *wireReader) request(c *carried) bool {
	flags, ok := r.byte()
	if !ok || flags&^r.flags != 0 {
		return false
	}
	c.weak, c.named = flags&flagWeak != 0, flags&flagNamed != 0
	c.format = subjects.Format(flags & flagFormat >> formatShift)
	c.hops, ok = r.byte()
	if !ok || c.hops < 1 || c.hops > maxHops || c.format > subjects.Text {
		return false
	}
	n, ok1 := r.number(subjects.MaxN)
	left, ok2 := r.number(uint64(maxLeft.Microseconds()))
	reply, ok3 := r.text(maxReplyLen)
	subject, ok4 := r.text(subjects.MaxStoreLen + 1 + subjects.MaxKeyLen)
	if !ok1 || !ok2 || !ok3 || !ok4 || n < 1 || left < 1 {
		return false
	}
	c.n, c.left, c.reply = int(n), time.Duration(left)*time.Microsecond, reply
	store, key, found := strings.Cut(subject, ".")
	if !found || subjects.CheckToken("store", store) != nil || subjects.CheckKey(key) != nil {
		return false
	}
	c.key = allocator.Key{Store: store, Name: key}
	if flags&flagNonce != 0 && !r.nonce(&c.nonce) {
		return false
	}
	if flags&flagTraced != 0 {
		if c.parent, ok = r.text(maxParent); !ok {
			return false
		}
		if c.state, ok = r.text(maxState); !ok {
			return false
		}
	}
	if flags&flagKeyed != 0 {
		c.idempotencyKey, ok = r.text(subjects.MaxIdempotencyKeyLen)
		return ok && c.idempotencyKey != ""
	}
	return true
}

func (r *wireReader) nonce(into *subjects.Nonce) bool {
	body, ok := r.text(maxNonceLen)
	if !ok {
		return false
	}
	var only subjects.Request
	var scratch [maxNonceLen]byte
	if err := only.Decode(nil, scratch[:copy(scratch[:], body)]); err != nil || !only.Nonce.IsSet() {
		return false
	}
	*into = only.Nonce
	return true
}

func (r *wireReader) byte() (byte, bool) {
	if r.rest == "" {
		return 0, false
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b, true
}

// number reads a varint of limit at most.
func (r *wireReader) number(limit uint64) (n uint64, ok bool) {
	for shift := 0; shift < 64; shift += 7 {
		b, ok := r.byte()
		if !ok {
			return 0, false
		}
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n, n <= limit
		}
	}
	return 0, false
}

// text reads a text of limit bytes at most.
func (r *wireReader) text(limit int) (string, bool) {
	n, ok := r.number(uint64(limit))
	if !ok || n > uint64(len(r.rest)) {
		return "", false
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s, true
}
