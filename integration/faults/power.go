package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/seqd-io/seqd/integration/powerloss"
)

// How long disks that can lose power take for a sync, so that something that was written
// is nearly always not synced yet. A worker notes something each second.
const (
	etcdSyncTakes   = 3 * time.Millisecond
	workerSyncTakes = 100 * time.Millisecond
)

// giveDisk puts the member's data on a disk that loses what was not synced. Its log has
// files so short, and snapshots come so soon, that power is lost while they are made, too.
func (m *member) giveDisk(disk *powerloss.Disk, unsynced bool) {
	m.disk = disk
	m.disk.SyncTakes(etcdSyncTakes)
	m.dir = filepath.Join(m.disk.Path, "data")
	m.set("--data-dir", m.dir)
	m.set("--snapshot-count", "300")
	m.set("--wal-segment", "100000")
	if unsynced {
		m.args = append(m.args, "--unsafe-no-fsync")
	}
}

// settle makes what etcd wrote while it was set up durable, as kernels do by themselves
// after some seconds: of an entry in a folder it counts on that now and then.
func (c *etcdCluster) settle() {
	for _, m := range c.members {
		m.disk.Settle()
	}
}

// outage is power that is lost again and again; what is lost with it is drawn.
type outage struct {
	rnd  *rand.Rand
	cuts int
	loss powerloss.Loss
}

// cut takes the power from the machines of processes, all at the same moment, and gives
// it back. The processes have to be started again. The first time all that was not
// synced is lost.
func (o *outage) cut(t testing.TB, processes ...*process) {
	t.Helper()
	for _, p := range processes {
		if p.disk != nil {
			p.disk.Off()
		}
	}
	for _, p := range processes {
		_ = p.cmd.Process.Kill() // not one after the other has ended
	}
	rnd := o.rnd
	if o.cuts == 0 {
		rnd = nil
	}
	o.cuts++
	for _, p := range processes {
		p.kill()
		if p.disk != nil {
			o.loss = o.loss.Add(p.disk.Cut(t, rnd))
		}
	}
}

// told has the table say what was lost, and the verdict that something was.
func (o *outage) told(r *run) {
	r.checkf(o.loss.WritesLost > 0, "nothing was lost in %d power losses", o.cuts)
	r.notef("power lost %d times, and with it %v", o.cuts, o.loss)
}

// newOutage draws the same each time, as far as the same is there to be lost.
func newOutage() *outage { return &outage{rnd: rand.New(rand.NewPCG(1, 0))} }

func (c *etcdCluster) processes() (all []*process) {
	for _, m := range c.members {
		all = append(all, m.process)
	}
	return all
}

// everything returns the processes of all machines, NATS's too.
func (s *system) everything() []*process {
	all := s.etcd.processes()
	for _, w := range s.workers {
		all = append(all, w.process)
	}
	for _, n := range s.nats {
		all = append(all, n.process)
	}
	return all
}

// seen returns the newest revision of etcd's that the worker's machine remembers.
func (w *worker) seen(t testing.TB) (revision int64, fenced bool) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(w.memory, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		var state struct {
			Rev    int64
			Fenced string
		}
		data, err := os.ReadFile(file)
		if err = errors.Join(err, json.Unmarshal(data, &state)); err != nil {
			t.Errorf("%s: %v: %q", file, err, data)
		}
		revision, fenced = max(revision, state.Rev), fenced || state.Fenced != ""
	}
	return revision, fenced
}

// untilSaving waits until the worker has begun to note something, and not ended.
func (w *worker) untilSaving(t testing.TB) {
	t.Helper()
	eventually(t, late, w.name+" notes something", func() error {
		if files, err := filepath.Glob(filepath.Join(w.memory, "*.tmp")); err != nil || len(files) == 0 {
			return fmt.Errorf("there is no file that is being written: %v", err)
		}
		return nil
	})
}

// untilSaved waits until the machines of workers remember more than now.
func (r *run) untilSaved() {
	r.Helper()
	was := map[*worker]int64{}
	for _, w := range r.workers {
		was[w], _ = w.seen(r)
	}
	eventually(r, late, "the workers' machines remember more of etcd", func() error {
		for _, w := range r.workers {
			if is, _ := w.seen(r); is <= was[w] {
				return fmt.Errorf("%s still remembers revision %d", w.name, is)
			}
		}
		return nil
	})
}
