package numbering

import (
	"crypto/cipher"
	"encoding/binary"
	"math/bits"
	"sync"
)

// ff1 is FF1 of NIST SP 800-38G, a keyed bijection on the numbers of a fixed count
// of decimal digits, for 6 to 15 of them. There is one for every tweak.
//
// So few digits make it simple: half of them are less than 2 to the 32, and the
// eight bytes that a round takes from the cipher are a uint64.
type ff1 struct {
	block  cipher.Block // AES
	digits int
	u, v   uint64 // how many numbers the first half of the digits has, and the second
	bytes  int    // that a half needs
}

func newFF1(block cipher.Block, digits int) ff1 {
	f := ff1{block: block, digits: digits}
	f.u, f.v = uint64(powersOfTen[digits/2]), uint64(powersOfTen[digits-digits/2])
	f.bytes = (bits.Len64(f.v-1) + 7) / 8
	return f
}

// blocks has room for what is encrypted, which would be allocated otherwise, as it
// is handed to an interface.
var blocks = sync.Pool{New: func() any { return new(mac) }}

// mac is the cipher-block-chaining MAC that SP 800-38G calls PRF.
type mac struct {
	block cipher.Block
	sum   [16]byte
	at    int // byte of the block that is being taken in
	round [16]byte
}

func (m *mac) addByte(b byte) {
	m.sum[m.at] ^= b
	if m.at++; m.at == len(m.sum) {
		m.block.Encrypt(m.sum[:], m.sum[:])
		m.at = 0
	}
}

func (m *mac) addText(s string) {
	for i := range len(s) {
		m.addByte(s[i])
	}
}

// begin takes in the block that SP 800-38G calls P: for a tweak of t bytes.
func (m *mac) begin(f *ff1, t int) {
	m.block, m.at = f.block, 0
	m.sum = [16]byte{1, 2, 1, 0, 0, 10, 10, byte(f.digits / 2)}
	binary.BigEndian.PutUint32(m.sum[8:], uint32(f.digits))
	binary.BigEndian.PutUint32(m.sum[12:], uint32(t))
	m.block.Encrypt(m.sum[:], m.sum[:])
}

// end fills up what is taken in to where a last block begins in which there is room
// for the round and for half of the digits: all rounds share what comes before.
func (m *mac) end(f *ff1) {
	if m.at+1+f.bytes > len(m.sum) {
		m.block.Encrypt(m.sum[:], m.sum[:])
	}
}

// pseudorandom returns the number that is added in a round.
func (m *mac) pseudorandom(f *ff1, round int, half uint64) uint64 {
	m.round = m.sum
	at := len(m.round) - f.bytes
	m.round[at-1] ^= byte(round)
	for i := len(m.round) - 1; i >= at; i-- {
		m.round[i] ^= byte(half)
		half >>= 8
	}
	m.block.Encrypt(m.round[:], m.round[:])
	return binary.BigEndian.Uint64(m.round[:])
}

// encrypt returns what n becomes, which is less than 10 to the digits. m has taken
// in the tweak.
func (f *ff1) encrypt(m *mac, n int64) int64 {
	a, b := uint64(n)/f.v, uint64(n)%f.v
	for i := 0; i < 10; i += 2 {
		a = (a + m.pseudorandom(f, i, b)%f.u) % f.u
		b = (b + m.pseudorandom(f, i+1, a)%f.v) % f.v
	}
	return int64(a*f.v + b)
}

// decrypt undoes encrypt.
func (f *ff1) decrypt(m *mac, n int64) int64 {
	a, b := uint64(n)/f.v, uint64(n)%f.v
	for i := 8; i >= 0; i -= 2 {
		b = (b + f.v - m.pseudorandom(f, i+1, a)%f.v) % f.v
		a = (a + f.u - m.pseudorandom(f, i, b)%f.u) % f.u
	}
	return int64(a*f.v + b)
}
