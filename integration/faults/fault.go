package faults

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seqd-io/seqd/integration/pace"
)

// fault is one row of the table: what is done, and what may come of it.
type fault struct {
	name    string
	promise string // beyond U, S, answers, marks and gaps, which all faults have to respect
	fast    bool   // in the selection that runs without -long
	plan    plan
	pick    picker     // what is asked for; nil means pickAny
	loose   bool       // WEAK ids of leased keys need not be in order: not all workers have a lease
	forgets bool       // etcd's answers of before may be gone
	inject  func(*run) // does it and ends it again
	limits  limits

	// shown returns an error if the figures do not show the fault.
	shown func(figures) error
}

// limits are what callers may see. They are generous: what was measured is in
// the table.
type limits struct {
	outcomes    string        // how requests may fail
	leased      string        // how those for leased keys may fail beyond that
	failedCalls bool          // the Go client's patience may run out
	strongGap   time.Duration // the longest time without a STRONG id of a clock-free key
	weakGap     time.Duration // the longest time without a WEAK id of one
	leasedGap   time.Duration // the longest time without an id of either mode of a leased key
	normal      time.Duration // from the fault's end to the last failure
	ambiguous   bool          // etcd's answers may be missing
}

// run is one fault under way. It is for one goroutine.
type run struct {
	testing.TB
	*system
	record *record
	load   *load
	owners *ownership
	lost   []window
	torn   []window
	began  int64
	jumped int64 // by how much an operator raised every counter
	notes  []string
}

// Times of a run.
const (
	warmUp   = 2500 * time.Millisecond
	coolDown = 2500 * time.Millisecond // without a failure
	settle   = 25 * time.Second        // until then
	late     = 3 * time.Second         // for answers; a worker's patience is 2 s
)

// notef adds to what the table says of the fault.
func (r *run) notef(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// losing says that from now on requests may be lost, as may be those that wait
// already, until the returned function is called.
func (r *run) losing() (end func()) {
	w := window{from: r.record.history.Now() - int64(late)}
	return func() {
		w.to = r.record.history.Now()
		r.lost = append(r.lost, w)
	}
}

// tearing says that a worker's way to NATS stands still from now on, or it does
// itself: answers that it has given and its word on them may come later than
// another one waits for that. That one answers too, if the request was with the
// worker at this moment.
func (r *run) tearing() {
	now := r.record.history.Now()
	r.torn = append(r.torn, window{from: now - int64(inHand), to: now + int64(50*time.Millisecond)})
}

// inHand is more than it takes to answer a request from memory, on a busy machine.
const inHand = time.Second

// checkf notes an error that leaves the verdict on the record worth having.
func (r *run) checkf(ok bool, format string, args ...any) {
	r.Helper()
	if !ok {
		r.Errorf(format, args...)
	}
}

// during lets the callers go on for d.
func (r *run) during(d time.Duration) { time.Sleep(d) }

// play runs a fault against a system of its own, and returns its row. What
// breaks a promise fails the test. What tells only of time, how long ids were
// missing or how few there were, is returned: a busy machine may be the cause.
func (f fault) play(t testing.TB, bin binaries) (row, []error) {
	s := newSystem(t, bin, f.plan)
	rec := &record{}
	r := &run{TB: t, system: s, record: rec, owners: watchOwners(t, s.etcd, leasedKeys)}
	if f.pick == nil {
		f.pick = pickAny
	}
	r.load = startLoad(t, s, rec, f.pick)
	bills := startBills(r)
	for begin := time.Now(); time.Since(begin) < warmUp || rec.served(0) < minIDs && time.Since(begin) < pace.Patience; {
		r.during(50 * time.Millisecond)
	}
	begin, stalls := time.Now(), pace.WatchStalls(t)
	r.began = rec.history.Now()
	f.inject(r)
	healed := rec.history.Now()
	for (rec.quiet(healed) < coolDown || rec.served(healed) < minIDs) && time.Duration(rec.history.Now()-healed) < settle {
		r.during(50 * time.Millisecond)
	}
	slower := max(stretch(time.Since(begin), stalls.Since(begin)), crowd())
	r.load.stop()
	bills.stop()
	waitAnswers(rec)
	repeats, marks := bills.again(), r.marks()
	billMarks := splitBills(marks)

	e := evidence{
		asks:      rec.all(),
		ops:       rec.history.Ops(),
		marks:     marks,
		began:     r.began,
		healed:    healed,
		swallowed: r.lost,
		torn:      r.torn,
		stalled:   slower > veryBusy,
		budget:    budget{lives: s.lives, workers: len(s.workers), jumped: r.jumped},
		loose:     f.loose,
	}
	figures := measure(e.asks, e.began, e.healed)
	figures.takeovers = r.owners.changes()
	e.budget.tenures = s.lives + int((time.Duration(healed-r.began)+figures.normal)/s.lease) + 2
	if f.limits.ambiguous {
		e.budget.ambiguous = time.Duration(healed-r.began) + figures.normal
	}
	v := judge(e)
	bills.judge(&v, billMarks, f.forgets, f.loose)
	v.repeats = bills.told(repeats)
	for _, problem := range v.problems {
		t.Error(problem)
	}
	var times verdict
	times.gates(e, figures, minIDs)
	times.checkf(repeats >= minRepeats, "only %d requests had an idempotency key", repeats)
	limits := f.limits
	if slower > busy || s.etcd.waitedForDisk() {
		limits.outcomes += ", EXPIRED, UNAVAILABLE" // the patience of some callers is a second
	}
	if slower > veryBusy {
		limits.outcomes += ", " + noAnswer // in time: those that never come are found all the same
	}
	limits.check(&times, figures, slower)
	times.check(f.shown(figures))
	v.problems = append(v.problems, times.problems...)
	return row{fault: f, figures: figures, verdict: v, notes: r.notes}, times.problems
}

// busy is a machine on which a request may expire without a fault.
const busy = 1.2

// veryBusy is one on which the answer that says so may come too late.
const veryBusy = 2

// stretch returns how many times longer everything takes on a machine that did
// not give this process the missing part of the time.
func stretch(all, missing time.Duration) float64 {
	return float64(all) / float64(max(all-missing, all/10))
}

// crowd returns how many times longer everything takes on a machine that has more
// to do than this test, which by itself has two tasks for a processor. Where that
// can't be read, it is 0.
func crowd() float64 {
	text, err := os.ReadFile("/proc/loadavg") // of the last minute
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), " ")
	load, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return 0
	}
	return load / float64(2*runtime.NumCPU())
}

// waitAnswers waits until every request that can still be answered is.
func waitAnswers(r *record) {
	for deadline := time.Now().Add(late); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		open := false
		for _, a := range r.all() {
			open = open || a.answers == 0 && a.outcome == noAnswer
		}
		if !open {
			return
		}
	}
}

// check holds figures against the limits, which a slower machine gets more of.
func (l limits) check(v *verdict, f figures, slower float64) {
	atMost := func(what string, is, limit time.Duration) {
		limit = time.Duration(float64(limit) * slower).Round(time.Millisecond)
		v.checkf(is <= limit, "%s %v, more than %v", what, is, limit)
	}
	for outcome, n := range f.outcomes {
		v.checkf(strings.Contains(l.outcomes, outcome), "%d requests failed with %q, expected %q", n, outcome, l.outcomes)
	}
	for outcome, n := range f.leasedOutcomes {
		v.checkf(strings.Contains(l.outcomes+", "+l.leased, outcome), "%d requests for leased keys failed with %q, expected %q", n, outcome, l.outcomes+", "+l.leased)
	}
	v.checkf(l.failedCalls || f.failedCalls == 0, "%d calls of the Go client failed within %v", f.failedCalls, callTimeout)
	atMost("no STRONG id for", f.strongGap, l.strongGap)
	atMost("no WEAK id for", f.weakGap, l.weakGap)
	atMost("no id of a leased key for", f.leasedGap, l.leasedGap)
	atMost("requests failed after the fault for", f.normal, l.normal)
}
