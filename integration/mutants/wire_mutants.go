package main

const (
	bodyFile   = "subjects/body.go"
	cameFile   = "subjects/came.go"
	fieldFile  = "subjects/field.go"
	headerFile = "subjects/header.go"
	keyFile    = "subjects/idempotency.go"
	acceptFile = "subjects/accept.go"
)

// What a request says and what it is served as.
var (
	wire    = suite{"./subjects", "Vectors|Refuses|Refusals|Header|Mode|Accept"}
	keys    = suite{"./subjects", "Keys"}
	refusal = suite{"./worker", "BadRequests|Answers"}
	parcels = suite{"./worker", "Parcel"}
	headers = suite{"./integration/goclient", "Headers"}
)

// wireMutants serve a request that is nearly right as another one, or refuse one
// that is right.
var wireMutants = []mutant{
	{
		name: "unknown map served", breaks: "each call with a framework's envelope wastes an id",
		edits:  []edit{{bodyFile, `firstErr == nil && f.seen == noField && !empty`, `firstErr == nil && f.seen == noField && empty && len(body) > 99`}},
		suites: []suite{wire, refusal},
	},
	{
		name: "unknown map served, in msgpack", breaks: "each call with a framework's envelope wastes an id",
		edits:  []edit{{bodyFile, `firstErr == nil && f.seen == noField && head.n > 0`, `firstErr == nil && f.seen == noField && head.n < 0`}},
		suites: []suite{wire},
	},
	{
		name: "case ignored", breaks: "a caller that asks for {\"N\":10} counts on ids that others get",
		edits:  []edit{{bodyFile, `near != noField {`, `near == fieldIdempotency {`}},
		suites: []suite{wire, refusal},
	},
	{
		name: "shape ignored", breaks: "a caller that sends idempotency-key believes that a retry gets the same ids",
		edits:  []edit{{fieldFile, `c <= ' ' || c == '_' || c == '-'`, `c <= ' '`}},
		suites: []suite{wire},
	},
	{
		name: "header's name in a body ignored", breaks: "a caller that writes Seq-Count into the body counts on ids that others get",
		edits:  []edit{{fieldFile, `case "n", "seqcount":`, `case "n":`}},
		suites: []suite{wire},
	},
	{
		name: "binary name not read", breaks: "Perl and Python get one id for ten",
		edits:  []edit{{bodyFile, `name.kind != kindStr && name.kind != kindBin ||`, `name.kind != kindStr ||`}},
		suites: []suite{wire, refusal},
	},
	{
		name: "binary mode refused", breaks: "Perl's packer can't ask for STRONG",
		edits: []edit{{bodyFile, `value.kind != kindStr && value.kind != kindBin {
			return errModeType`, `value.kind != kindStr {
			return errModeType`}},
		suites: []suite{wire, refusal},
	},
	{
		name: "null is a wrong type", breaks: "a caller that leaves an optional field empty is refused",
		edits:  []edit{{bodyFile, `string(value) == "null"`, `string(value) == "undefined"`}},
		suites: []suite{wire, refusal},
	},
	{
		name: "nil is a wrong type", breaks: "a caller that leaves an optional field empty is refused",
		edits:  []edit{{bodyFile, `value.kind == kindNil {`, `value.kind == kindNil && known != fieldN {`}},
		suites: []suite{wire},
	},
	{
		name: "field twice, the last holds", breaks: "libraries differ in which of two counts",
		edits:  []edit{{bodyFile, `case f.seen&known != 0:`, `case f.seen&known != 0 && known == fieldNonce:`}},
		suites: []suite{wire, refusal},
	},
	{
		name: "idempotency key ignored", breaks: "a retry gets other ids than its caller believes",
		edits:  []edit{{keyFile, `f.key = string(key)`, `_ = key`}},
		suites: []suite{wire},
	},
	{
		name: "idempotency header ignored", breaks: "a retry gets other ids than its caller believes",
		edits:  []edit{{headerFile, `keep(f.setHeaderKey(value))`, `keep(nil)`}},
		suites: []suite{wire},
	},
	{
		name: "empty idempotency key is none", breaks: "a caller that sends a variable which is not set believes that a retry gets the same ids",
		edits:  []edit{{keyFile, `return 1 <= n && n <=`, `return n <=`}},
		suites: []suite{wire, refusal},
	},
	{
		name: "halves of surrogates in a key", breaks: "two keys are one, and a caller gets another's ids",
		edits:  []edit{{keyFile, `bytes.Count(s, replacement) > bytes.Count(value, replacement)`, `bytes.Count(s, replacement) > len(s)`}},
		suites: []suite{wire, keys},
	},
	{
		name: "handed over without its key", breaks: "an older worker serves a request without its idempotency key, and a repeat gets other ids",
		edits: []edit{{"worker/handover_wire.go", `		b[0] = keyedVersion
`, ``}, {"worker/handover_wire.go", `flags: flagKeyed - 1}`, `flags: flagKeyed | flagKeyed - 1}`}},
		suites: []suite{parcels},
	},
	{
		name: "a repeat does not say so", breaks: "a caller that retries can't tell that it has these ids already",
		edits:  []edit{{"subjects/reply.go", `if !r.Replayed {`, `if r.Replayed {`}},
		suites: []suite{wire},
	},
	{
		name: "long number in a short string", breaks: "a reply whose number has 32 bytes can't be read, and its ids are lost",
		edits:  []edit{{"subjects/numbers.go", `case n < 32:`, `case n <= 32:`}},
		suites: []suite{wire},
	},
	{
		name: "headers in one case only", breaks: "seq-count: 10 gets one id",
		edits:  []edit{{headerFile, `len(name) == len(known) && strings.EqualFold(name, known)`, `name == known`}},
		suites: []suite{wire, refusal},
	},
	{
		name: "unknown Seq- header ignored", breaks: "Seq-N: 10 gets one id",
		edits:  []edit{{headerFile, `if mayBeOurs(name) {`, `if mayBeOurs(name) && name[3] == '_' {`}},
		suites: []suite{wire, refusal},
	},
	{
		name: "stamped messages' headers refused", breaks: "a caller that forwards a stamped message's headers gets no id",
		edits:  []edit{{headerFile, `if strings.EqualFold(name, strange) {`, `if name == strange+" " {`}},
		suites: []suite{wire},
	},
	{
		name: "header twice, one holds", breaks: "which of two counts is a guess",
		edits:  []edit{{headerFile, `if other != values[0] || v[i] != nil && other != v[i][0] {`, `if len(other) > 99 {`}},
		suites: []suite{wire},
	},
	{
		name: "first of the accepted", breaks: "a client that forwards HTTP's Accept gets a format that it wants less",
		edits:  []edit{{acceptFile, `if q > bestQuality ||`, `if bestQuality == 0 ||`}},
		suites: []suite{wire},
	},
	{
		name: "anything accepted is msgpack", breaks: "a JSON body with Accept: */* is answered in msgpack",
		edits:  []edit{{acceptFile, `return own, true, true`, `return Msgpack, true, true`}},
		suites: []suite{wire},
	},
	{
		name: "blanks not skipped", breaks: "a blank before { is refused",
		edits:  []edit{{bodyFile, `if text := bytes.TrimLeft(body, jsonSpace);`, `if text := body;`}},
		suites: []suite{wire, refusal},
	},
	{
		name: "JSON refused in msgpack", breaks: "a caller that sends [1] can't read why it is wrong",
		edits:  []edit{{cameFile, `format = JSON`, `format = Msgpack`}},
		suites: []suite{wire, refusal},
	},
	{
		name: "caller's headers sent", breaks: "a header that the Go client forwards changes what it asks for",
		edits:  []edit{{"clients/go/target.go", `if strings.EqualFold(name, ours) {`, `if strings.HasPrefix(name, ours) {`}},
		suites: []suite{headers},
	},
}
