package numbering

// crockford are the digits of Douglas Crockford's base 32: the decimal ones and the
// letters, without I, L, O and U.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// appendBase32 appends a number that is not negative, without zeros before it.
func appendBase32(dst []byte, n int64) []byte {
	at := 0
	for n>>at > 31 {
		at += 5
	}
	for ; at >= 0; at -= 5 {
		dst = append(dst, crockford[n>>at&31])
	}
	return dst
}

// fromBase32 returns the value of a digit as people read it: in either case, with O
// for 0, and I and L for 1.
func fromBase32(c byte) (int64, bool) {
	if 'a' <= c && c <= 'z' {
		c -= 'a' - 'A'
	}
	switch c {
	case 'O':
		c = '0'
	case 'I', 'L':
		c = '1'
	}
	for i := range len(crockford) {
		if crockford[i] == c {
			return int64(i), true
		}
	}
	return 0, false
}
