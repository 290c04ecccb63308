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

func appendJSONString(dst []byte, s string) []byte {
	b, _ := json.Marshal(s) // a string always marshals
	return append(dst, b...)
}
