package faults

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/integration/pace"
)

// restoreFaults take etcd back in time.
var restoreFaults = []fault{
	{
		name:    "old backup restored, same token",
		promise: "FENCED, and no id until seqd admin jump has raised the counters",
		forgets: true,
		inject:  restoreBackup,
		shown:   backInTime,
		limits:  afterRestore,
	},
	{
		name:    "young backup restored, one hot key",
		promise: "the same of a worker whose STRONG ids another one advanced",
		pick:    pickHot,
		forgets: true,
		inject:  restoreBackup,
		shown:   backInTime,
		limits:  afterRestore,
	},
}

func backInTime(f figures) error { return gapAtLeast(f.strongGap, 3*time.Second) }

var afterRestore = limits{
	outcomes: "no answer, EXPIRED, UNAVAILABLE, no responders, FENCED", failedCalls: true,
	strongGap: 40 * time.Second, weakGap: 40 * time.Second, leasedGap: 40 * time.Second, normal: 5 * time.Second, ambiguous: true,
}

// jump is more than was issued since the backup.
const jump = 1_000_000

func restoreBackup(r *run) {
	if err := exec.Command(r.bin.seqd, "admin", "jump", "-h").Run(); err != nil {
		r.Skip("not covered here: this seqd has no admin jump")
	}
	file := r.etcd.backup(r, r.dir)
	backup := r.marks()
	r.during(1500 * time.Millisecond)
	r.etcd.kill()
	r.etcd.restore(r, file)
	r.etcd.start(r)
	for _, w := range r.workers {
		r.checkf(w.within(10*time.Second, false), "%s goes on after etcd went back in time", w.name)
	}

	// These ids would come again if the workers went on.
	fenced := r.record.history.Now()
	again := r.above(backup)
	r.during(3 * time.Second)
	got := r.idsSince(fenced)
	r.checkf(got == 0, "%d requests got ids from counters that went back", got)
	r.jump()
	back := r.waitAll(pace.Patience, true)
	r.notef("%d ids had been answered since the backup; served again %s after the jump", again, seconds(back))
}

// above returns how many ids above the marks were answered.
func (r *run) above(marks map[allocator.Key]int64) int64 {
	n := int64(0)
	for _, op := range r.record.history.Ops() {
		n += max(0, min(int64(op.Ids.N), op.Ids.Last()-marks[op.Key]))
	}
	return n
}

// idsSince returns how many requests that were sent after a stamp got ids.
func (r *run) idsSince(from int64) int {
	n := 0
	for _, op := range r.record.history.Ops() {
		if op.Start > from {
			n++
		}
	}
	return n
}

// jump raises every counter as an operator has to.
func (r *run) jump() {
	r.jumped = jump
	r.admin("jump", "--all", "--by", fmt.Sprint(jump), "--yes")
}

// admin runs a command of seqd admin, past all links.
func (r *run) admin(args ...string) {
	r.Helper()
	var endpoints []string
	for _, m := range r.etcd.members {
		endpoints = append(endpoints, m.client)
	}
	ctx, cancel := context.WithTimeout(r.Context(), pace.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, r.bin.seqd, slices.Concat([]string{"admin"}, args, []string{"--etcd-endpoints", strings.Join(endpoints, ",")})...)
	if out, err := cmd.CombinedOutput(); err != nil {
		r.Fatalf("%v: %v\n%s", cmd, err, out)
	}
}
