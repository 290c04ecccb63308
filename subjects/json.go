package subjects

import (
	"bytes"
	"encoding/json"
)

const jsonSpace = " \t\r\n"

// cutJSON cuts the first value off b, and the space on both sides of it. b is
// part of valid JSON.
func cutJSON(b []byte) (value, rest []byte) {
	b = bytes.TrimLeft(b, jsonSpace)
	end := 0
	for depth := 0; ; {
		switch b[end] {
		case '"':
			for end++; b[end] != '"'; end++ {
				if b[end] == '\\' {
					end++
				}
			}
			end++
		case '[', '{':
			depth++
			end++
		case ']', '}':
			depth--
			end++
		default: // a number, a literal, or what stands between values
			end++
			if depth == 0 {
				end += max(0, bytes.IndexAny(b[end:], ",]}"+jsonSpace))
			}
		}
		if depth == 0 {
			return b[:end], bytes.TrimLeft(b[end:], jsonSpace)
		}
	}
}

// jsonString returns what a JSON string says; ok is false for another value.
func jsonString(value []byte) (s []byte, ok bool) {
	if value[0] != '"' {
		return nil, false
	}
	if bytes.IndexByte(value, '\\') < 0 {
		return value[1 : len(value)-1], true
	}
	var unescaped string
	err := json.Unmarshal(value, &unescaped)
	return []byte(unescaped), err == nil
}

// jsonPlain reports whether a JSON string holds s just as it is. It says no of some
// that encoding/json would not escape.
func jsonPlain[T string | []byte](s T) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c > '~', c == '"', c == '\\', c == '<', c == '>', c == '&':
			return false
		}
	}
	return true
}

// appendJSONString writes s as encoding/json does.
func appendJSONString(dst []byte, s string) []byte {
	if jsonPlain(s) {
		return append(append(append(dst, '"'), s...), '"')
	}
	b, _ := json.Marshal(s) // a string always marshals
	return append(dst, b...)
}
