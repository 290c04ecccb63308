package subjects

import (
	"fmt"
	"strings"
)

// Names and limits of the subject grammar.
const (
	// Root is the first token of every request subject unless configured
	// otherwise.
	Root = "seq"

	// Queue is the queue group all workers share. One constant name: two groups
	// would answer every request twice.
	Queue = "seqd"

	// PeerRoot is the first token of worker-to-worker subjects. It lies outside
	// Root, so that permissions to ask for ids can't reach it.
	PeerRoot = "_SEQD"

	// AnyStore, configured as a store's name, stands for every store name.
	AnyStore = "*"

	MaxStoreLen  = 64  // bytes
	MaxKeyLen    = 200 // bytes, escapes and separators included
	MaxKeyTokens = 15
)

// Subject returns the subject to ask for ids of key in store. It does not
// check its arguments: see [CheckToken] and [CheckKey].
func Subject(root, store, key string) string {
	return root + "." + store + "." + key
}

// Wildcard returns the subject a worker subscribes to serve store; store may be
// [AnyStore].
func Wildcard(root, store string) string {
	return root + "." + store + ".>"
}

// Parse splits a request subject into store and key, without allocating. The
// key is the raw tail of the subject: it is never decoded. The error
// has [BadRequest] and says which byte is wrong.
func Parse(root, subject string) (store, key string, err *Error) {
	tail, ok := strings.CutPrefix(subject, root)
	if !ok || tail == "" || tail[0] != '.' {
		return "", "", badRequest("subject must start with %q", root+".")
	}
	store, key, ok = strings.Cut(tail[1:], ".")
	if !ok {
		return "", "", badRequest("subject must be %s.<store>.<key>", root)
	}
	if err := checkToken("store", store); err != nil {
		return "", "", err
	}
	if err := checkKey(key); err != nil {
		return "", "", err
	}
	return store, key, nil
}

// CheckToken reports whether s can be a store's name or a root: 1 to 64 bytes
// of A-Za-z0-9_-. The error, an [ErrBadRequest], begins with what.
func CheckToken(what, s string) error { return checkToken(what, s).orNil() }

func checkToken(what, s string) *Error {
	if s == "" || len(s) > MaxStoreLen {
		return badLength(what, MaxStoreLen, len(s))
	}
	for i := range len(s) {
		if class[s[i]]&tokenByte == 0 {
			return badRequest("%s may hold A-Z a-z 0-9 _ - only, not %s", what, quoteByte(s[i]))
		}
	}
	return nil
}

// CheckKey reports whether key is a canonical key: 1 to 15 non-empty tokens
// joined by dots, at most 200 bytes, every byte outside A-Za-z0-9-_/ written
// =XX in upper-case hex and no other byte written so. The error is an
// [ErrBadRequest].
func CheckKey(key string) error { return checkKey(key).orNil() }

func checkKey(key string) *Error {
	if key == "" || len(key) > MaxKeyLen {
		return badLength("key", MaxKeyLen, len(key))
	}
	tokens, start := 1, 0
	for i := 0; i < len(key); i++ {
		switch c := class[key[i]]; {
		case c&keyByte != 0:
		case key[i] == '.':
			if i == start {
				return badRequest("key has an empty token at byte %d", i)
			}
			tokens, start = tokens+1, i+1
		case key[i] == '=':
			if err := checkEscape(key, i); err != nil {
				return err
			}
			i += 2
		default:
			return badRequest("key byte %d, %s, must be written =%02X", i, quoteByte(key[i]), key[i])
		}
	}
	if start == len(key) {
		return badRequest("key ends with an empty token")
	}
	if tokens > MaxKeyTokens {
		return badRequest("key has %d tokens, at most %d are allowed", tokens, MaxKeyTokens)
	}
	return nil
}

func badLength(what string, most, is int) *Error {
	return badRequest("%s must have 1 to %d bytes, not %d", what, most, is)
}

// checkEscape checks the =XX at key[i:].
func checkEscape(key string, i int) *Error {
	if i+2 >= len(key) || class[key[i+1]]&hexByte == 0 || class[key[i+2]]&hexByte == 0 {
		return badRequest("key byte %d: = must be followed by two upper-case hex digits", i)
	}
	if b := unhex(key[i+1])<<4 | unhex(key[i+2]); class[b]&keyByte != 0 {
		return badRequest("key byte %d: %s must be written %c", i, key[i:i+3], b)
	}
	return nil
}

// Classes of bytes in subjects.
const (
	tokenByte = 1 << iota // may stand in a store's name or a root
	keyByte               // may stand in a key unescaped, inside a token
	hexByte               // upper-case hex digit
)

var class = func() (class [256]uint8) {
	for _, set := range []struct {
		bytes string
		class uint8
	}{
		{"0123456789", tokenByte | keyByte | hexByte},
		{"ABCDEF", tokenByte | keyByte | hexByte},
		{"GHIJKLMNOPQRSTUVWXYZ", tokenByte | keyByte},
		{"abcdefghijklmnopqrstuvwxyz-_", tokenByte | keyByte},
		{"/", keyByte},
	} {
		for i := range len(set.bytes) {
			class[set.bytes[i]] = set.class
		}
	}
	return class
}()

func quoteByte(b byte) string {
	if b < ' ' || b > '~' {
		return fmt.Sprintf("0x%02X", b)
	}
	return fmt.Sprintf("'%c'", b)
}
