package faults

import (
	"errors"
	"flag"
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/seqd-io/seqd/integration/pace"
)

var hostileFor = flag.Duration("hostile", 20*time.Second, "for how `long` attackers send what no client library would; what that is, is drawn by -seed")

// raced are the programs under test, of which seqd says when it has a data race.
var raced = sync.OnceValues(func() (binaries, error) {
	b, err := built()
	if err != nil {
		return b, err
	}
	b.seqd = filepath.Join(buildDir, "seqd-race")
	build := exec.Command("go", "build", "-race", "-tags", "lean", "-o", b.seqd, "../../cmd/seqd")
	if out, err := build.CombinedOutput(); err != nil {
		return b, fmt.Errorf("%v: %w\n%s", build, err, out)
	}
	return b, nil
})

// TestHostile has attackers send strange requests and forged messages of workers,
// over connections of their own, beside ordinary callers. These must not notice: U
// and S hold, and what they ask for comes. Nothing that a worker keeps or writes may
// grow with what attackers think of.
func TestHostile(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a dozen processes")
	}
	bin, err := raced()
	if err != nil {
		t.Fatal(err)
	}
	s := newAssault(t, bin, *seed)
	s.throng = newAssaultThrong(t, s)
	eventually(t, pace.Patience, "the callers get ids", func() error {
		if s.throng.answered.Load() < minIDs {
			return errors.New("not yet")
		}
		return nil
	})
	watch := newGrowth(s)
	attackers := s.attack(t)
	begin, told := time.Now(), time.Now()
	for time.Since(begin) < *hostileFor && s.found() == nil && s.unharmed() == nil {
		time.Sleep(*hostileFor / 100) // that long they attack between two looks
		if err := watch.look(time.Since(begin) > *hostileFor/4); err != nil {
			t.Errorf("seed %d: %v", *seed, err)
			break
		}
		if time.Since(told) > time.Minute {
			told = time.Now()
			fmt.Printf("%v: %d shots, %d answers, %d requests of callers answered; %v\n", time.Since(begin).Round(time.Second), s.fired.Load(), s.heard.Load(), s.throng.answered.Load(), watch)
		}
	}
	took := time.Since(begin)
	attackers.stop()
	s.throng.stop()
	eventually(t, late+pace.Patience, "every request of callers is answered", func() error {
		if left := s.throng.unheard(); len(left) > 0 {
			return fmt.Errorf("%d are not", len(left))
		}
		return nil
	})
	if err := errors.Join(s.found(), s.unharmed(), s.unnoticed(), watch.flat(took), attackers.kept(), s.noStrangeCounters(t)); err != nil {
		t.Errorf("seed %d: %v", *seed, err)
	}
	_, _, outcomes := s.throng.found()
	fmt.Printf("hostile input, seed %d: %d shots in %v, %d answers, %d of them second ones; %d requests of callers answered with %d ids, failed: %s; %d names asked for; %v\n",
		*seed, s.fired.Load(), took.Round(time.Second), s.heard.Load(), s.twice.Load(), s.throng.answered.Load(), s.throng.ids.Load(), failuresOf(outcomes), len(s.asked), watch)
}
