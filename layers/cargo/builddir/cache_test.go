package builddir

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/fingerprint"
	"github.com/cargo-cow/cargo-cow/layers/cargo/macros"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

func cacheableUnit() *Unit {
	return &Unit{
		Dir: UnitDir{Record: "debug/.fingerprint/a-0123456789abcdef"}, UnitName: UnitName{Kind: KindMacro},
		File: "lib-a", stamp: stamp{7, 9}, Hash: 1 << 60, HashKnown: true, Source: SourceRegistry, From: "registry/src/i/a-1.0.0", Cost: 1500, Started: 5,
		SourceList:  &depfile.File{Deps: []string{"/home/registry/src/i/a-1.0.0/src/lib.rs"}},
		Fingerprint: &fingerprint.Fingerprint{Deps: []fingerprint.Dep{{Name: "b", Hash: 3}, {Name: "c", Hash: 4}}},
		Outputs:     []Output{{Path: "debug/deps/liba-0123456789abcdef.so"}, {Path: "debug/deps/with\ttab"}},
	}
}

func TestCacheRoundTrip(t *testing.T) {
	want := cacheableUnit()
	dir := t.TempDir()
	for _, o := range want.Outputs {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(o.Path)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, o.Path), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	first := new(Dir).NewCache([]*Unit{want})
	known, lines := DecodeCache(first.Text)
	got := known[want.Dir.Record]
	if got == nil || lines != 1 || first.Keep {
		t.Fatalf("cached %v of %d lines, keep %v", got, lines, first.Keep)
	}
	if got.File != want.File || got.stamp != want.stamp || got.Hash != want.Hash || got.Source != want.Source ||
		got.Kind != want.Kind || got.From != want.From || got.Cost != want.Cost || got.Started != want.Started || !slices.Equal(got.Needs, []Need{{"b", 3}, {"c", 4}}) {
		t.Errorf("cached %+v, want %+v", got, want)
	}
	(&Dir{Path: dir}).LoadTimes(got)
	if len(got.Outputs) != 2 || got.Outputs[0].Path != want.Outputs[0].Path || got.Outputs[1].Path != want.Outputs[1].Path || got.Outputs[1].mtime == 0 {
		t.Errorf("outputs %v, want %v", got.Outputs, want.Outputs)
	}
}

// Without its version a macro known to be pure would be held to read files, and
// all that use it would be rebuilt for a changed README.
func TestCachedMacroIsPure(t *testing.T) {
	u := cacheableUnit()
	known, _ := DecodeCache(new(Dir).NewCache([]*Unit{u}).Text)
	got := known[u.Dir.Record]
	got.Dir = ParseRecordDir(got.Dir.Record)
	got.UnitName = NameOf(got.Dir, got.File)
	extra := macros.Range{Name: "a", From: "1.0.0", Below: "1.0.1"}
	if !macros.Pure(got.Package, got.RegistryVersion(), extra) {
		t.Errorf("%s from %s is not pure", got.Package, got.From)
	}
}

// What is still true stays where it is; only what was built since is added, until
// too much of it is about nothing.
func TestCacheGrows(t *testing.T) {
	var all []*Unit
	for i := range 8 {
		u := cacheableUnit()
		u.Dir.Record = fmt.Sprintf("debug/.fingerprint/a-%016x", i)
		all = append(all, u)
	}
	text := new(Dir).NewCache(all).Text
	next := func(keep int, newer *Unit) Cache {
		t.Helper()
		known, lines := DecodeCache(text)
		units := []*Unit{newer}
		for _, u := range all[:keep] {
			units = append(units, known[u.Dir.Record])
		}
		return (&Dir{cacheLines: lines, cacheSize: len(text)}).NewCache(units)
	}
	rebuilt := cacheableUnit()
	rebuilt.Dir.Record, rebuilt.Hash = all[7].Dir.Record, 77
	r := next(7, rebuilt)
	if !r.Keep || bytes.Count(r.Text, []byte("\n")) != 1 {
		t.Fatalf("one unit of eight rebuilt: keep %v, %q", r.Keep, r.Text)
	}
	if len(text)%4096 != 0 || len(r.Text)%4096 != 0 {
		t.Errorf("%d bytes, and %d more, are no whole blocks", len(text), len(r.Text))
	}
	known, lines := DecodeCache(append(slices.Clone(text), r.Text...))
	if lines != 9 || len(known) != 8 || known[rebuilt.Dir.Record].Hash != 77 {
		t.Errorf("%d lines tell of %d units; the rebuilt one has hash %d, want 77", lines, len(known), known[rebuilt.Dir.Record].Hash)
	}
	r = next(5, rebuilt)
	if r.Keep || bytes.Count(r.Text, []byte("\n")) != 1+5+1 {
		t.Errorf("three of eight gone: keep %v, %q", r.Keep, r.Text)
	}
	if known, lines := DecodeCache(text[:len(text)-1]); len(known) != 0 || lines != 0 {
		t.Errorf("units %v of a text that is cut", known)
	}
}

// A unit that could be wrong elsewhere is never taken from the unit cache.
func TestCacheLeavesOut(t *testing.T) {
	for name, change := range map[string]func(*Unit){
		"mutable":       func(u *Unit) { u.Source = SourcePath },
		"unknown":       func(u *Unit) { u.Source = SourceUnknown },
		"broken":        func(u *Unit) { u.Broken = &rule.Reason{} },
		"no hash":       func(u *Unit) { u.HashKnown = false },
		"no sources":    func(u *Unit) { u.SourceList = nil },
		"not stamped":   func(u *Unit) { u.stamp = stamp{} },
		"documentation": func(u *Unit) { u.Doc = true },
	} {
		u := cacheableUnit()
		change(u)
		if got, _ := DecodeCache(new(Dir).NewCache([]*Unit{u}).Text); len(got) != 0 {
			t.Errorf("%s: cached %v", name, got)
		}
	}
}

func FuzzDecodeCache(f *testing.F) {
	f.Add(new(Dir).NewCache([]*Unit{cacheableUnit()}).Text)
	f.Add([]byte(cacheHeader + "\t\t\t\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		known, _ := DecodeCache(b)
		for record, u := range known {
			if record != u.Dir.Record || !paths.IsLocal(record) || !paths.IsLocal(u.File) {
				t.Errorf("units of %q, %q", record, u.File)
			}
			(&Dir{Path: "/"}).LoadTimes(u)
			for _, o := range u.Outputs {
				if !paths.IsLocal(o.Path) {
					t.Errorf("output %q leads out", o.Path)
				}
			}
		}
	})
}
