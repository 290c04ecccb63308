// Package numbering turns ids into the numbers that people print, and back: order
// and invoice numbers that begin anew each day, week, month or year, that have a
// prefix, leading zeros or a check digit, or that don't tell how many there are.
//
// A [Rule] is compiled from a [Config], once. It says which period a moment is in
// ([Rule.Period]), what the number of an id in a period is ([Rule.Append]), and
// which period and id a number stands for ([Rule.Decode]). Everything depends on the
// configuration, the zone data and the arguments alone, so that all workers with the
// same configuration print the same. [Rule.Fingerprint] tells whether they have the
// same. A Rule is safe for concurrent use, and nothing that it does blocks.
//
// It guarantees, for one key and one rule:
//
//   - two different pairs of a period and an id never print alike, for ids up to
//     [Rule.Limit];
//   - Decode gives back what Append was given, and takes nothing else;
//   - while time goes on, Period never goes back, whatever a zone does to its clocks.
//
// The numbers of two keys may be alike: a format holds what makes them different.
//
// DESIGN.md says why this holds, and what the parts of a format are.
package numbering
