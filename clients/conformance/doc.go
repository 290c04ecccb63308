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
//	{"op":"next","store":S,"key":K,"n":N,"mode":"strong|weak|default","timeout_ms":T}
//	→ {"id":"123","n":N} or {"error":CODE,"text":"…"}
//	{"op":"load",…,"callers":C,"calls":P,"sequence":BOOL}
//	→ {"ops":[[start_ns,end_ns,"first",n],…],"errors":{CODE:count}}
//	{"op":"rate",…,"callers":C,"duration_ms":D,"sequence":BOOL}
//	→ {"ids_per_second":R}
//	{"op":"exit"}
//
// CODE is one of the wire's codes, NO_WORKERS, TIMEOUT or OTHER. Ids are decimal
// strings; times are ns of CLOCK_MONOTONIC, so that the histories of all
// languages can be held against each other.
package conformance
