package subjects

import (
	"encoding/binary"
	"math"
)

// Bytes of msgpack's formats, named as its specification names them.
const (
	mpFixmap   = 0x80
	mpFixarray = 0x90
	mpFixstr   = 0xa0
	mpNil      = 0xc0
	mpBin8     = 0xc4
	mpUint8    = 0xcc
	mpUint16   = 0xcd
	mpUint32   = 0xce
	mpUint64   = 0xcf
	mpInt8     = 0xd0
	mpInt64    = 0xd3
	mpStr8     = 0xd9
	mpArray16  = 0xdc
	mpArray32  = 0xdd
	mpMap16    = 0xde
	mpMap32    = 0xdf
)

// isMap reports whether b begins a msgpack map.
func isMap(b byte) bool { return b&0xf0 == mpFixmap || b == mpMap16 || b == mpMap32 }

// kind is what a msgpack element is, as far as seqd cares.
type kind uint8

const (
	kindOther kind = iota // bool, float, ext
	kindNil
	kindInt  // any integer that fits an int64
	kindUint // an integer above math.MaxInt64
	kindStr
	kindBin
	kindArray
	kindMap
)

// element is one msgpack element. Of an array or a map it is the head only: the
// items follow.
type element struct {
	kind kind
	i    int64  // kindInt: the value
	data []byte // kindStr, kindBin: the content
	raw  []byte // the element, or the head, as it was written
	n    int    // kindArray, kindMap: how many elements follow (a map's pairs count twice)
}

// reader takes msgpack elements off a buffer. It never reads past the buffer,
// and believes no length that the rest of the buffer could not hold.
type reader struct{ rest []byte }

// next takes one element; ok is false where the buffer holds no whole one.
func (r *reader) next() (e element, ok bool) {
	if len(r.rest) == 0 {
		return e, false
	}
	b := r.rest[0]
	switch {
	case b < 0x80 || b >= 0xe0: // fixint
		e.kind, e.i = kindInt, int64(int8(b))
		return r.take(e, 1, 0)
	case b < 0x90:
		e.kind, e.n = kindMap, int(b&0x0f)*2
		return r.take(e, 1, 0)
	case b < 0xa0:
		e.kind, e.n = kindArray, int(b&0x0f)
		return r.take(e, 1, 0)
	case b < 0xc0:
		e.kind = kindStr
		return r.take(e, 1, int(b&0x1f))
	case b == mpNil:
		e.kind = kindNil
		return r.take(e, 1, 0)
	case b == mpNil+1: // never used
		return e, false
	case b <= 0xc3: // false, true
		return r.take(e, 1, 0)
	case b <= 0xc6:
		e.kind = kindBin
		return r.sized(e, 1<<(b-0xc4), 0)
	case b <= 0xc9: // ext8, 16, 32: a type byte follows the length
		return r.sized(e, 1<<(b-0xc7), 1)
	case b <= 0xcb: // float32, 64
		return r.take(e, 1, 4<<(b-0xca))
	case b <= 0xcf: // uint8, 16, 32, 64
		u, ok := r.uint(1 << (b - mpUint8))
		e.kind, e.i = kindInt, int64(u)
		if u > math.MaxInt64 {
			e.kind = kindUint
		}
		if !ok {
			return e, false
		}
		return r.take(e, 1+1<<(b-mpUint8), 0)
	case b <= 0xd3: // int8, 16, 32, 64
		width := 1 << (b - mpInt8)
		u, ok := r.uint(width)
		if !ok {
			return e, false
		}
		unused := 64 - 8*width
		e.kind, e.i = kindInt, int64(u<<unused)>>unused
		return r.take(e, 1+width, 0)
	case b <= 0xd8: // fixext 1, 2, 4, 8, 16
		return r.take(e, 2, 1<<(b-0xd4))
	case b <= 0xdb:
		e.kind = kindStr
		return r.sized(e, 1<<(b-mpStr8), 0)
	case b <= 0xdd: // array16, 32
		u, ok := r.uint(2 << (b - mpArray16))
		if !ok || u > uint64(len(r.rest)) {
			return e, false
		}
		e.kind, e.n = kindArray, int(u)
		return r.take(e, 1+2<<(b-mpArray16), 0)
	default: // map16, 32
		u, ok := r.uint(2 << (b - mpMap16))
		if !ok || u > uint64(len(r.rest))/2 {
			return e, false
		}
		e.kind, e.n = kindMap, int(u)*2
		return r.take(e, 1+2<<(b-mpMap16), 0)
	}
}

// sized takes an element whose length is written in width bytes behind the
// first; extra bytes stand between the length and the content.
func (r *reader) sized(e element, width, extra int) (element, bool) {
	u, ok := r.uint(width)
	if !ok || u > uint64(len(r.rest)) {
		return e, false
	}
	return r.take(e, 1+width+extra, int(u))
}

// take cuts an element of head and size bytes off the buffer.
func (r *reader) take(e element, head, size int) (element, bool) {
	if head+size > len(r.rest) {
		return e, false
	}
	e.raw, e.data = r.rest[:head+size], r.rest[head:head+size]
	r.rest = r.rest[head+size:]
	return e, true
}

// uint reads width big-endian bytes behind the first.
func (r *reader) uint(width int) (uint64, bool) {
	if len(r.rest) < 1+width {
		return 0, false
	}
	var u uint64
	for _, b := range r.rest[1 : 1+width] {
		u = u<<8 | uint64(b)
	}
	return u, true
}

// skip passes over what follows e's head: nothing, or a whole tree of items.
// It keeps a count in place of a stack, so depth costs nothing.
func (r *reader) skip(e element) bool {
	for left := e.n; left > 0; left-- {
		item, ok := r.next()
		if !ok {
			return false
		}
		left += item.n
	}
	return true
}

func appendStr(dst []byte, s string) []byte {
	switch n := len(s); {
	case n < 32:
		dst = append(dst, mpFixstr|byte(n))
	case n < 256:
		dst = append(dst, mpStr8, byte(n))
	default:
		dst = binary.BigEndian.AppendUint16(append(dst, mpStr8+1), uint16(min(n, math.MaxUint16)))
		s = s[:min(n, math.MaxUint16)]
	}
	return append(dst, s...)
}

// appendUint writes u in the shortest form.
func appendUint(dst []byte, u uint64) []byte {
	switch {
	case u < 128:
		return append(dst, byte(u))
	case u <= math.MaxUint8:
		return append(dst, mpUint8, byte(u))
	case u <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, mpUint16), uint16(u))
	case u <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, mpUint32), uint32(u))
	default:
		return binary.BigEndian.AppendUint64(append(dst, mpUint64), u)
	}
}

// appendInt writes i in the shortest form.
func appendInt(dst []byte, i int64) []byte {
	switch {
	case i >= 0:
		return appendUint(dst, uint64(i))
	case i >= -32:
		return append(dst, byte(i))
	default:
		return appendInt64(dst, i)
	}
}

// appendInt64 writes i in the 9-byte form, however small.
func appendInt64(dst []byte, i int64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, mpInt64), uint64(i))
}
