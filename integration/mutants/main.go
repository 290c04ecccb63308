// Mutants breaks seqd in the ways that matter, one at a time, and shows that the
// tests notice, and which.
//
//	go run ./integration/mutants             # all, in a few minutes
//	go run ./integration/mutants blind guard # those whose names match
//	go run ./integration/mutants -replay 100 # and how often a failing seed fails again
//
// A mutant is one or more replacements of text in a file. The files of the
// repository are not touched: the compiler gets the changed ones as an overlay.
// The exit status is 1 if a mutant survives, does not apply any more or does
// not compile, or if the tests fail without one.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"
)

// mutant is one way to break seqd.
type mutant struct {
	name   string
	breaks string // the promise
	edits  []edit
	suites []suite // that may notice, in the order they are run
}

// edit replaces a text that must be in the file exactly once.
type edit struct{ file, old, new string }

// suite is a run of tests, of a few seconds.
type suite struct{ pkg, run string }

var (
	simulation = suite{"./allocator/etcd", "^TestSimulation$"}
	counter    = suite{"./allocator/etcd", "Record|Floor|Backwards|GoesBack|Twice|Ambiguous|Exhaust|Stuck|Ended|Yield|Conforms"}
	frozen     = suite{"./allocator/etcd", "^TestOwnerFreezes$|^TestDeposedOwnerComesBack$"}
	clocks     = suite{"./allocator/etcd", "^TestClocksThatDiffer$"}
	allocators = suite{"./allocator", "."}
	answers    = suite{"./worker", "Expired|Answers|Busy"}
)

func main() {
	replay := flag.Int("replay", 0, "how often to run a seed again that has failed")
	flag.Parse()
	var wanted []*regexp.Regexp
	for _, arg := range flag.Args() {
		wanted = append(wanted, regexp.MustCompile(arg))
	}
	dir, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
	ok := run(dir, wanted, *replay)
	os.RemoveAll(dir)
	if !ok {
		os.Exit(1)
	}
}

func run(dir string, wanted []*regexp.Regexp, replay int) (ok bool) {
	ok = true
	var chosen []mutant
	needed := map[suite]bool{}
	for _, m := range mutants {
		if matches(m.name, wanted) {
			chosen = append(chosen, m)
			for _, s := range m.suites {
				needed[s] = true
			}
		}
	}
	for s := range needed {
		if v := s.test(nil); v.outcome != survived {
			fmt.Printf("without a mutant, %s -run '%s': %v\n%s\n", s.pkg, s.run, v.outcome, v.output)
			return false
		}
	}
	fmt.Printf("| mutant | breaks | killed by | s |\n|---|---|---|---|\n")
	for i, m := range chosen {
		start := time.Now()
		v := m.try(fmt.Sprintf("%s/%d", dir, i), replay)
		fmt.Printf("| %s | %s | %s | %.0f |\n", m.name, m.breaks, v, time.Since(start).Seconds())
		if v.outcome != killed {
			fmt.Println(strings.TrimSpace(v.output))
			ok = false
		}
	}
	return ok
}

func matches(name string, wanted []*regexp.Regexp) bool {
	for _, w := range wanted {
		if w.MatchString(name) {
			return true
		}
	}
	return len(wanted) == 0
}
