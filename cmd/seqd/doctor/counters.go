package doctor

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/operate"
	"github.com/seqd-io/seqd/cmd/seqd/advice"
)

const (
	wayOutOfFence = "workers issue nothing until the counters are raised above every issued id, and then come back by themselves: seqd admin jump --all --by N"

	// maxCounters bounds how many records are looked at.
	maxCounters = 100_000

	// nearlyExhausted is a mark above which nine tenths of all ids are spent, and
	// nearlyOver the same in a period.
	nearlyExhausted = math.MaxInt64 / 10 * 9
	nearlyOver      = allocator.MaxPeriodID / 10 * 9
)

// lookAtIncarnation probes, as a worker does every second, whether a write would
// be accepted, and whether etcd's history is the one that is recorded and
// remembered.
func (e *examination) lookAtIncarnation(ctx context.Context, c Etcd, admin *operate.Admin) {
	h, err := admin.History(ctx, c.StateDir, c.FenceDir, c.Endpoints)
	switch {
	case errors.Is(err, allocator.ErrUnavailable):
		e.fail("etcd.write", c.Name, "a write would not be accepted: "+textOf(err), "look at the alarms, the quota and the user's role; a majority of the members must be up")
		e.skip("etcd.incarnation", c.Name, "can't be read", "")
		return
	case errors.Is(err, allocator.ErrUnreadable):
		e.ok("etcd.write", c.Name, "a write would be accepted")
		e.fail("etcd.incarnation", c.Name, err.Error(), "a newer seqd may have written it, or somebody by hand; look at it: etcdctl get "+c.Prefix+"/v1/incarnation")
		return
	case err != nil:
		e.warn("etcd.incarnation", c.Name, err.Error(), "see whether this user can read --state-dir, and whether a newer version has written it: a worker that can't use it would not notice a restored backup")
		return
	}
	e.ok("etcd.write", c.Name, "a write would be accepted")
	for _, s := range c.Stores {
		e.incarnations[s.Name] = h.Lineage
	}
	memory := "nothing is remembered on this machine"
	switch {
	case len(h.StateFiles) > 0:
		memory = "agrees with " + strings.Join(h.StateFiles, " and ")
	case c.StateDir != "":
		memory = "nothing is remembered of it in " + c.StateDir
	}
	switch {
	case h.Fence != nil:
		e.fail("etcd.incarnation", c.Name, h.Fence.Error(), "workers issue nothing, and come back by themselves once this is done: "+advice.For(h.Fence))
	case h.Lineage == "":
		e.ok("etcd.incarnation", c.Name, "there is none yet: the first worker writes it")
	default:
		text := fmt.Sprintf("%s, epoch %d, at revision %d; %s", h.Lineage, h.Epoch, h.Now.Rev, memory)
		if h.Floor > 0 {
			text += fmt.Sprintf("; new keys start above %d", h.Floor)
		}
		e.ok("etcd.incarnation", c.Name, text)
	}
}

// lookAtCounters reads the counters, page by page.
func (e *examination) lookAtCounters(ctx context.Context, c Etcd, admin *operate.Admin) {
	n, unreadable, high := 0, []string{}, []string{}
	more := ""
	for m, err := range admin.List(ctx, "") {
		if err != nil {
			e.fail("etcd.counters", c.Name, fmt.Sprintf("after %d counters reading failed: %s", n, textOf(err)), "grant the user's role read and write below --etcd-prefix; or give doctor more time with --timeout")
			return
		}
		if n == maxCounters {
			more = ", the first of more"
			break
		}
		n++
		name := m.Key.Store + "/" + m.Key.Name
		switch {
		case m.Err != nil:
			unreadable = append(unreadable, name)
		case !m.Periods && m.Last > nearlyExhausted, m.Periods && inPeriod(m) > nearlyOver:
			high = append(high, name)
		}
	}
	if len(unreadable) > 0 {
		e.fail("etcd.counters", c.Name, fmt.Sprintf("%d of %d counters%s are not understood, and requests for their keys are answered INTERNAL: %s", len(unreadable), n, more, some(unreadable)),
			"a newer seqd may have written it, or somebody by hand; look at one: etcdctl get "+c.Prefix+"/v1/counters/"+unreadable[0])
	}
	if len(high) > 0 {
		e.warn("etcd.counters", c.Name, fmt.Sprintf("%d of %d counters%s have spent nine tenths of all ids: %s", len(high), n, more, some(high)), "move their callers to a new key")
	}
	if len(unreadable)+len(high) == 0 {
		e.ok("etcd.counters", c.Name, fmt.Sprintf("all are understood: %d%s", n, more))
	}
}

// inPeriod returns the id that a counter is at, in its period.
func inPeriod(m operate.Mark) int64 {
	_, id := m.Split()
	return id
}

// some names the first few.
func some(names []string) string {
	const few = 5
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}
