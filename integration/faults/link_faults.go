package faults

import (
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/servers"
)

// linkFaults are done to the way between the workers and etcd, and to etcd's
// disks.
var linkFaults = []fault{
	{
		name:    "etcd cut off from one worker",
		promise: "it leaves the queue group and comes back by itself; the others go on",
		inject:  cutOffWorker,
		shown:   func(f figures) error { return atLeast(f.failed(), 1, "requests that failed") },
		limits: limits{
			outcomes:  "no answer, EXPIRED, UNAVAILABLE",
			strongGap: 3 * time.Second, weakGap: 3 * time.Second, leasedGap: withinLeases(shortLease), normal: 3 * time.Second, ambiguous: true,
		},
	},
	{
		name:    "responses of etcd dropped",
		promise: "what may have been applied becomes a gap, never an id",
		fast:    true,
		inject:  dropResponses,
		shown:   func(f figures) error { return gapAtLeast(f.strongGap, time.Second) },
		limits: limits{
			outcomes:  "no answer, EXPIRED, UNAVAILABLE, no responders",
			strongGap: 6 * time.Second, weakGap: 4 * time.Second, leasedGap: 6 * time.Second, normal: 4 * time.Second, ambiguous: true,
		},
	},
	{
		name:    "slow fsync",
		promise: "STRONG is slow, WEAK is not",
		inject:  slowFsync,
		shown: func(f figures) error {
			if f.median < fsyncDelay {
				return fmt.Errorf("the fault does not show: a STRONG id took %v", f.median)
			}
			return nil
		},
		limits: limits{
			outcomes:  "no answer, EXPIRED, UNAVAILABLE, no responders",
			strongGap: 8 * time.Second, weakGap: 5 * time.Second, leasedGap: 8 * time.Second, normal: 4 * time.Second, ambiguous: true,
		},
	},
}

// cutOffWorker keeps one worker from etcd, and NATS from nobody.
func cutOffWorker(r *run) {
	w := r.workers[0]
	w.setLinks((*servers.Proxy).Blackhole)
	left := w.waitState(r, 20*time.Second, false) // its rivals advance STRONG keys for it: that goes on for a while
	r.during(4 * time.Second)
	serving, state := w.state()
	r.checkf(!serving, "the worker that is cut off is %s", state)
	w.setLinks((*servers.Proxy).Heal)
	back := w.waitState(r, pace.Patience, true)
	r.notef("left the queue group after %s, back %s after the cut", seconds(left), seconds(back))
}

// dropResponses lets every request through to etcd and no answer back, and shows
// by the marks that requests were applied.
func dropResponses(r *run) {
	applied := int64(0)
	for range 2 {
		for _, w := range r.workers {
			w.setLinks((*servers.Proxy).DropResponses)
		}
		r.during(1500 * time.Millisecond)
		applied += r.unanswered()
		for _, w := range r.workers {
			w.setLinks((*servers.Proxy).Cut) // else the answers would only be late
			w.setLinks((*servers.Proxy).Heal)
		}
		r.during(1500 * time.Millisecond)
	}
	r.checkf(applied > 0, "the fault does not show: no transaction was applied whose answer was dropped")
	r.notef("%d ids reserved without an answer from etcd", applied)
}

// unanswered returns how far the marks of STRONG keys are above the ids that
// anybody got; without faults, they are not.
func (r *run) unanswered() int64 {
	marks, above := r.marks(), int64(0)
	for _, key := range strongKeys {
		greatest := int64(0)
		for _, op := range r.record.history.Ops() {
			if op.Key == key {
				greatest = max(greatest, op.Ids.Last())
			}
		}
		above += marks[key] - greatest
	}
	return above
}

// fsyncDelay is what every sync to disk takes longer.
const fsyncDelay = 50 * time.Millisecond

// slowFsync has strace hold up the disk syncs of all members.
func slowFsync(r *run) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		r.Skip("not covered here: no strace to slow down etcd's disk with")
	}
	var tracers []*process
	for _, m := range r.etcd.members {
		p := newProcess(r, r.dir, "strace-"+m.name, strace, "-f", "-qq", "-p", fmt.Sprint(m.pid()), "-o", "/dev/null",
			"-e", "trace=fdatasync,fsync", "-e", fmt.Sprintf("inject=fdatasync,fsync:delay_enter=%d", fsyncDelay.Microseconds()))
		p.start(r)
		tracers = append(tracers, p)
	}
	r.during(6 * time.Second)
	for _, p := range tracers {
		if !p.running() {
			if out := p.lastLines(3); strings.Contains(out, "ptrace") {
				r.Skipf("not covered here: %s", out)
			}
			r.Errorf("%s ended: %s", p.name, p.lastLines(3))
		}
		p.kill() // the kernel lets the members go
	}
	r.notef("each sync takes %v longer", fsyncDelay)
}
