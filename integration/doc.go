// Package integration tests seqd as a whole: real servers, several workers,
// faults, and verdicts from recorded histories.
package integration
