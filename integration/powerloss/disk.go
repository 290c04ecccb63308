package powerloss

import (
	"math/rand/v2"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// Disk is a file system of its own, which is kept in memory. Its methods are for one
// goroutine at a time; the folder is everybody's.
type Disk struct {
	Path string // the folder that it is mounted as

	tree      *tree
	server    *fuse.Server
	syncTakes atomic.Int64 // nanoseconds
}

// New mounts an empty disk until the test ends. Where that is not permitted the test
// is skipped. A test process that is killed leaves the folder behind as one that nobody
// serves, which umount -l removes.
func New(t testing.TB) *Disk {
	t.Helper()
	d := &Disk{Path: t.TempDir(), tree: newTree()}
	if err := d.mount(); err != nil {
		t.Skipf("a file system can't be mounted here: %v: try as root, with /dev/fuse", err)
	}
	t.Cleanup(func() {
		if err := d.server.Unmount(); err != nil {
			t.Errorf("%v: try umount -l %s", err, d.Path)
		}
	})
	return d
}

// mount mounts what is on the disk now.
func (d *Disk) mount() (err error) {
	known := time.Hour // by the kernel, through which every change comes
	d.server, err = fs.Mount(d.Path, &inode{disk: d, node: d.tree.root}, &fs.Options{
		EntryTimeout: &known, AttrTimeout: &known,
		RootStableAttr: &fs.StableAttr{Ino: d.tree.root.id},
		UID:            uint32(os.Getuid()), GID: uint32(os.Getgid()),
		MountOptions: fuse.MountOptions{DirectMountStrict: os.Geteuid() == 0, FsName: "powerloss", Name: "powerloss"},
	})
	return err
}

// Settle makes all that was done durable, as kernels do by themselves after some
// seconds.
func (d *Disk) Settle() { d.tree.settle() }

// SyncTakes has each sync take so long from now on. What is written lies there unsynced
// for as long, as on a disk that turns.
func (d *Disk) SyncTakes(t time.Duration) { d.syncTakes.Store(int64(t)) }

// Off is the moment of the power loss: whatever is done to the disk afterwards fails,
// and so does a sync that has not ended. It is for who has several disks lose power
// before he kills those that write to them; Cut follows.
func (d *Disk) Off() { d.tree.powerOff() }

// Cut is the power loss, and the machine's next start. Of what was not synced there is
// what rnd draws; nil draws nothing. Nobody may have anything open on the disk: who did
// has to be killed before.
func (d *Disk) Cut(t testing.TB, rnd *rand.Rand) Loss {
	t.Helper()
	if err := d.server.Unmount(); err != nil {
		t.Fatalf("unmount %s: %v", d.Path, err)
	}
	loss := d.tree.cut(rnd)
	if err := d.mount(); err != nil {
		t.Fatalf("mount %s: %v", d.Path, err)
	}
	return loss
}
