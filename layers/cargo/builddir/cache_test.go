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

func recallSample() *Unit {
	return &Unit{
		UnitDir: UnitDir{Record: "debug/.fingerprint/a-0123456789abcdef"}, UnitName: UnitName{Kind: KindMacro},
		File: "lib-a", Stamp: Stamp{7, 9}, Hash: 1 << 60, HashKnown: true, Source: SourceRegistry, From: "registry/src/i/a-1.0.0", Cost: 1500, Started: 5,
		SourceList:  &depfile.File{Deps: []string{"/home/registry/src/i/a-1.0.0/src/lib.rs"}},
		Fingerprint: &fingerprint.Fingerprint{Deps: []fingerprint.Dep{{Name: "b", Hash: 3}, {Name: "c", Hash: 4}}},
		Outputs:     []Output{{Path: "debug/deps/liba-0123456789abcdef.so"}, {Path: "debug/deps/with\ttab"}},
	}
}

func TestRecallRoundTrip(t *testing.T) {
	want := recallSample()
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
	got := known[want.Record]
	if got == nil || lines != 1 || first.Keep {
		t.Fatalf("recalled %v of %d lines, keep %v", got, lines, first.Keep)
	}
	if got.File != want.File || got.Stamp != want.Stamp || got.Hash != want.Hash || got.Source != want.Source ||
		got.Kind != want.Kind || got.From != want.From || got.Cost != want.Cost || got.Started != want.Started || !slices.Equal(got.Needs, []need{{"b", 3}, {"c", 4}}) {
		t.Errorf("recalled %+v, want %+v", got, want)
	}
	(&Dir{Path: dir}).LoadTimes(got)
	if len(got.Outputs) != 2 || got.Outputs[0].Path != want.Outputs[0].Path || got.Outputs[1].Path != want.Outputs[1].Path || got.Outputs[1].mtime == 0 {
		t.Errorf("outputs %v, want %v", got.Outputs, want.Outputs)
	}
}

// Without its version a macro known to be pure would be held to read files, and
// all that use it would be rebuilt for a changed README.
func TestRecalledMacroIsPure(t *testing.T) {
	u := recallSample()
	known, _ := DecodeCache(new(Dir).NewCache([]*Unit{u}).Text)
	got := known[u.Record]
	got.UnitDir = ParseRecordDir(got.Record)
	extra := macros.Range{Name: "a", From: "1.0.0", Below: "1.0.1"}
	if !macros.Pure(got.Pkg, got.RegistryVersion(), extra) {
		t.Errorf("%s from %s is not pure", got.Pkg, got.From)
	}
}

// What is still true stays where it is; only what was built since is added, until
// too much of it is about nothing.
func TestRecallGrows(t *testing.T) {
	var all []*Unit
	for i := range 8 {
		u := recallSample()
		u.Record = fmt.Sprintf("debug/.fingerprint/a-%016x", i)
		all = append(all, u)
	}
	text := new(Dir).NewCache(all).Text
	next := func(keep int, newer *Unit) Cache {
		t.Helper()
		known, lines := DecodeCache(text)
		units := []*Unit{newer}
		for _, u := range all[:keep] {
			units = append(units, known[u.Record])
		}
		return (&Dir{CacheLines: lines}).NewCache(units)
	}
	rebuilt := recallSample()
	rebuilt.Record, rebuilt.Hash = all[7].Record, 77
	r := next(7, rebuilt)
	if !r.Keep || bytes.Count(r.Text, []byte("\n")) != 1 {
		t.Fatalf("one unit of eight rebuilt: keep %v, %q", r.Keep, r.Text)
	}
	known, lines := DecodeCache(append(slices.Clone(text), r.Text...))
	if lines != 9 || len(known) != 8 || known[rebuilt.Record].Hash != 77 {
		t.Errorf("%d lines tell of %d units; the rebuilt one has hash %d, want 77", lines, len(known), known[rebuilt.Record].Hash)
	}
	r = next(5, rebuilt)
	if r.Keep || bytes.Count(r.Text, []byte("\n")) != 1+5+1 {
		t.Errorf("three of eight gone: keep %v, %q", r.Keep, r.Text)
	}
	if known, lines := DecodeCache(text[:len(text)-1]); len(known) != 0 || lines != 0 {
		t.Errorf("recalled %v of a text that is cut", known)
	}
}

// A unit that could be wrong elsewhere is never taken from a recall.
func TestRecallLeavesOut(t *testing.T) {
	for name, change := range map[string]func(*Unit){
		"mutable":       func(u *Unit) { u.Source = SourcePath },
		"unknown":       func(u *Unit) { u.Source = SourceUnknown },
		"broken":        func(u *Unit) { u.Broken = &rule.Reason{} },
		"no hash":       func(u *Unit) { u.HashKnown = false },
		"no sources":    func(u *Unit) { u.SourceList = nil },
		"not stamped":   func(u *Unit) { u.Stamp = Stamp{} },
		"documentation": func(u *Unit) { u.Doc = true },
	} {
		u := recallSample()
		change(u)
		if got, _ := DecodeCache(new(Dir).NewCache([]*Unit{u}).Text); len(got) != 0 {
			t.Errorf("%s: recalled %v", name, got)
		}
	}
}

func FuzzDecodeRecall(f *testing.F) {
	f.Add(new(Dir).NewCache([]*Unit{recallSample()}).Text)
	f.Add([]byte(cacheHeader + "\t\t\t\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		known, _ := DecodeCache(b)
		for record, u := range known {
			if record != u.Record || !paths.IsLocal(record) || !paths.IsLocal(u.File) {
				t.Errorf("recalled %q, %q", record, u.File)
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
