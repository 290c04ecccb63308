package faults

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
)

var (
	long = flag.Bool("long", false, "all faults, not the fast selection")
	only = flag.String("fault", "", "only the faults whose name matches this `REGEXP`, fast or not")
)

// built are the programs under test, once somebody has asked for them.
var built = sync.OnceValues(func() (binaries, error) {
	return buildBinaries(buildDir)
})

var buildDir string // of this run

func TestMain(m *testing.M) {
	flag.Parse()
	var err error
	buildDir, err = os.MkdirTemp("", "seqd-faults-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(buildDir)
	os.Exit(code)
}

// TestFaults injects one fault after the other, each into a system of its own,
// and prints what they came to.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a dozen processes, several times")
	}
	bin, err := built()
	if err != nil {
		t.Fatal(err)
	}
	pattern, err := regexp.Compile(*only)
	if err != nil {
		t.Fatalf("-fault: %v", err)
	}
	var rows []row
	for _, f := range allFaults() {
		switch {
		case *only != "" && !pattern.MatchString(f.name):
		case *only == "" && !*long && !f.fast:
		default:
			if r := playTwice(t, f, bin); r.fault.name != "" { // it came to its end
				rows = append(rows, r)
			}
		}
	}
	if len(rows) > 0 {
		fmt.Printf("\n%s\n", table(rows))
	}
}

// playTwice runs a fault, and once more if all that was wrong is what a busy
// machine may bring about.
func playTwice(t *testing.T, f fault, bin binaries) (kept row) {
	name := strings.ReplaceAll(f.name, " ", "-")
	var slow []error
	if !t.Run(name, func(t *testing.T) {
		if kept, slow = f.play(t, bin); len(slow) > 0 {
			t.Logf("once more, as the machine may be too busy: %v", errors.Join(slow...))
		}
	}) || len(slow) == 0 {
		return kept
	}
	t.Run(name+"-again", func(t *testing.T) {
		kept, slow = f.play(t, bin)
		for _, problem := range slow {
			t.Error(problem)
		}
	})
	return kept
}
