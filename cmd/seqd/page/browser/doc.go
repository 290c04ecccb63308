// Package browser holds tests of the page for people in a real Chromium: what a
// person reads, types and presses, and what the page shows while servers stop and
// come back. `./check` runs them.
package browser
