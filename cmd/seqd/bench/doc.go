// Package bench measures ways to get ids, side by side, and checks the ids.
//
// A [Peer] is one way to get ids. Callers ask it in closed loops: each asks again
// as soon as it has its answer. Load comes in slices. A slice begins with a
// stretch that is not measured, while the callers come up to speed. Between
// slices all callers rest, and the answers of the last slice are checked. So
// checking costs no time that is measured, and every answer is checked, also
// those that were not measured.
//
// What is measured:
//
//   - The rate is the number of answers that came within the measured stretch,
//     divided by its length.
//   - Latencies are those of every answer that came in that stretch or after it, so
//     that a stall which outlasts the slice is seen.
//   - [Compare] lets the peers take turns in every round. It compares ratios inside
//     one round, so that a drift of the machine hits all peers alike, and reports the
//     median of the rounds.
//
// Two things are checked. No id came twice in the whole run. And for a peer that
// promises order, a request that was sent after an answer was received got a greater
// id, whoever sent it. A [Violation] ends the run.
//
// Less formally: a fast wrong answer is not a result.
package bench
