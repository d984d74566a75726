package graft

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/internal/parallel"
	"github.com/cargo-cow/cargo-cow/layers/internal/removal"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Apply puts the units that were taken into the directory. clone makes the new file dst
// with the content and mode of src and the time mtime, src's own if that is zero; it is
// called from several goroutines.
//
// All units of immutable sources that depend on none that is mutable, those that were
// there and the new ones, get one time, the oldest of theirs: Cargo compares them with
// each other and with their dependents, and where it compares them with anything else,
// an older time makes dirty, never fresh. If Apply fails, the directory is of no use to
// anyone.
func (g *Graft) Apply(ctx context.Context, clone func(dst, src string, mtime time.Time) error) error {
	if len(g.taken) == 0 {
		return nil
	}
	a := application{dir: g.receiver.Path, links: builddir.NewLinkCutter(g.receiver.Path), files: map[string]builddir.DiskUnit{}, oneTime: map[string]bool{}, keepTimes: g.keepTimes()}
	if err := each(g.taken, a.add); err != nil {
		return err
	}
	here := g.immutableHere()
	oneTime := slices.DeleteFunc(slices.Concat(here, g.taken), func(h builddir.DiskUnit) bool { return a.keepTimes[h.Unit] })
	var oldest time.Time
	if len(oneTime) > 0 {
		var err error
		if oldest, err = oldestTime(oneTime); err != nil {
			return err
		}
	}
	rels := slices.Sorted(maps.Keys(a.files))
	err := each(rels, func(rel string) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, mtime := a.files[rel], time.Time{}
		if a.oneTime[rel] {
			mtime = oldest
		}
		dst := filepath.Join(a.dir, rel)
		err := clone(dst, h.Path(rel), mtime)
		if errors.Is(err, fs.ErrExist) {
			if err = removal.File(dst); err == nil {
				err = clone(dst, h.Path(rel), mtime)
			}
		}
		if err != nil {
			return fmt.Errorf("graft %s: %w", h.Unit.Unit, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := a.markProfiles(g.taken); err != nil {
		return err
	}
	return each(here, func(h builddir.DiskUnit) error { return h.SetTime(oldest) })
}

// markProfiles makes profile directories known for what they are, as Cargo does by
// its lock when it first builds in one: in one directory for each unit nothing else
// tells them from others (see isProfile).
func (a *application) markProfiles(taken []builddir.DiskUnit) error {
	made := map[string]bool{}
	for _, h := range taken {
		if profile := h.Unit.Profile; !made[profile] {
			made[profile] = true
			f, err := os.OpenFile(filepath.Join(a.dir, profile, builddir.LockFiles[0]), os.O_CREATE, 0o666)
			if err != nil {
				return fmt.Errorf("graft into %s: %w", profile, err)
			}
			f.Close()
		}
	}
	return nil
}

// each calls do for all, several at a time, until one fails, and returns the first
// error: a full disk gives the same error for every file.
func each[T any](all []T, do func(T) error) error {
	var failed atomic.Pointer[error]
	parallel.Do(len(all), func(i int) {
		if failed.Load() != nil {
			return
		}
		if err := do(all[i]); err != nil {
			failed.CompareAndSwap(nil, &err)
		}
	})
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// application makes directories and links, and collects the files to be cloned. Units may
// be added by several goroutines.
type application struct {
	dir       string
	links     *builddir.LinkCutter
	mu        sync.Mutex
	files     map[string]builddir.DiskUnit // by name below dir: whose file it becomes
	oneTime   map[string]bool              // which of them get the one time
	keepTimes map[*builddir.Unit]bool      // units whose files keep their times
}

// add makes the unit's directories and links, and notes its files.
func (a *application) add(h builddir.DiskUnit) error {
	files, err := a.makeDirs(h)
	if err != nil {
		return fmt.Errorf("graft %s: %w", h.Unit.Unit, err)
	}
	var oneTime []string
	if !a.keepTimes[h.Unit] {
		if oneTime, err = h.TimedFiles(); err != nil {
			return fmt.Errorf("graft %s: %w", h.Unit.Unit, err)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, f := range files {
		a.files[f] = h
	}
	for _, f := range oneTime {
		a.oneTime[f] = true
	}
	return nil
}

// makeDirs makes the directories and links of a unit, and lists the files that belong
// into them.
func (a *application) makeDirs(h builddir.DiskUnit) ([]string, error) {
	dirs, files, err := h.All()
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if err := a.makeDir(filepath.Dir(f)); err != nil {
			return nil, err
		}
	}
	for _, dir := range dirs {
		inside, err := a.copyDir(h, dir)
		if err != nil {
			return nil, err
		}
		files = append(files, inside...)
	}
	return files, nil
}

// makeDir makes a directory in the copy, and in no other place.
func (a *application) makeDir(rel string) error {
	if err := a.links.Cut(rel); err != nil {
		return err
	}
	return os.MkdirAll(filepath.Join(a.dir, rel), 0o777)
}

// copyDir makes a directory with all but its files, and lists those. Cargo links
// the program of a script to a second name (cargo 1.95, compiler/mod.rs:link_targets);
// here these are two files with one content.
func (a *application) copyDir(h builddir.DiskUnit, dir string) (files []string, err error) {
	err = filepath.WalkDir(h.Path(dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := paths.Under(path, h.Dir.Path)
		switch {
		case d.IsDir():
			return a.makeDir(rel)
		case d.Type()&fs.ModeSymlink != 0:
			to, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(to, filepath.Join(a.dir, rel))
		case !d.Type().IsRegular():
			return fmt.Errorf("%s is no file", path)
		}
		files = append(files, rel)
		return nil
	})
	return files, err
}

// keepTimes returns the units of the sources that are mutable or depend on one that is.
// A restore has given them the one time of this checkout, which such units have in g's
// directory, too.
func (g *Graft) keepTimes() map[*builddir.Unit]bool {
	timed := map[*builddir.Unit]bool{}
	seen := map[*builddir.Dir]bool{}
	for _, h := range g.taken {
		if !seen[h.Dir] {
			seen[h.Dir] = true
			maps.Copy(timed, h.Dir.WithDependents((*builddir.Unit).Mutable))
		}
	}
	return timed
}

// immutableHere returns the units that were in the directory, of immutable sources, that
// depend on none that is mutable.
func (g *Graft) immutableHere() (all []builddir.DiskUnit) {
	mutable := g.receiver.WithDependents((*builddir.Unit).Mutable)
	for _, u := range g.receiver.Units {
		if !mutable[u] && u.Broken == nil {
			all = append(all, builddir.DiskUnit{Dir: g.receiver, Unit: u})
		}
	}
	return all
}

// oldestTime returns the oldest time of all files of units that Cargo compares.
func oldestTime(units []builddir.DiskUnit) (time.Time, error) {
	oldest := make([]int64, len(units))
	parallel.Do(len(units), func(i int) {
		for _, f := range units[i].ComparedFiles() {
			var st unix.Stat_t
			if unix.Stat(units[i].Path(f), &st) != nil {
				continue
			}
			if m := st.Mtim.Nano(); oldest[i] == 0 || m < oldest[i] {
				oldest[i] = m
			}
		}
	})
	least := int64(0)
	for _, m := range oldest {
		if m != 0 && (least == 0 || m < least) {
			least = m
		}
	}
	if least == 0 {
		return time.Time{}, errors.New("graft: no unit has any file")
	}
	return time.Unix(0, least), nil
}
