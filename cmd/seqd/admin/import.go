package admin

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/peterbourgon/ff/v3/ffcli"

	"github.com/seqd-io/seqd/allocator/etcd/operate"
	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
)

// imports is what `seqd admin import` was asked for, and how far it is.
type imports struct {
	*admin
	yes    bool
	stderr io.Writer

	counters, done, raised int
}

func importCommand(stdin *os.File, stdout, stderr io.Writer) *ffcli.Command {
	fs := flag.NewFlagSet("seqd admin import", flag.ContinueOnError)
	i := imports{admin: newAdmin(fs), stderr: stderr}
	fs.BoolVar(&i.yes, "yes", false, "raise the counters; without it the command only says what it would do, and exits 1")
	return &ffcli.Command{
		Name:       "import",
		ShortUsage: "seqd admin import FILE [--yes] [flags]",
		ShortHelp:  "raise the counters that a file lists, to take over from another system",
		LongHelp: "example:\n" +
			"  seqd admin import counters.csv          # shows what would change\n" +
			"  seqd admin import counters.csv --yes\n" +
			"\n" +
			"Reads lines of STORE, KEY and LAST, and raises each counter so that its next ids are greater than LAST.\n" +
			"A counter that is not there is made. One that is as high already stays as it is, so that you may import\n" +
			"the same file again, for example after an interruption. A counter that a worker owns is raised by one\n" +
			"at least, as seqd admin raise does. FILE may be - for stdin.\n" +
			"\n" +
			"If a comma follows the store, the line is CSV: orders,invoice,1000. Otherwise blanks stand between its\n" +
			"fields, and a key that holds blanks is in quotes, as seqd admin ls prints it: orders \"a b\" 1000.\n" +
			"KEY is any text, as for seqd next. LAST is a whole number, or PERIOD#ID for a key that counts in periods,\n" +
			"as in 2026-11#42. Empty lines, lines that begin with #, and a first line store,key,last are passed over.\n" +
			"Blanks behind a comma belong to no field. A counter that stands twice is raised to the greater LAST.\n" +
			"\n" +
			"All lines are read before the first counter is raised. If one of them is malformed, nothing is raised\n" +
			"at all. With --config the same holds for a line that names a store which is not configured, or no period\n" +
			"for a key that counts in periods. Each line is carried out as a whole or not at all.\n" +
			"Import before anybody asks seqd for ids of these keys, because workers may hold some in memory." +
			"\n\n" + soWeak,
		FlagSet: fs,
		Exec: func(ctx context.Context, args []string) error {
			return i.run(ctx, fs, args, cmdline.Takes{Names: []string{"FILE"}, Required: 1, Example: "seqd admin import counters.csv"}, stdout, func(ctx context.Context, words []string) error {
				f, err := openImport(words[0], stdin)
				if err != nil {
					return err
				}
				defer f.done()
				return i.file(ctx, f)
			})
		},
	}
}

func (i *imports) file(ctx context.Context, f *importFile) (err error) {
	if i.counters, err = i.check(f); err != nil {
		return fmt.Errorf("%w\nnothing was changed", err)
	}
	i.print.head("STORE", "KEY", "WAS", "IS")
	for at := range i.clusters {
		if err := i.cluster(ctx, f, at); err != nil {
			if i.yes && !isHeld(err) {
				err = fmt.Errorf("%w; %d of %d counters are done: import the file again to go on", err, i.done, i.counters)
			}
			return err
		}
	}
	if err := i.print.note(i.sum()); err != nil {
		return err
	}
	if err := i.print.unreadable(); err != nil {
		return err
	}
	switch {
	case i.yes:
		return nil
	case i.admin.file == "":
		return errors.New("nothing was changed: this is what would be done, but without --config nobody knows which stores there are, and which keys count in periods; add --config FILE, and --yes to do it")
	}
	return errors.New("nothing was changed: this is what would be done; add --yes to do it")
}

// cluster raises the counters of one cluster, or says what they would be.
func (i *imports) cluster(ctx context.Context, f *importFile, at int) error {
	c := i.clusters[at]
	raised := operate.Raised{}
	var failed error
	goals := i.goals(f, at, &failed)
	changes := c.RaiseAll(ctx, goals)
	if !i.yes {
		changes = c.PreviewRaiseAll(ctx, goals)
	}
	for change, err := range changes {
		if err != nil {
			return err
		}
		raised.Add(change)
		if err := i.print.change(change); err != nil {
			return err
		}
		i.count(change)
	}
	if failed != nil {
		return failed
	}
	if i.yes {
		return nil
	}
	return i.wouldWait(ctx, c, raised)
}

// progressEvery is how many counters are done between two lines of progress.
const progressEvery = 10_000

func (i *imports) count(c operate.Change) {
	if c.Err == nil && c.Is != c.Was {
		i.raised++
	}
	if i.done++; i.done%progressEvery == 0 {
		fmt.Fprintf(i.stderr, "%d of %d counters\n", i.done, i.counters)
	}
}

// sum says what became of all.
func (i *imports) sum() string {
	did := "raised"
	if !i.yes {
		did = "would raise"
	}
	return fmt.Sprintf("%s %d of %d counters; the others stay as they are", did, i.raised, i.counters)
}
