package holdings

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/contents"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/index"
)

// shelf is layers in the order of their age, the newest first, by what they hold.
type shelf struct {
	t      *testing.T
	layers []string
	units  map[string][]contents.Unit
	broken map[string]bool
	reads  []string
}

func (s *shelf) add(units ...contents.Unit) (id string) {
	if s.units == nil {
		s.units, s.broken = map[string][]contents.Unit{}, map[string]bool{}
	}
	id = fmt.Sprintf("%032x", 1000-len(s.layers)) // not in the order of their names
	s.layers = append(s.layers, id)
	s.units[id] = units
	return id
}

func (s *shelf) look() *Units {
	s.t.Helper()
	x, err := index.Open(s.t.Context(), filepath.Join(s.t.TempDir(), "index"), slices.Sorted(slices.Values(s.layers)), func(id string) (list []manifest.Entry, _ error) {
		for _, u := range s.units[id] {
			list = append(list, manifest.Entry{Key: u.Key, Cost: 100})
		}
		return list, nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.reads = nil
	us, err := LookAtUnits(s.t.Context(), x, s.layers, func(_ context.Context, id string) (*contents.Contents, error) {
		s.reads = append(s.reads, id)
		if s.broken[id] {
			return nil, errors.New("broken")
		}
		return &contents.Contents{Units: s.units[id]}, nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return us
}

func TestUnits(t *testing.T) {
	unit := func(pkg, version, profile string, size int64) contents.Unit {
		return contents.Unit{Key: profile + "/" + pkg + version, Package: pkg, Version: version, Source: "registry", Profile: profile, Size: size}
	}
	path := unit("a", "", "debug", 3)
	path.Source = "path"
	former := path
	former.Size = 1000
	s := &shelf{t: t}
	newest := s.add(unit("a", "1.0.0", "debug", 10), path)
	other := s.add(unit("a", "1.0.0", "debug", 10), unit("a", "1.0.0", "release", 20), unit("b", "1.0.0", "debug", 7))
	for range 50 { // of one lineage
		s.add(unit("a", "1.0.0", "debug", 10), former)
	}
	oldest := s.add(unit("a", "2.0.0", "debug", 5))
	want := func(us *Units, packages, profiles []UnitGroup) {
		t.Helper()
		if got := us.ByPackage(); !slices.Equal(got, packages) {
			t.Errorf("by package %+v, want %+v", got, packages)
		}
		if got := us.ByProfile(); !slices.Equal(got, profiles) {
			t.Errorf("by profile %+v, want %+v", got, profiles)
		}
	}

	us := s.look()
	if read := []string{newest, other, oldest}; !slices.Equal(s.reads, read) || us.Layers != 3 {
		t.Errorf("read %q, want those that have what no newer one has: %q", s.reads, read)
	}
	want(us, []UnitGroup{
		{"a 1.0.0", "registry", 2, 52, 30, 200},
		{"b 1.0.0", "registry", 1, 1, 7, 100},
		{"a 2.0.0", "registry", 1, 1, 5, 100},
		{"a", "path", 1, 51, 3, 100},
	}, []UnitGroup{{"debug", "", 4, 53, 25, 400}, {"release", "", 1, 1, 20, 100}})
	if all := us.All(); all != (UnitGroup{"", "", 5, 53, 45, 500}) {
		t.Errorf("all are %+v", all)
	}

	// What the newest cannot say the next one does.
	s.broken[newest] = true
	us = s.look()
	if len(s.reads) != 4 || us.Layers != 3 || us.All().Units != 5 || us.All().Bytes != 42+1000 {
		t.Errorf("read %q of %+v, want one more", s.reads, us.All())
	}
	none := &shelf{t: t}
	want(none.look(), nil, nil)
	if all := none.look().All(); all != (UnitGroup{}) {
		t.Errorf("of no layers: %+v", all)
	}
}

func TestUnitsInterrupted(t *testing.T) {
	s := &shelf{t: t}
	s.add(contents.Unit{Key: "a"})
	us := s.look()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := LookAtUnits(ctx, us.index, s.layers, func(context.Context, string) (*contents.Contents, error) {
		cancel()
		return nil, errors.New("interrupted")
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
