package cargo

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
)

func recallSample() *built {
	return &built{
		unitDir: unitDir{record: "debug/.fingerprint/a-0123456789abcdef"}, UnitName: UnitName{Kind: kindMacro},
		file: "lib-a", stamped: stampOf{7, 9}, hash: 1 << 60, hashKnown: true, source: SourceRegistry, from: "registry/src/i/a-1.0.0", cost: 1500, depTime: 5,
		rustc:   &depfile.File{Deps: []string{"/home/registry/src/i/a-1.0.0/src/lib.rs"}},
		print:   &fingerprint.Fingerprint{Deps: []fingerprint.Dep{{Name: "b", Hash: 3}, {Name: "c", Hash: 4}}},
		outputs: []outputFile{{path: "debug/deps/liba-0123456789abcdef.so"}, {path: "debug/deps/with\ttab"}},
	}
}

func TestRecallRoundTrip(t *testing.T) {
	want := recallSample()
	dir := t.TempDir()
	for _, o := range want.outputs {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(o.path)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, o.path), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	first := new(scanned).newRecall([]*built{want})
	known, lines := decodeRecall(first.Text)
	got := known[want.record]
	if got == nil || lines != 1 || first.Keep {
		t.Fatalf("recalled %v of %d lines, keep %v", got, lines, first.Keep)
	}
	if got.file != want.file || got.stamped != want.stamped || got.hash != want.hash || got.source != want.source ||
		got.Kind != want.Kind || got.from != want.from || got.cost != want.cost || got.depTime != want.depTime || !slices.Equal(got.needs, []need{{"b", 3}, {"c", 4}}) {
		t.Errorf("recalled %+v, want %+v", got, want)
	}
	(&scanned{dir: dir}).times(got)
	if len(got.outputs) != 2 || got.outputs[0].path != want.outputs[0].path || got.outputs[1].path != want.outputs[1].path || got.outputs[1].mtime == 0 {
		t.Errorf("outputs %v, want %v", got.outputs, want.outputs)
	}
}

// Without its version a macro known to be pure would be held to read files, and
// all that use it would be rebuilt for a changed README.
func TestRecalledMacroIsPure(t *testing.T) {
	u := recallSample()
	known, _ := decodeRecall(new(scanned).newRecall([]*built{u}).Text)
	got := known[u.record]
	got.unitDir = recordDir(got.record)
	extra := macros.Range{Name: "a", From: "1.0.0", Below: "1.0.1"}
	if !macros.Pure(got.pkg, got.registered(), extra) {
		t.Errorf("%s from %s is not pure", got.pkg, got.from)
	}
}

// What is still true stays where it is; only what was built since is added, until
// too much of it is about nothing.
func TestRecallGrows(t *testing.T) {
	var all []*built
	for i := range 8 {
		u := recallSample()
		u.record = fmt.Sprintf("debug/.fingerprint/a-%016x", i)
		all = append(all, u)
	}
	text := new(scanned).newRecall(all).Text
	next := func(keep int, newer *built) Recall {
		t.Helper()
		known, lines := decodeRecall(text)
		units := []*built{newer}
		for _, u := range all[:keep] {
			units = append(units, known[u.record])
		}
		return (&scanned{lines: lines}).newRecall(units)
	}
	rebuilt := recallSample()
	rebuilt.record, rebuilt.hash = all[7].record, 77
	r := next(7, rebuilt)
	if !r.Keep || bytes.Count(r.Text, []byte("\n")) != 1 {
		t.Fatalf("one unit of eight rebuilt: keep %v, %q", r.Keep, r.Text)
	}
	known, lines := decodeRecall(append(slices.Clone(text), r.Text...))
	if lines != 9 || len(known) != 8 || known[rebuilt.record].hash != 77 {
		t.Errorf("%d lines tell of %d units; the rebuilt one has hash %d, want 77", lines, len(known), known[rebuilt.record].hash)
	}
	r = next(5, rebuilt)
	if r.Keep || bytes.Count(r.Text, []byte("\n")) != 1+5+1 {
		t.Errorf("three of eight gone: keep %v, %q", r.Keep, r.Text)
	}
	if known, lines := decodeRecall(text[:len(text)-1]); len(known) != 0 || lines != 0 {
		t.Errorf("recalled %v of a text that is cut", known)
	}
}

// A unit that could be wrong elsewhere is never taken from a recall.
func TestRecallLeavesOut(t *testing.T) {
	for name, change := range map[string]func(*built){
		"mutable":       func(u *built) { u.source = SourcePath },
		"unknown":       func(u *built) { u.source = SourceUnknown },
		"broken":        func(u *built) { u.broken = &Reason{} },
		"no hash":       func(u *built) { u.hashKnown = false },
		"no sources":    func(u *built) { u.rustc = nil },
		"not stamped":   func(u *built) { u.stamped = stampOf{} },
		"documentation": func(u *built) { u.doc = true },
	} {
		u := recallSample()
		change(u)
		if got, _ := decodeRecall(new(scanned).newRecall([]*built{u}).Text); len(got) != 0 {
			t.Errorf("%s: recalled %v", name, got)
		}
	}
}

func FuzzDecodeRecall(f *testing.F) {
	f.Add(new(scanned).newRecall([]*built{recallSample()}).Text)
	f.Add([]byte(recallHeader + "\t\t\t\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		known, _ := decodeRecall(b)
		for record, u := range known {
			if record != u.record || !isLocal(record) || !isLocal(u.file) {
				t.Errorf("recalled %q, %q", record, u.file)
			}
			(&scanned{dir: "/"}).times(u)
			for _, o := range u.outputs {
				if !isLocal(o.path) {
					t.Errorf("output %q leads out", o.path)
				}
			}
		}
	})
}
