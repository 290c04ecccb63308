#!/usr/bin/env bash
# Go's Time.ZoneBounds returns an end that is before the time that it was asked of: on
# the last day of a leap year, in a zone whose table of changes ends before it (from
# then on a rule stands for them). Seen with Go 1.26.8 and America/New_York.
#
# Expected: "the end is after the time", as it is the beginning of the next offset. So a
# loop that goes from end to end comes to each change once, and ends.
# seqd steps over such an end (numbering/zone.go).
#
# Exits 0 if it behaves so, 1 if it does not any more. It needs Go alone: zone data are
# compiled in.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"
	"runtime"
	"time"
	_ "time/tzdata"
)

func main() {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		panic(err)
	}
	fmt.Println(runtime.Version())
	after := map[int]bool{}
	for _, day := range []int{30, 31} {
		t := time.Date(2040, time.December, day, 12, 0, 0, 0, zone)
		_, end := t.ZoneBounds()
		after[day] = end.After(t)
		fmt.Printf("at %s the offset ends at %s\n", t.Format(time.RFC3339), end.Format(time.RFC3339))
	}
	fmt.Println("expected: both ends are after the time")
	fmt.Printf("seen:     on 30 December %v, on 31 December %v\n", after[30], after[31])
	if !after[30] || after[31] {
		fmt.Println("it behaves otherwise now")
		os.Exit(1)
	}
}
GO
cat >go.mod <<'MOD'
module finding

go 1.26
MOD
go run .
