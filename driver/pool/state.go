package pool

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// State is how a pool is. Sizes are in bytes.
type State struct {
	Mount    string
	Image    string
	Keep     Keeper
	Mounted  bool
	Size     int64 // of the image, as its file system has it
	Takes    int64 // of the host's disk
	HostFree int64 // on the host's disk
	// Of a pool that is mounted:
	Used     int64
	Free     int64  // what can still be written: the pool's own, or the host's if that is less
	ReadOnly bool   // after an error, or on purpose
	Direct   bool   // the host's page cache is passed by
	Errors   uint64 // of reading and writing, since the pool was made
	Device   string
	Wants    []string // options that it is not mounted with, and should be
	Users    []string // who have a directory in it
}

// Shortage is how much of the host's disk is to stay free, in bytes: below that a pool is in
// danger. Its own room is no use then: the host fails what the pool has promised, and the pool
// goes read-only until it is mounted again. Btrfs writes up to 1 GiB between two commits here.
const Shortage = 2 << 30

// Short reports whether the disk under the pool is nearly full, while the pool could still grow.
func (s *State) Short() bool {
	return s.HostFree < Shortage && s.Takes < s.Size
}

// State looks at the pool. It fails with ErrNone where there is none.
func (p Pool) State() (*State, error) {
	s := &State{Mount: p.Mount, Image: p.image()}
	m, mounted := mountedAt(p.Mount)
	if s.Image == "" && !mounted {
		return nil, fmt.Errorf("look for %s: %w", p.Mount, ErrNone)
	}
	_, s.Keep = p.kept()
	var st unix.Stat_t
	if unix.Stat(s.Image, &st) == nil {
		s.Size, s.Takes = st.Size, st.Blocks*512
	}
	if free, err := freeIn(nearest(filepath.Dir(s.Image))); err == nil && s.Image != "" {
		s.HostFree = free
	}
	if !mounted {
		return s, nil
	}
	s.Mounted, s.Device = true, m.Source
	var fs unix.Statfs_t
	if err := unix.Statfs(p.Mount, &fs); err != nil {
		return nil, fmt.Errorf("look at the pool: %w", err)
	}
	total := int64(fs.Blocks) * fs.Bsize
	if s.Size == 0 {
		s.Size = total
	}
	s.Used, s.Free = total-int64(fs.Bfree)*fs.Bsize, int64(fs.Bavail)*fs.Bsize
	if s.Image != "" {
		s.Free = min(s.Free, s.HostFree)
	}
	s.ReadOnly = m.Has("ro")
	s.Direct = isDirect(m.Source)
	for o := range strings.SplitSeq(Options, ",") {
		if !slices.Contains(m.Options, o) {
			s.Wants = append(s.Wants, o)
		}
	}
	s.Errors = deviceErrors(m.Source)
	s.Users = p.users()
	return s, nil
}

func (p Pool) users() (names []string) {
	entries, err := os.ReadDir(p.Mount)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names
}

// deviceErrors adds up what Btrfs has counted of a device (sysfs: devinfo/1/error_stats, since
// Linux 5.14).
func deviceErrors(device string) (n uint64) {
	all, err := filepath.Glob("/sys/fs/btrfs/*/devices/" + filepath.Base(device))
	if err != nil || len(all) == 0 {
		return 0
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(all[0])), "devinfo/1/error_stats"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if _, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			count, _ := strconv.ParseUint(value, 10, 64)
			n += count
		}
	}
	return n
}
