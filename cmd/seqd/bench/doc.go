// Package bench measures ways to get ids, side by side, and checks the ids.
//
// A [Peer] is one way to get ids. Callers ask it in closed loops: each asks again
// as soon as it has its answer. Load comes in slices. A slice begins with a
// stretch that is not measured, while the callers come up to speed; between
// slices all callers rest, and the answers of the last slice are checked. So
// checking costs nothing that is measured, and every answer is checked, also
// those that were not measured.
//
// What is measured:
//
//   - the rate is the answers that came within the measured stretch, by its length;
//   - latencies are those of every answer that came in it or after it, so that
//     a stall which outlasts the slice is seen;
//   - [Compare] lets the peers take turns in every round. What is compared is
//     always a ratio inside one round, so that a drift of the machine hits all
//     alike; what is reported is the median of the rounds.
//
// What is checked: that no id came twice, over the whole run, and, for a peer
// that promises it, that who asked after an answer was received got a greater
// id, whoever asked. A [Violation] ends the run.
//
// Less formally: a fast wrong answer is not a result.
package bench
