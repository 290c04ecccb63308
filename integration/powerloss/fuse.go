package powerloss

import (
	"bytes"
	"context"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// inode is what the kernel knows of a node.
type inode struct {
	fs.Inode
	disk *Disk
	node *node
}

var (
	_ fs.NodeLookuper  = (*inode)(nil)
	_ fs.NodeReaddirer = (*inode)(nil)
	_ fs.NodeCreater   = (*inode)(nil)
	_ fs.NodeMkdirer   = (*inode)(nil)
	_ fs.NodeUnlinker  = (*inode)(nil)
	_ fs.NodeRmdirer   = (*inode)(nil)
	_ fs.NodeRenamer   = (*inode)(nil)
	_ fs.NodeGetattrer = (*inode)(nil)
	_ fs.NodeSetattrer = (*inode)(nil)
	_ fs.NodeOpener    = (*inode)(nil)
	_ fs.NodeReader    = (*inode)(nil)
	_ fs.NodeWriter    = (*inode)(nil)
	_ fs.NodeAllocater = (*inode)(nil)
	_ fs.NodeFsyncer   = (*inode)(nil)
)

// child returns what the kernel shall know of a node in this folder.
func (i *inode) child(ctx context.Context, n *node, out *fuse.EntryOut) *fs.Inode {
	i.disk.tree.attributes(n, &out.Attr)
	return i.NewInode(ctx, &inode{disk: i.disk, node: n}, fs.StableAttr{Mode: n.mode & syscall.S_IFMT, Ino: n.id})
}

func (i *inode) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	n := i.disk.tree.lookup(i.node, name)
	if n == nil {
		return nil, syscall.ENOENT
	}
	return i.child(ctx, n, out), 0
}

func (i *inode) Readdir(context.Context) (fs.DirStream, syscall.Errno) {
	return fs.NewListDirStream(i.disk.tree.list(i.node)), 0
}

func (i *inode) Create(ctx context.Context, name string, _ uint32, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	n, errno := i.disk.tree.make(i.node, name, syscall.S_IFREG|mode&0o7777)
	if errno != 0 {
		return nil, nil, 0, errno
	}
	return i.child(ctx, n, out), nil, fuse.FOPEN_KEEP_CACHE, 0
}

func (i *inode) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	n, errno := i.disk.tree.make(i.node, name, syscall.S_IFDIR|mode&0o7777)
	if errno != 0 {
		return nil, errno
	}
	return i.child(ctx, n, out), 0
}

func (i *inode) Unlink(_ context.Context, name string) syscall.Errno {
	return i.disk.tree.remove(i.node, name, false)
}

func (i *inode) Rmdir(_ context.Context, name string) syscall.Errno {
	return i.disk.tree.remove(i.node, name, true)
}

func (i *inode) Rename(_ context.Context, name string, to fs.InodeEmbedder, toName string, flags uint32) syscall.Errno {
	if flags != 0 {
		return syscall.ENOTSUP // exchanged, or not replaced
	}
	return i.disk.tree.move(i.node, name, to.(*inode).node, toName)
}

func (i *inode) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	i.disk.tree.attributes(i.node, &out.Attr)
	return 0
}

func (i *inode) Setattr(_ context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	var errno syscall.Errno
	if size, is := in.GetSize(); is {
		errno = i.disk.tree.change(i.node, change{size: int64(size)})
	}
	if mode, is := in.GetMode(); is {
		i.disk.tree.chmod(i.node, mode)
	}
	i.disk.tree.attributes(i.node, &out.Attr)
	return errno
}

func (i *inode) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_KEEP_CACHE, 0
}

func (i *inode) Read(_ context.Context, _ fs.FileHandle, p []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	return fuse.ReadResultData(p[:i.disk.tree.read(i.node, p, off)]), 0
}

func (i *inode) Write(_ context.Context, _ fs.FileHandle, p []byte, off int64) (uint32, syscall.Errno) {
	if len(p) == 0 {
		return 0, 0
	}
	return uint32(len(p)), i.disk.tree.change(i.node, change{off: off, data: bytes.Clone(p)})
}

// Allocate makes a file longer, and has nothing else to reserve.
func (i *inode) Allocate(_ context.Context, _ fs.FileHandle, off, size uint64, mode uint32) syscall.Errno {
	const keepSize = 1
	switch mode {
	case keepSize:
		return 0
	case 0:
		return i.disk.tree.extend(i.node, int64(off+size))
	}
	return syscall.ENOTSUP
}

func (i *inode) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	return i.disk.tree.sync(i.node, time.Duration(i.disk.syncTakes.Load()))
}

func (t *tree) lookup(in *node, name string) *node {
	t.mu.Lock()
	defer t.mu.Unlock()
	return in.entries[name]
}

func (t *tree) list(in *node) (all []fuse.DirEntry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, n := range in.entries {
		all = append(all, fuse.DirEntry{Name: name, Mode: n.mode & syscall.S_IFMT, Ino: n.id})
	}
	return all
}

func (t *tree) attributes(n *node, out *fuse.Attr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	out.Ino, out.Mode, out.Size, out.Nlink = n.id, n.mode, uint64(n.now.size), 1
	out.Blocks, out.Blksize = (out.Size+sector-1)/sector, 4096
	var none *time.Time
	out.SetTimes(none, &n.changed, &n.changed)
}

func (t *tree) chmod(n *node, mode uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n.mode = n.mode&syscall.S_IFMT | mode&0o7777
}

func (t *tree) change(n *node, c change) syscall.Errno {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.poweredLocked() {
		return syscall.EIO
	}
	n.change(c)
	return 0
}

func (t *tree) extend(n *node, size int64) syscall.Errno {
	t.mu.Lock()
	longer := size > n.now.size
	t.mu.Unlock()
	if !longer {
		return 0
	}
	return t.change(n, change{size: size})
}

func (t *tree) read(n *node, p []byte, off int64) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return n.now.readAt(p, off)
}
