package numbering

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
)

// The samples of NIST, which have ten digits, and those of Project Wycheproof for
// every other count.
func TestFF1(t *testing.T) {
	data, err := os.ReadFile("testdata/ff1.txt")
	if err != nil {
		t.Fatal(err)
	}
	lengths, tests := map[int]int{}, 0
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		name, plain, want := fields[0], fields[3], fields[4]
		key, err := hex.DecodeString(fields[1])
		if err != nil {
			t.Fatal(err)
		}
		tweak, err := hex.DecodeString(strings.Trim(fields[2], "-"))
		if err != nil {
			t.Fatal(err)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			t.Fatal(err)
		}
		f, m := newFF1(block, len(plain)), new(mac)
		m.begin(&f, len(tweak))
		m.addText(string(tweak))
		m.end(&f)
		digits := func(n int64) string { return string(appendDigits(nil, n, len(plain))) }
		from, _ := strconv.ParseInt(plain, 10, 64)
		to, _ := strconv.ParseInt(want, 10, 64)
		if got := digits(f.encrypt(m, from)); got != want {
			t.Errorf("%s: encrypt %s: got %s, want %s", name, plain, got, want)
		}
		if got := slowFF1(block, tweak, plain); got != want {
			t.Errorf("%s: the slow one encrypts %s to %s, want %s", name, plain, got, want)
		}
		if got := digits(f.decrypt(m, to)); got != plain {
			t.Errorf("%s: decrypt %s: got %s, want %s", name, want, got, plain)
		}
		lengths[len(plain)]++
		tests++
	}
	for n := leastScrambled; n <= mostDigits; n++ {
		if lengths[n] == 0 {
			t.Errorf("no vector has %d digits", n)
		}
	}
	t.Logf("%d vectors", tests)
}

// slowFF1 encrypts digit by digit as SP 800-38G writes it down, in algorithms 6 and 7.
func slowFF1(block cipher.Block, tweak []byte, digits string) string {
	n, u := len(digits), len(digits)/2
	v, number := n-u, func(s string) *big.Int { x, _ := new(big.Int).SetString(s, 10); return x }
	b := (number(strings.Repeat("9", v)).BitLen() + 7) / 8
	d := 4*((b+3)/4) + 4
	a, c := digits[:u], digits[u:]
	p := []byte{1, 2, 1, 0, 0, 10, 10, byte(u), 0, 0, 0, byte(n), 0, 0, 0, byte(len(tweak))}
	for i := range 10 {
		q := append(append([]byte{}, p...), tweak...)
		for (len(q)+b+1)%16 != 0 {
			q = append(q, 0)
		}
		q = append(append(q, byte(i)), number(c).FillBytes(make([]byte, b))...)
		r := make([]byte, 16)
		for ; len(q) > 0; q = q[16:] {
			subtle.XORBytes(r, r, q[:16])
			block.Encrypt(r, r)
		}
		m := u
		if i%2 == 1 {
			m = v
		}
		y := new(big.Int).SetBytes(r[:d])
		y.Add(y, number(a)).Mod(y, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(m)), nil))
		a, c = c, fmt.Sprintf("%0*d", m, y)
	}
	return a + c
}

// Tweaks of every length, of which the samples have few.
func TestFF1WithAnyTweak(t *testing.T) {
	block, _ := aes.NewCipher([]byte("0123456789abcdef0123456789abcdef"))
	for digits := leastScrambled; digits <= mostDigits; digits++ {
		for length := range 70 {
			tweak := strings.Repeat("tweak!", 12)[:length]
			n := rand.Int64N(powersOfTen[digits])
			f, m := newFF1(block, digits), new(mac)
			m.begin(&f, length)
			m.addText(tweak)
			m.end(&f)
			plain := string(appendDigits(nil, n, digits))
			want := slowFF1(block, []byte(tweak), plain)
			if got := string(appendDigits(nil, f.encrypt(m, n), digits)); got != want {
				t.Errorf("%s with a tweak of %d bytes: got %s, want %s", plain, length, got, want)
			}
		}
	}
}

// Every number of six digits comes out once.
func TestFF1IsABijection(t *testing.T) {
	block, _ := aes.NewCipher(make([]byte, 32))
	f, m := newFF1(block, 6), new(mac)
	m.begin(&f, 3)
	m.addText("abc")
	m.end(&f)
	seen := make([]bool, powersOfTen[6])
	for n := range powersOfTen[6] {
		to := f.encrypt(m, n)
		if seen[to] {
			t.Fatalf("%d came out twice, the second time of %d", to, n)
		}
		seen[to] = true
	}
}

// Numbers that are published with their check digits: those that both algorithms are
// explained with everywhere, a card number and an ICCID that are for tests, and
// 572, which Damm's is shown by.
func TestCheckDigits(t *testing.T) {
	for _, test := range []struct {
		name   string
		check  func([]byte) byte
		number string // with its check digit
	}{
		{"luhn", luhn, "49927398716"},
		{"luhn", luhn, "79927398713"},
		{"luhn", luhn, "4111111111111111"},
		{"luhn", luhn, "17893729974"},
		{"luhn", luhn, "ICCID 89-014103-21111851072-0"},
		{"damm", damm, "5724"},
		{"damm", damm, "112946"},
		{"damm", damm, "123456789018"},
		{"damm", damm, "No. 57-2-4"},
		{"luhn", luhn, "0"},
		{"damm", damm, "0"},
	} {
		last := len(test.number) - 1
		if got := test.check([]byte(test.number[:last])); got != test.number[last] {
			t.Errorf("%s %s: got %c", test.name, test.number, got)
		}
	}
}

// What the check digits promise: both tell a wrong digit, Damm's every exchange of
// neighbours, and Luhn's all but that of 0 and 9.
func TestCheckDigitsTell(t *testing.T) {
	for n := range 10000 {
		number := appendDigits(nil, int64(n), 4)
		for i := range number {
			was := number[i]
			for c := byte('0'); c <= '9'; c++ {
				number[i] = was
				l, d := luhn(number), damm(number)
				if number[i] = c; c != was && (luhn(number) == l || damm(number) == d) {
					t.Fatalf("%04d: digit %d may be %c too", n, i, c)
				}
			}
			number[i] = was
			if i == 0 || number[i-1] == number[i] {
				continue
			}
			l, d := luhn(number), damm(number)
			a, b := number[i-1], number[i]
			number[i-1], number[i] = b, a
			if zeroNine := min(a, b) == '0' && max(a, b) == '9'; damm(number) == d || (luhn(number) == l) != zeroNine {
				t.Fatalf("%04d: digits %d and %d may be exchanged", n, i-1, i)
			}
			number[i-1], number[i] = a, b
		}
	}
}

// Crockford's digits, and how people read them.
func TestBase32(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 31: "Z", 32: "10", 1234: "16J", 1<<63 - 1: "7ZZZZZZZZZZZZ"} {
		if got := string(appendBase32(nil, n)); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
	for text, want := range map[string]int64{"16J": 1234, "i6j": 1234, "L6j": 1234, "1O": 32, "1o": 32, "7zzzzzzzzzzzz": 1<<63 - 1} {
		if got, ok := readBase32(text); !ok || got != want {
			t.Errorf("%s: got %d, %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"U", "1-2", "8000000000000", "10000000000000"} {
		if got, ok := readBase32(text); ok {
			t.Errorf("%s: got %d", text, got)
		}
	}
}
