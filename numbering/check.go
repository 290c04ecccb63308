package numbering

// luhn returns the check digit of ISO/IEC 7812 for the decimal digits in a number;
// what else is in it does not count. It tells every wrong digit, and of two that
// were exchanged all but 09 and 90.
func luhn(number []byte) byte {
	sum, double := 0, true // the last one is doubled, as the check digit comes after it
	for i := len(number) - 1; i >= 0; i-- {
		c := number[i]
		if c < '0' || c > '9' {
			continue
		}
		d := int(c - '0')
		if double {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
		double = !double
	}
	return byte('0' + (10-sum%10)%10)
}

// quasigroup is that of order 10 in H. Michael Damm's thesis, "Total
// anti-symmetrische Quasigruppen", Marburg 2004.
var quasigroup = [10][10]byte{
	{0, 3, 1, 7, 5, 9, 8, 6, 4, 2},
	{7, 0, 9, 2, 1, 5, 4, 8, 6, 3},
	{4, 2, 0, 6, 8, 7, 1, 3, 5, 9},
	{1, 7, 5, 0, 9, 8, 3, 4, 2, 6},
	{6, 1, 2, 3, 0, 4, 5, 9, 7, 8},
	{3, 6, 7, 4, 2, 0, 9, 5, 8, 1},
	{5, 8, 6, 9, 7, 2, 0, 1, 3, 4},
	{8, 9, 4, 5, 3, 6, 2, 0, 1, 7},
	{9, 4, 3, 8, 6, 1, 7, 2, 0, 5},
	{2, 5, 8, 1, 4, 3, 6, 7, 9, 0},
}

// damm returns Damm's check digit for the decimal digits in a number; what else is
// in it does not count. It tells every wrong digit, and every two neighbours that
// were exchanged.
func damm(number []byte) byte {
	state := byte(0)
	for _, c := range number {
		if '0' <= c && c <= '9' {
			state = quasigroup[state][c-'0']
		}
	}
	return '0' + state
}
