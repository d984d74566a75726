package faultdisk

import (
	"context"
	"strconv"
	"sync"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// shelf is the disks of a host, each a file in the root of a FUSE file system, called by
// its number.
type shelf struct {
	fs.Inode
	mu    sync.Mutex
	disks map[int]*device
	last  int
}

var (
	_ fs.NodeLookuper  = (*shelf)(nil)
	_ fs.NodeOpener    = (*file)(nil)
	_ fs.NodeReader    = (*file)(nil)
	_ fs.NodeWriter    = (*file)(nil)
	_ fs.NodeFsyncer   = (*file)(nil)
	_ fs.NodeAllocater = (*file)(nil)
	_ fs.NodeGetattrer = (*file)(nil)
	_ fs.NodeStatfser  = (*file)(nil)
)

func (s *shelf) put(d *device) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	s.disks[s.last] = d
	return s.last
}

func (s *shelf) get(id int) *device {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.disks[id]
}

func (s *shelf) drop(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.disks, id)
}

// Lookup finds a disk by its number.
func (s *shelf) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	id, err := strconv.Atoi(name)
	d := s.get(id)
	if err != nil || d == nil {
		return nil, syscall.ENOENT
	}
	f := &file{disk: d}
	f.describe(&out.Attr)
	return s.NewInode(ctx, f, fs.StableAttr{Mode: syscall.S_IFREG, Ino: uint64(id) + 1}), 0
}

// file is a disk as a file. What of its methods may be called at once, the device sorts
// out.
type file struct {
	fs.Inode
	disk *device
}

func (f *file) describe(a *fuse.Attr) {
	a.Mode, a.Size, a.Blksize = syscall.S_IFREG|0o600, uint64(f.disk.size()), pageSize
}

// Getattr tells the size.
func (f *file) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	f.describe(&out.Attr)
	return 0
}

// Statfs tells in what portions a loop device may discard.
func (f *file) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	out.Bsize, out.Frsize, out.NameLen = pageSize, pageSize, 255
	return 0
}

// Open sees to it that no write waits in the page cache: the disk is the only cache.
func (f *file) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_DIRECT_IO, 0
}

// Read reads, to the end at most.
func (f *file) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	dest = dest[:max(0, min(int64(len(dest)), f.disk.size()-off))]
	f.disk.read(dest, off)
	return fuse.ReadResultData(dest), 0
}

// Write copies what it is given, which is FUSE's again when it returns.
func (f *file) Write(_ context.Context, _ fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	if off < 0 || off+int64(len(data)) > f.disk.size() {
		return 0, syscall.ENOSPC
	}
	if errno := f.disk.write(append([]byte(nil), data...), off); errno != 0 {
		return 0, errno
	}
	return uint32(len(data)), 0
}

// Fsync is a flush.
func (f *file) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno { return f.disk.flush() }

// Allocate is how a loop device discards, and how it writes zeros.
func (f *file) Allocate(_ context.Context, _ fs.FileHandle, off, size uint64, mode uint32) syscall.Errno {
	const punchHole, zeroRange = 0x2, 0x10 // linux/falloc.h
	if mode&(punchHole|zeroRange) == 0 {
		return syscall.EOPNOTSUPP
	}
	if off+size > uint64(f.disk.size()) {
		return syscall.EINVAL
	}
	return f.disk.discard(int64(off), int64(size))
}
