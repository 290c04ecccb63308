package subjects

// Names of a request body's fields.
const (
	countField       = "n"
	modeField        = "mode"
	nonceField       = "nonce"
	idempotencyField = "idempotency_key"
)

// field is a field that a request body may have; its bit says that it was seen.
type field uint8

const (
	noField field = 0
	fieldN  field = 1 << (iota - 1)
	fieldMode
	fieldNonce
	fieldIdempotency
)

func (f field) String() string {
	switch f {
	case fieldN:
		return countField
	case fieldMode:
		return modeField
	case fieldNonce:
		return nonceField
	case fieldIdempotency:
		return idempotencyField
	}
	return "none"
}

// fieldOf returns the field that name is, exactly.
func fieldOf(name []byte) field {
	switch string(name) {
	case countField:
		return fieldN
	case modeField:
		return fieldMode
	case nonceField:
		return fieldNonce
	case idempotencyField:
		return fieldIdempotency
	}
	return noField
}

// nearField returns the field that name, which is none, nearly is. A caller whose
// "N" were passed over would believe he has ten ids and have one.
func nearField(name []byte) field {
	var buf plainName
	switch string(buf.of(string(name))) {
	case "n", "seqcount":
		return fieldN
	case "mode", "seqmode":
		return fieldMode
	case "nonce":
		return fieldNonce
	case "idempotencykey":
		return fieldIdempotency
	}
	return noField
}

// plainName holds a name without what people and libraries write in more ways
// than one. The longest that seqd knows, "idempotencykey", has 14 bytes.
type plainName [16]byte

// of returns name in small letters, without blanks, controls, _ and -; nothing
// where that is longer than any name that seqd knows.
func (b *plainName) of(name string) []byte {
	n := 0
	for i := range len(name) {
		c := name[i]
		switch {
		case c <= ' ' || c == '_' || c == '-':
			continue
		case n == len(b):
			return nil
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		b[n] = c
		n++
	}
	return b[:n]
}
