package subjects

import "strings"

// Escape writes any non-empty text as a key. A dot separates tokens, but one
// that is first, last or follows another dot becomes =2E; every other byte
// outside A-Za-z0-9-_/ becomes =XX:
//
//	invoice.2026 → invoice.2026
//	a b          → a=20b
//	a..b         → a.=2Eb
//	发            → =E5=8F=91
//
// Different texts give different keys. The error, an [ErrBadRequest], says
// that the key is empty, too long or has too many tokens.
func Escape(text string) (string, error) {
	if len(text) > MaxKeyLen {
		return "", CheckKey(text) // a key is at least as long as its text
	}
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		switch {
		case class[c]&keyByte != 0:
			b.WriteByte(c)
		case c == '.' && i > 0 && i < len(text)-1 && text[i-1] != '.':
			b.WriteByte(c)
		default:
			b.WriteByte('=')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	key := b.String()
	if err := CheckKey(key); err != nil {
		return "", err
	}
	return key, nil
}

// Unescape gives back the text that a key was written for. The error is that
// of [CheckKey].
func Unescape(key string) (string, error) {
	if err := CheckKey(key); err != nil {
		return "", err
	}
	var b strings.Builder
	for i := 0; i < len(key); i++ {
		if key[i] != '=' {
			b.WriteByte(key[i])
			continue
		}
		b.WriteByte(unhex(key[i+1])<<4 | unhex(key[i+2]))
		i += 2
	}
	return b.String(), nil
}

const hex = "0123456789ABCDEF"

// unhex returns the value of an upper-case hex digit.
func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c - 'A' + 10
}
