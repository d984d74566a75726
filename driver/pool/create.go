package pool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A Request says which pool is wanted.
type Request struct {
	// Image is the file, or a directory that it is to be put in; "" is beside the mount point.
	Image string
	// Size is that of a new image in bytes, 0 is what Suggest says.
	Size int64
	// For is the user who gets a directory in it; nil is nobody.
	For *user.User
}

// Plan is what Create would do.
type Plan struct {
	Image string
	Size  int64 // of the image, that is to be made or is there
	New   bool  // the image is to be made
	Keep  Keeper
	Home  string // of the user, "" for none
}

// Plan finds out what Create would do, without doing it.
func (p Pool) Plan(q Request) (*Plan, error) {
	plan := &Plan{Image: q.Image, Size: q.Size, Keep: p.Here()}
	there := p.image()
	switch {
	case plan.Image == "" && there != "":
		plan.Image = there
	case plan.Image == "":
		plan.Image = p.usualImage()
	default:
		abs, err := filepath.Abs(plan.Image)
		if err != nil {
			return nil, fmt.Errorf("make a pool: %w", err)
		}
		if fi, err := os.Stat(abs); err == nil && fi.IsDir() {
			abs = filepath.Join(abs, imageName)
		}
		plan.Image = abs
	}
	if there != "" && there != plan.Image {
		return nil, fmt.Errorf("make a pool in %s: this machine's is %s", plan.Image, there)
	}
	if fi, err := os.Lstat(plan.Image); err == nil {
		if !IsImage(plan.Image) {
			return nil, fmt.Errorf("make a pool in %s: %w", plan.Image, ErrForeign)
		}
		plan.Size = fi.Size()
	} else if plan.New = true; plan.Size == 0 {
		size, err := Suggest(nearest(filepath.Dir(plan.Image)))
		if err != nil {
			return nil, err
		}
		plan.Size = size
	}
	if plan.New {
		plan.Size = plan.Size / (1 << 20) * (1 << 20)
	}
	if plan.Size < MinSize {
		return nil, fmt.Errorf("make a pool of %d MiB: %w, it takes %d at least", plan.Size>>20, ErrTooSmall, MinSize>>20)
	}
	if q.For != nil {
		plan.Home = filepath.Join(p.Mount, filepath.Base(q.For.Username))
	}
	return plan, nil
}

// nearest is a directory, or the first above it that is there.
func nearest(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// Create makes the pool, as far as it is not there: its image, what mounts it when the machine
// starts, and the user's directory. It is mounted when it returns.
func (p Pool) Create(ctx context.Context, q Request) (*Plan, error) {
	plan, err := p.Plan(q)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(plan.Image), 0o755); err != nil {
		return nil, fmt.Errorf("make a pool: %w", err)
	}
	if err := makeImage(ctx, plan.Image, plan.Size); err != nil {
		return nil, err
	}
	if err := p.makeMountPoint(); err != nil {
		return nil, err
	}
	if err := p.keep(ctx, plan.Image); err != nil {
		return nil, err
	}
	if err := p.Attach(plan.Image); err != nil {
		return nil, err
	}
	if q.For != nil {
		plan.Home, err = p.makeHome(q.For)
	}
	return plan, err
}

// makeMountPoint makes the directory that nobody but root can put anything in while the pool is
// not mounted.
func (p Pool) makeMountPoint() error {
	err := os.MkdirAll(filepath.Dir(p.Mount), 0o755)
	if err == nil {
		err = os.Mkdir(p.Mount, 0o555)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the pool's place: %w", err)
	}
	if _, ok := mountedAt(p.Mount); ok {
		return nil
	}
	// What is in it would be hidden.
	entries, err := os.ReadDir(p.Mount)
	if err != nil {
		return fmt.Errorf("make the pool's place: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("make the pool's place: there is something in %s", p.Mount)
	}
	return nil
}

// Attach mounts the image, "" for the one that the pool has, unless it is mounted. Where a power
// cut has left half of its superblock, it is mended from a copy, if a whole one is there.
func (p Pool) Attach(image string) error {
	if image == "" {
		if image = p.image(); image == "" {
			return fmt.Errorf("mount %s: %w", p.Mount, ErrNone)
		}
	}
	if m, ok := mountedAt(p.Mount); ok {
		if file := m.Backing(); file != image {
			return fmt.Errorf("mount %s: %s is mounted at %s", image, m.Source, p.Mount)
		}
		return nil
	}
	if !IsImage(image) {
		if _, err := os.Lstat(image); err != nil {
			return fmt.Errorf("mount the pool: %w", err)
		}
		return fmt.Errorf("mount %s: %w", image, ErrForeign)
	}
	err := p.mount(image)
	if errors.Is(err, unix.EINVAL) && mendSuperblock(image) {
		err = p.mount(image)
	}
	return err
}
