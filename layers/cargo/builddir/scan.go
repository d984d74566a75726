package builddir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/internal/parallel"
)

// Scan reads the units of every profile in dir, except of the profiles in without. A
// unit that has not been built since unitCache was written (UnitCache.Text; nil where
// there is none) is taken from there. What of a unit cannot be understood marks it as
// Broken; an error is about the directory.
func Scan(dir, cargoHome string, unitCache []byte, without ...string) (*Dir, error) {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	defer unix.Close(fd)
	d := &Dir{Path: dir, fd: fd, cargoHome: cargoHome, cacheSize: len(unitCache)}
	var decoding sync.WaitGroup
	decoding.Go(func() { d.cache, d.cacheLines = DecodeCache(unitCache) })
	defer decoding.Wait()
	if d.Profiles, err = Profiles(dir); err != nil {
		return nil, err
	}
	d.Profiles = slices.DeleteFunc(d.Profiles, func(p string) bool { return slices.Contains(without, p) })
	for _, profile := range d.Profiles {
		dirs, layout, err := unitDirsIn(dir, profile)
		if err != nil {
			return nil, err
		}
		if d.Layout == "" {
			d.Layout = layout
		}
		decoding.Wait()
		if err := d.scanProfile(profile, dirs); err != nil {
			return nil, err
		}
	}
	d.link()
	return d, nil
}

func (d *Dir) scanProfile(profile string, dirs []UnitDir) error {
	found := make([][]*Unit, len(dirs))
	parallel.Do(len(dirs), func(i int) {
		if u := d.cachedUnit(dirs[i]); u != nil {
			found[i] = []*Unit{u}
		}
	})
	var unknown []int
	ids := map[string]bool{}
	for i := range dirs {
		if found[i] == nil {
			unknown = append(unknown, i)
			ids[dirs[i].ID] = true
		}
	}
	if len(unknown) > 0 {
		outs, err := newOutputIndex(d.Path, profile, ids)
		if err != nil {
			return err
		}
		failed := make([]error, len(unknown))
		parallel.Do(len(unknown), func(i int) { found[unknown[i]], failed[i] = d.scanDir(dirs[unknown[i]], outs) })
		if err := errors.Join(failed...); err != nil {
			return err
		}
	}
	d.Units = slices.Concat(append([][]*Unit{d.Units}, found...)...)
	return nil
}

// scanDir reads the units of one fingerprint directory: mostly one, several where Cargo
// gives units of different features the same directory.
func (d *Dir) scanDir(ud UnitDir, outs *outputIndex) ([]*Unit, error) {
	entries, err := os.ReadDir(filepath.Join(d.Path, ud.Record))
	if err != nil {
		return nil, fmt.Errorf("read unit %s: %w", ud.name(), err)
	}
	var found []*Unit
	for _, e := range entries {
		file, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok || strings.HasPrefix(file, "dep-") || strings.HasPrefix(file, "output-") {
			continue
		}
		u := &Unit{Dir: ud, File: file, Key: ud.Record + "/" + file}
		u.UnitName = NameOf(ud, file)
		u.Run, u.Doc = u.Kind == KindRun, u.Kind == KindDoc
		if err := d.read(u, outs); err != nil {
			return nil, err
		}
		u.Classify(d.cargoHome)
		found = append(found, u)
	}
	return found, nil
}

// link finds the units that each unit depends on: it records the hash of each.
func (d *Dir) link() {
	byHash := map[uint64][]*Unit{}
	for _, u := range d.Units {
		if u.HashKnown {
			byHash[u.Hash] = append(byHash[u.Hash], u)
		}
	}
	for _, u := range d.Units {
		for _, n := range u.Needs {
			dep := pick(byHash[n.Hash], u)
			u.Deps = append(u.Deps, dep)
			if dep != nil {
				dep.Dependents = append(dep.Dependents, u)
			}
		}
	}
	for _, u := range d.Units {
		if u.Run || u.Doc {
			u.inheritSource()
		}
		if u.emptyMetadata != "" && u.Kind == "lib" && slices.ContainsFunc(u.Dependents, (*Unit).readsMetadata) {
			// cargo check leaves nothing else of a library. That of a program, or of a cdylib, is empty, and nothing reads it.
			u.lost(u.emptyMetadata)
		}
	}
}

// readsMetadata reports whether building u reads that of its dependencies.
func (u *Unit) readsMetadata() bool { return !u.Run }

// pick chooses among units with one hash, such as the runs of one script for
// host and target: the one in the same profile directory if there is one.
func pick(all []*Unit, u *Unit) *Unit {
	for _, d := range all {
		if d.Profile == u.Profile && d != u {
			return d
		}
	}
	if len(all) > 0 && all[0] != u {
		return all[0]
	}
	return nil
}
