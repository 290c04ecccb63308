package subjects

import (
	"encoding/binary"
	"strconv"
)

// ReplayedHeader of an answer is "true" where the answer is a repeat: an earlier
// request with the same idempotency key had got these ids.
const ReplayedHeader = "Seq-Replayed"

// Reply is one contiguous range of ids: ID, ID+1, … ID+N-1.
type Reply struct {
	ID    int64
	N     int
	Nonce Nonce

	// Of a key that counts in periods, or whose ids have numbers for people.
	Period  string   // in which the ids are counted; "": the key has no periods
	Numbers []string // one for each id; none: the key has no numbers

	Replayed bool // a repeat: see ReplayedHeader
}

// Append writes the reply in f. As text it is the numbers, one a line; or, without
// numbers, the first id, followed by the last one if there are several. Text has no
// room for a nonce. If dst has room for 64 bytes, nothing is allocated for a reply
// without numbers, unless a nonce in JSON has to be escaped. The headers go with it:
// see [Reply.Header].
func (r *Reply) Append(dst []byte, f Format) []byte {
	if r.Period != "" || r.Numbers != nil {
		return r.appendNumbers(dst, f, len(r.Numbers), func(dst []byte, i int) []byte { return append(dst, r.Numbers[i]...) })
	}
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
	dst = r.appendRange(dst, count)
	if r.Nonce.IsSet() {
		dst = r.Nonce.append(appendStr(dst, nonceField), Msgpack)
	}
	return dst
}

// appendRange begins a map of count fields, of which the first two are the ids.
func (r *Reply) appendRange(dst []byte, count byte) []byte {
	dst = appendInt64(append(dst, mpFixmap|count, mpFixstr|2, 'i', 'd'), r.ID)
	return binary.BigEndian.AppendUint32(append(dst, mpFixstr|1, 'n', mpUint32), uint32(r.N))
}

// Header returns the headers that go with a reply. Only a repeat has any.
func (r *Reply) Header() map[string][]string {
	if !r.Replayed {
		return nil
	}
	return map[string][]string{ReplayedHeader: {"true"}}
}
