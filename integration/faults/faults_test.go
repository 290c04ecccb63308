package faults

import (
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
			t.Run(strings.ReplaceAll(f.name, " ", "-"), func(t *testing.T) {
				rows = append(rows, f.play(t, bin))
			})
		}
	}
	if len(rows) > 0 {
		fmt.Printf("\n%s\n", table(rows))
	}
}
