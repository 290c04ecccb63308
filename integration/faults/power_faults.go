package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/seqd-io/seqd/integration/pace"
)

// powerFaults take the power from machines: what was not synced is gone.
var powerFaults = []fault{
	{
		name:    "power lost, etcd leader",
		promise: "as when it is killed: it comes back with all that it had said",
		plan:    plan{disks: true},
		inject:  powerOffLeader,
		shown:   func(f figures) error { return gapAtLeast(f.strongGap, election/2) },
		limits: limits{
			outcomes:  "no answer, EXPIRED, UNAVAILABLE, no responders",
			strongGap: 6 * time.Second, weakGap: 4 * time.Second, leasedGap: 6 * time.Second, normal: 5 * time.Second, ambiguous: true,
		},
	},
	{
		name:    "power lost, etcd's members all at once",
		promise: "as when the majority is lost: no id that was answered comes again",
		plan:    plan{disks: true},
		inject:  powerOffEtcd,
		shown:   func(f figures) error { return gapAtLeast(f.strongGap, election/2) },
		limits: limits{
			outcomes:  "no answer, EXPIRED, UNAVAILABLE, no responders",
			strongGap: 10 * time.Second, weakGap: 10 * time.Second, leasedGap: 10 * time.Second, normal: 8 * time.Second, ambiguous: true, failedCalls: true,
		},
	},
	{
		name:    "power lost, a worker's machine",
		promise: "as when the worker is killed; what the machine had noted of etcd it still knows",
		plan:    plan{disks: true},
		inject:  powerOffWorkers,
		shown: func(f figures) error {
			return atLeast(f.outcomes[noAnswer]+f.leasedOutcomes[noAnswer], 1, "requests that were with a worker")
		},
		limits: limits{
			outcomes: "no answer", leased: replaced,
			strongGap: 2 * time.Second, weakGap: 2 * time.Second, leasedGap: withinLeases(shortLease), normal: 3 * time.Second,
		},
	},
	{
		name:    "power lost everywhere at once",
		promise: "all comes back by itself, and no id that was answered comes again",
		plan:    plan{disks: true},
		inject:  powerOffEverything,
		shown:   func(f figures) error { return gapAtLeast(f.strongGap, election/2) },
		limits:  afterBlackout,
	},
	{
		name:    "power lost everywhere, and an old backup restored",
		promise: "FENCED by what the machines had noted, and so after another power loss; no id until seqd admin jump has raised the counters",
		plan:    plan{disks: true},
		forgets: true,
		inject:  powerOffAndRestore,
		shown:   backInTime,
		limits: limits{
			outcomes: "no answer, EXPIRED, UNAVAILABLE, no responders, not connected, FENCED", failedCalls: true,
			strongGap: 50 * time.Second, weakGap: 50 * time.Second, leasedGap: 50 * time.Second, normal: 5 * time.Second, ambiguous: true,
		},
	},
}

var afterBlackout = limits{
	outcomes: "no answer, EXPIRED, UNAVAILABLE, no responders, not connected", failedCalls: true,
	strongGap: 15 * time.Second, weakGap: 15 * time.Second, leasedGap: 15 * time.Second, normal: 8 * time.Second, ambiguous: true,
}

// outages is how often the power is lost.
const outages = 5

func powerOffLeader(r *run) {
	o := newOutage()
	r.etcd.settle()
	for range outages {
		leader := r.etcd.leader(r)
		o.cut(r, leader.process)
		r.during(time.Second)
		leader.start(r)
		r.during(2 * time.Second)
	}
	o.told(r)
}

func powerOffEtcd(r *run) {
	o := newOutage()
	r.etcd.settle()
	for range outages {
		o.cut(r, r.etcd.processes()...)
		r.etcd.start(r)
		r.during(2 * time.Second)
	}
	o.told(r)
}

func powerOffWorkers(r *run) {
	defer r.putEtcdFarAway()()
	o := newOutage()
	for range 2 {
		for _, w := range r.workers {
			was, _ := w.seen(r)
			r.untilSaved() // what was read before is synced
			w.untilSaving(r)
			end := r.losing()
			o.cut(r, w.process)
			r.during(200 * time.Millisecond)
			end()
			is, _ := w.seen(r)
			r.checkf(is >= was && was > 0, "%s remembers revision %d, and had noted %d", w.name, is, was)
			r.startWorker(r, w)
			w.waitReady(r, pace.Patience)
		}
	}
	o.told(r)
}

func powerOffEverything(r *run) {
	o := newOutage()
	r.etcd.settle()
	for range outages {
		r.blackout(o)
		r.etcd.start(r)
		r.lightUp()
		r.waitAll(pace.Patience, true)
		r.during(2 * time.Second)
	}
	o.told(r)
}

// blackout cuts the power of all machines.
func (r *run) blackout(o *outage) {
	end := r.losing()
	o.cut(r, r.everything()...)
	r.during(200 * time.Millisecond)
	end()
}

// lightUp starts NATS and the workers.
func (r *run) lightUp() {
	for _, n := range r.nats {
		n.start(r)
		n.waitListening(r)
	}
	for _, w := range r.workers {
		r.startWorker(r, w)
	}
}

// powerOffAndRestore leaves the machines' state files as the only place in which it is known
// that etcd went back: no worker has it in memory, and the backup's record does not tell.
// Twice: what the workers found then they have to know after another power loss.
func powerOffAndRestore(r *run) {
	o := newOutage()
	r.etcd.settle()
	file := r.etcd.backup(r, r.dir)
	backup := r.marks()
	r.during(time.Second)
	r.untilSaved()
	for range 2 {
		r.blackout(o)
		r.etcd.restore(r, file)
		r.etcd.start(r)
		r.lightUp()
		for _, w := range r.workers {
			eventually(r, pace.Patience, w.name+" is fenced", func() error {
				if _, fenced := w.seen(r); !fenced {
					_, text := w.state()
					return fmt.Errorf("its machine has noted no fence, and it is %s", text)
				}
				return nil
			})
		}
		from := r.record.history.Now()
		r.during(2 * time.Second)
		got := r.idsSince(from)
		r.checkf(got == 0, "%d requests got ids from counters that went back", got)
	}
	again := r.above(backup)
	r.jump()
	back := r.waitAll(pace.Patience, true)
	o.told(r)
	r.notef("%d ids had been answered since the backup; served again %s after the jump", again, seconds(back))
}

// copyToDisk puts what a folder of this machine holds on the member's disk. Nothing but
// plain reads and writes may be done there by the process that serves the disk: one that
// waits for a page that is mapped could keep it from being served.
func (m *member) copyToDisk(from string) error {
	if err := os.CopyFS(m.dir, os.DirFS(from)); err != nil {
		return err
	}
	m.disk.Settle()
	return filepath.WalkDir(m.dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			err = os.Chmod(path, 0o700) // etcd wants it so
		}
		return err
	})
}
