// Package conformance drives the SDKs of all languages through the same
// scenarios, against the same running worker, and prints what they came to as a
// table.
//
// It is a test:
//
//	go test ./clients/conformance -v
//	go test ./clients/conformance -v -sdk python=../python/conformance,js=../js/conformance
//
// The first drives the Go SDK alone and needs nothing but Go; -sdk adds others,
// each named with the command, seen from this folder, that starts its
// conformance program. clients/test runs it with all of them.
//
// A conformance program connects to NATS_URL, writes {"ready":true}, and then
// answers each line of stdin, a JSON object, with one line:
//
//	{"op":"next","store":S,"key":K,"n":N,"mode":"strong|weak|default","timeout_ms":T,"idempotency_key":I,"closed":BOOL}
//	→ {"id":"123","n":N,"range":"123..125"} or {"error":CODE,"text":"…","ids_may_be_spent":BOOL}
//	{"op":"numbers","store":S,"key":K,"n":N,"mode":"strong|weak|default","timeout_ms":T,"idempotency_key":I}
//	→ {"id":"123","n":N,"range":"123..125","period":"2026","numbers":["INV-123",…],"replayed":BOOL} or {"error":…} as above
//	{"op":"load",…,"callers":C,"calls":P,"sequence":BOOL}
//	→ {"ops":[[start_ns,end_ns,"first",n],…],"errors":{CODE:count}}
//	{"op":"rate",…,"callers":C,"duration_ms":D,"sequence":BOOL,"bare":BOOL}
//	→ {"ids_per_second":R}
//	{"op":"connect","url":U}
//	→ {"ready":true}
//	{"op":"close"}
//	→ {"ready":true}
//	{"op":"exit"}
//
// connect closes the connection that the program has, opens one to U, and makes
// the client for all later commands on that. close closes the connection, as the
// caller who owns it does, and leaves the client as it is. A next with "closed"
// asks through a sequence that has been closed. Fields that are false may be
// missing, and a call without "idempotency_key" has none; one that is empty is given
// to the SDK, whose matter it is to refuse it. numbers makes one call for numbers: of
// a key that has none, period is "" and numbers is [].
//
// A rate with "bare" is of requests that the program makes without its SDK, by the
// request method of its NATS library. The body is {"mode":MODE} in msgpack, and the
// program does not look into the answers. It shows what the language and its NATS
// library cost, and so what an SDK without cost could reach. With "sequence", too,
// each caller waits for an outcome of its own, in the way that costs the language
// least. The last one to come makes one request, and its answer is an id for each of
// them: so this shows what it costs to wake the callers, where requests are shared.
//
// The programs translate nothing. CODE is the code of the SDK's error as its
// caller reads it, which must be one of subjects/testdata/errors.json: of its
// "codes" or of its "client". ids_may_be_spent is the error's own property of that
// name, in the language's casing: it is true where a request that was sent may
// have been served, and so never where the call sent nothing. range is what the
// language prints for the SDK's range: "123" where it holds one id, else
// "123..125". A program that meets an error which is not the SDK's ends with a
// message on stderr.
//
// Ids are decimal strings; times are ns of CLOCK_MONOTONIC, so that the histories
// of all languages can be held against each other.
package conformance
