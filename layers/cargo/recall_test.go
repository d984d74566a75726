package cargo

import (
	"slices"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depinfo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/fingerprint"
)

func recallSample() *built {
	u := &built{
		unitDir: unitDir{record: "debug/.fingerprint/a-0123456789abcdef"}, UnitName: UnitName{Kind: kindMacro},
		file: "lib-a", stamped: stampOf{7, 9}, hash: 1 << 60, hashKnown: true, source: SourceRegistry, depTime: 5,
		dFile: "debug/deps/a-0123456789abcdef.d", rustc: &depinfo.Rustc{Deps: []string{"/home/registry/src/i/a-1.0.0/src/lib.rs"}},
		print:   &fingerprint.Fingerprint{Deps: []fingerprint.Dep{{Name: "b", Hash: 3}, {Name: "c", Hash: 4}}},
		outputs: []outputFile{{path: "debug/deps/liba-0123456789abcdef.so"}, {path: "debug/deps/with\ttab"}},
	}
	return u
}

func TestRecallRoundTrip(t *testing.T) {
	want := recallSample()
	got := decodeRecall(encodeRecall([]*built{want}))[want.record]
	if got == nil {
		t.Fatal("the unit was not recalled")
	}
	if got.file != want.file || got.stamped != want.stamped || got.hash != want.hash || got.source != want.source ||
		got.Kind != want.Kind || got.depTime != want.depTime || got.dFile != want.dFile ||
		!slices.Equal(got.rustc.Deps, want.rustc.Deps) || !slices.Equal(got.outputs, want.outputs) || len(got.print.Deps) != 2 {
		t.Errorf("recalled %+v, want %+v", got, want)
	}
	for i, d := range got.print.Deps {
		if d.Name != want.print.Deps[i].Name || d.Hash != want.print.Deps[i].Hash {
			t.Errorf("dependency %d: %v, want %v", i, d, want.print.Deps[i])
		}
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
		if got := decodeRecall(encodeRecall([]*built{u})); len(got) != 0 {
			t.Errorf("%s: recalled %v", name, got)
		}
	}
}

func FuzzDecodeRecall(f *testing.F) {
	f.Add(encodeRecall([]*built{recallSample()}))
	f.Add([]byte(recallHeader + "\t\t\t\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for record, u := range decodeRecall(b) {
			if record != u.record || !isLocal(record) || !isLocal(u.file) {
				t.Errorf("recalled %q, %q", record, u.file)
			}
			for _, o := range u.outputs {
				if o.path != "" && !isLocal(o.path) {
					t.Errorf("output %q leads out", o.path)
				}
			}
		}
	})
}
