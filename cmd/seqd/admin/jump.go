package admin

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"

	"github.com/peterbourgon/ff/v3/ffcli"

	"github.com/seqd-io/seqd/allocator/etcd/operate"
	"github.com/seqd-io/seqd/allocator/etcd/record"
	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
)

// jump is what `seqd admin jump` was asked for.
type jump struct {
	*admin
	by  int64
	all bool
	yes bool

	behind behind
}

func jumpCommand(stdout io.Writer) *ffcli.Command {
	fs := flag.NewFlagSet("seqd admin jump", flag.ContinueOnError)
	j := jump{admin: newAdmin(fs)}
	fs.Int64Var(&j.by, "by", 0, "the number `N` to add; it must be greater than what any key has issued since the backup")
	fs.BoolVar(&j.all, "all", false, "raise all counters of all stores, which is also what happens where no store is named")
	fs.BoolVar(&j.yes, "yes", false, "raise the counters; without it the command only says what it would do, and exits 1; no variable sets it")
	return &ffcli.Command{
		Name:       "jump",
		ShortUsage: "seqd admin jump [--all | STORE [KEY]] --by N [--yes] [flags]",
		ShortHelp:  "raise all counters by a number, when workers answer FENCED",
		LongHelp: "example:\n" +
			"  seqd admin jump --all --by 1000000 --yes\n" +
			"\n" +
			"Adds N to every counter below the prefix. Then it writes a new incarnation, which has a higher epoch\n" +
			"and a floor for the counters that were first used after the backup. Workers that answer FENCED take\n" +
			"this up by themselves, within seconds. Counters that older versions kept below another spelling of\n" +
			"the prefix, such as /seqd/ for /seqd, are taken over first.\n" +
			"\n" +
			"After a restore, N must be greater than what any key has issued since the backup. Take the highest\n" +
			"rate, times the age of the backup, times ten. Too much costs ids, of which there are enough: a million\n" +
			"a second last for 292 000 years. Too little issues ids twice.\n" +
			"\n" +
			"A counter that counts in periods is raised in the period of its record. In the periods that have begun\n" +
			"since, up to the present one, ids begin above the floor. In later ones they begin at 1.\n" +
			"\n" +
			"With STORE, or STORE and KEY, only those counters are raised, and no incarnation is written. Workers\n" +
			"that answer FENCED go on doing so, and ids of a period other than the record's are not raised. The\n" +
			"command names the counters that this may concern: see seqd admin raise --period." +
			"\n\n" + soWeak,
		FlagSet: fs,
		Exec: func(ctx context.Context, args []string) error {
			return j.run(ctx, fs, args, cmdline.Takes{Names: []string{"STORE", "KEY"}}, stdout, func(ctx context.Context, words []string) error {
				if !cmdline.Given(fs, "by") {
					return cmdline.UsageError("--by must be given; for example: seqd admin jump --all --by 1000000")
				}
				return j.jump(ctx, words)
			})
		},
	}
}

func (j *jump) jump(ctx context.Context, words []string) error {
	switch {
	case j.by < 1:
		return cmdline.UsageError(fmt.Sprintf("--by must be 1 or more, not %d", j.by))
	case j.all && len(words) > 0:
		return cmdline.UsageError("--all takes no store and no key")
	}
	if err := j.marks(ctx, words); err != nil {
		return err
	}
	if err := j.incarnations(ctx, len(words) == 0); err != nil {
		return err
	}
	if err := j.print.unreadable(); err != nil {
		return err
	}
	if !j.yes {
		return errors.New("nothing was changed: this is what would be done; add --yes to do it")
	}
	return nil
}

// marks raises the counters that words name, or says what they would be.
func (j *jump) marks(ctx context.Context, words []string) error {
	clusters, store := j.clusters, ""
	switch len(words) {
	case 1:
		c, err := j.of(words[0])
		if err != nil {
			return err
		}
		clusters, store = []place{c}, words[0]
	case 2:
		return j.mark(ctx, words[0], words[1])
	}
	if store == "" {
		if err := j.elsewhere(ctx); err != nil {
			return err
		}
	}
	j.print.head("STORE", "KEY", "WAS", "IS")
	some := false
	for _, c := range clusters {
		raised := operate.Raised{}
		changes := c.JumpMarks(ctx, store, j.by)
		if !j.yes {
			changes = c.PreviewJump(ctx, store, j.by)
		}
		for change, err := range changes {
			if err != nil {
				return err
			}
			some = true
			raised.Add(change)
			j.behind.add(j.admin, change)
			if err := j.print.change(change); err != nil {
				return err
			}
		}
		if j.yes {
			continue
		}
		if err := j.wouldWait(ctx, c, raised); err != nil {
			return err
		}
	}
	if store != "" && !some {
		return fmt.Errorf("no counter in store %q: nothing was issued yet, or it is kept elsewhere; see: seqd admin ls", store)
	}
	return nil
}

// mark raises one counter, or says what it would be.
func (j *jump) mark(ctx context.Context, store, text string) error {
	c, key, err := j.counter(store, text)
	if err != nil {
		return err
	}
	var change operate.Change
	if j.yes {
		change, err = c.Jump(ctx, key, j.by)
		if isHeld(err) {
			return errors.Join(j.changed(change), err)
		}
	} else {
		var m operate.Mark
		if m, err = c.Peek(ctx, key); err == nil {
			change = m.Jumped(j.by)
		}
	}
	if err != nil {
		return noRecord(err, store, text)
	}
	if err := j.changed(change); err != nil {
		return err
	}
	j.behind.add(j.admin, change)
	if j.yes {
		return nil
	}
	raised := operate.Raised{}
	raised.Add(change)
	return j.wouldWait(ctx, c, raised)
}

// incarnations writes a new incarnation to every cluster, or says what it would
// be, if all counters are raised.
func (j *jump) incarnations(ctx context.Context, all bool) error {
	if !all {
		if len(j.behind) > 0 {
			if err := j.print.note(j.behind.String()); err != nil {
				return err
			}
		}
		return j.print.note("no new incarnation: workers that answer FENCED go on doing so until all counters are raised (--all)")
	}
	for _, c := range j.clusters {
		var was, is record.Incarnation
		var err error
		if j.yes {
			was, is, err = c.Reincarnate(ctx, j.by)
		} else {
			was, is, err = c.PreviewReincarnate(ctx, j.by)
		}
		if err != nil {
			return err
		}
		if err := j.print.incarnation(c.Name()+" "+c.Etcd.Prefix, was, is); err != nil {
			return err
		}
		if is.Floor == math.MaxInt64 {
			if err := j.print.note("keys that are new answer EXHAUSTED from now on: the floor is the greatest id"); err != nil {
				return err
			}
		}
	}
	return nil
}

// elsewhere says which counters are taken over from another spelling of a prefix.
func (j *jump) elsewhere(ctx context.Context) error {
	for _, c := range j.clusters {
		prefixes, err := c.Elsewhere(ctx)
		if err != nil {
			return err
		}
		for _, prefix := range prefixes {
			err := j.print.note(fmt.Sprintf("the counters below %s are taken over by %s, and removed there: stop all workers that were told the prefix %s and are older than this version", prefix+"/v1", c.Etcd.Prefix, prefix))
			if err != nil {
				return err
			}
		}
	}
	return nil
}
