package usage

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo/accesstime"
	"github.com/cargo-cow/cargo-cow/layers/cargo/targets"
	"github.com/cargo-cow/cargo-cow/layers/internal/ls"
	"github.com/cargo-cow/cargo-cow/layers/lastuse"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

// Sources is where stamps are found.
type Sources struct {
	Store  string        // its directory
	Layers []SealedLayer // all that are in it
	// Directories are build directories that the caller knows. Those that commands have
	// claimed are found.
	Directories []string
}

// SealedLayer is what counts of a layer that nobody has used since it was sealed.
type SealedLayer struct {
	ID     string
	Rustc  string // the first line of rustc -vV
	Sealed time.Time
}

// scan finds all stamps. complete are the kinds of which it has seen everything that is
// there, so that what it has not found is gone.
func (s Sources) scan(ctx context.Context, now time.Time) (found []Stamp, complete []Kind, err error) {
	note := func(kind Kind, key string, at time.Time) {
		if key != "" && !at.IsZero() {
			found = append(found, Stamp{kind, key, at})
		}
	}
	for _, l := range s.Layers {
		for _, at := range []time.Time{l.Sealed, lastuse.Read(filepath.Join(s.Store, paths.StoreLastUse), l.ID)} {
			note(Layer, l.ID, at)
			note(Toolchain, l.Rustc, at)
		}
	}
	complete = append(complete, Layer)
	if warehouse.In(s.Store).Uses(ctx, func(name string, used time.Time) { note(Unit, name, used) }) == nil {
		complete = append(complete, Unit)
	}
	for dir, claimed := range s.directories() {
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		compiler := targets.Rustc(dir)
		for _, at := range []time.Time{claimed, accesstime.Last(dir, now.Add(lastuse.Interval))} {
			note(Directory, dir, at)
			note(Toolchain, compiler, at)
		}
	}
	return found, complete, ctx.Err()
}

// directories are the build directories, with when a command last claimed each.
func (s Sources) directories() map[string]time.Time {
	all := map[string]time.Time{}
	leases := filepath.Join(s.Store, paths.StoreLeases)
	names, _ := ls.Names(leases)
	for _, name := range names {
		if !strings.HasPrefix(name, paths.ClaimPrefix) {
			continue
		}
		text, err := regular.Read(filepath.Join(leases, name))
		dir := strings.TrimSuffix(string(text), "\n")
		if info, statErr := os.Lstat(filepath.Join(leases, name)); err == nil && statErr == nil && paths.IsClean(dir) && isDir(dir) {
			all[dir] = info.ModTime()
		}
	}
	for _, dir := range s.Directories {
		if _, ok := all[dir]; !ok && isDir(dir) {
			all[dir] = time.Time{}
		}
	}
	return all
}

func isDir(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.IsDir()
}
