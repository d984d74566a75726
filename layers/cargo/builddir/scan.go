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

// Scan reads every unit of every profile in dir, but for those that recall, what
// an earlier inspection wrote, still speaks for, and but for the profiles in without.
func Scan(dir, cargoHome string, recall []byte, without ...string) (*Dir, error) {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	defer unix.Close(fd)
	s := &Dir{Path: dir, fd: fd, cargoHome: cargoHome}
	var decoding sync.WaitGroup
	decoding.Go(func() { s.Cache, s.CacheLines = DecodeCache(recall) })
	defer decoding.Wait()
	if s.Profiles, err = Profiles(dir); err != nil {
		return nil, err
	}
	s.Profiles = slices.DeleteFunc(s.Profiles, func(p string) bool { return slices.Contains(without, p) })
	for _, profile := range s.Profiles {
		dirs, layout, err := unitDirsIn(dir, profile)
		if err != nil {
			return nil, err
		}
		if s.Layout == "" {
			s.Layout = layout
		}
		decoding.Wait()
		if err := s.scanProfile(profile, dirs); err != nil {
			return nil, err
		}
	}
	s.link()
	return s, nil
}

func (s *Dir) scanProfile(profile string, dirs []UnitDir) error {
	found := make([][]*Unit, len(dirs))
	parallel.Do(len(dirs), func(i int) {
		if u := s.cachedUnit(dirs[i]); u != nil {
			found[i] = []*Unit{u}
		}
	})
	var unknown []int
	ids := map[string]bool{}
	for i := range dirs {
		if found[i] == nil {
			unknown = append(unknown, i)
			ids[dirs[i].Id] = true
		}
	}
	if len(unknown) > 0 {
		outs, err := newOutputIndex(s.Path, profile, ids)
		if err != nil {
			return err
		}
		failed := make([]error, len(unknown))
		parallel.Do(len(unknown), func(i int) { found[unknown[i]], failed[i] = s.scanDir(dirs[unknown[i]], outs) })
		if err := errors.Join(failed...); err != nil {
			return err
		}
	}
	s.Units = slices.Concat(append([][]*Unit{s.Units}, found...)...)
	return nil
}

// scanDir reads the fingerprint directory of a unit. It holds more than one unit
// only where Cargo gives units of different features one directory.
func (s *Dir) scanDir(ud UnitDir, outs *outputIndex) ([]*Unit, error) {
	entries, err := os.ReadDir(filepath.Join(s.Path, ud.Record))
	if err != nil {
		return nil, fmt.Errorf("read unit %s: %w", ud.name(), err)
	}
	var found []*Unit
	for _, e := range entries {
		file, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok || strings.HasPrefix(file, "dep-") || strings.HasPrefix(file, "output-") {
			continue
		}
		u := &Unit{UnitDir: ud, File: file, Key: ud.Record + "/" + file}
		u.UnitName = NameOf(ud, file)
		u.Run, u.Doc = u.Kind == KindRun, u.Kind == KindDoc
		if err := s.read(u, outs); err != nil {
			return nil, err
		}
		u.Classify(s.cargoHome)
		found = append(found, u)
	}
	return found, nil
}

// link resolves the edges: a unit records the hash of each dependency.
func (s *Dir) link() {
	byHash := map[uint64][]*Unit{}
	for _, u := range s.Units {
		if u.HashKnown {
			byHash[u.Hash] = append(byHash[u.Hash], u)
		}
	}
	for _, u := range s.Units {
		for _, n := range u.Needs {
			dep := pick(byHash[n.Hash], u)
			u.Deps = append(u.Deps, dep)
			if dep != nil {
				dep.Dependents = append(dep.Dependents, u)
			}
		}
	}
	for _, u := range s.Units {
		if u.Run || u.Doc {
			u.inheritSource()
		}
	}
}

// pick chooses among units with one hash, such as the runs of one script for
// host and target: the one in the same profile directory if there is one.
func pick(all []*Unit, u *Unit) *Unit {
	for _, d := range all {
		if d.ProfileDir == u.ProfileDir && d != u {
			return d
		}
	}
	if len(all) > 0 && all[0] != u {
		return all[0]
	}
	return nil
}
