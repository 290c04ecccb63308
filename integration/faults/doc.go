// Package faults starts etcd, NATS and seqd as processes of their own, injects
// one fault at a time while callers ask for ids in both modes, and judges what
// the callers saw. A soak injects two and three at once, for as long as one likes,
// and holds the same against what callers see while they see it. And attackers send
// what no client library would, beside callers who must not notice.
//
//	callers ─▶ nats-server ×1–2 ─▶ seqd worker ×3–4 ─▶ link ─▶ etcd ×3
//	   │                                                 ▲
//	   ▼                                              faults
//	 record ─▶ verdict
//
// A verdict says that, over the whole record:
//
//   - no id was answered twice (U), and no STRONG id is below one that was known
//     before it was asked for (S), checked exactly and, on a sample, by porcupine.
//     Of leased keys, which are asked for in both modes, no WEAK id is either;
//   - no request was answered twice, and none was left without an answer but
//     those that the fault explains: sent to a party that was killed, frozen or
//     cut off at that time;
//   - every counter's mark in etcd is at least every id answered;
//   - the ids that nobody got are within a budget that follows from the fault;
//   - of keys that count by the day, U and S hold for (period, id), and whoever asks
//     again with an idempotency key gets the ids of before, in the end for every one;
//   - it is worth something: enough requests before, during and after, the fault
//     showed, and the system was as before in the end.
//
// It has no API: see the tests. Which faults there are, what they showed and
// what is not covered stands in integration/README.md.
package faults
