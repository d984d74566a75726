package cargo

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
)

// sampleManifest has one unit of every sort that Apply treats differently.
func sampleManifest() *Manifest {
	lib := UnitName{Package: "liba", Target: "liba", Kind: "lib", Profile: "debug", Unit: "liba-0123456789abcdef"}
	run := UnitName{Package: "liba", Target: "build-script-build", Kind: kindRun, Profile: "debug", Unit: "liba-1123456789abcdef"}
	doc := UnitName{Package: "liba", Target: "liba", Kind: kindDoc, Profile: "debug", Unit: "liba-2123456789abcdef"}
	return &Manifest{
		Format:  ManifestFormat,
		Layout:  LayoutClassic,
		Origins: []Origin{{Names: []Name{{BaseRoot, "/a"}, {BaseBuild, "/a/target"}}}},
		Inputs:  []Input{{Loc: Loc{BaseRoot, "src/lib.rs"}, Kind: InputFile, Value: "00"}},
		Trees:   []Tree{{Loc: Loc{Base: BaseRoot}, Scope: scopePackage, Entries: []TreeEntry{{Path: "src", Value: "/"}}}},
		Facts:   []Fact{{Kind: factEnv, Loc: Loc{Base: BaseRoot}}},
		Units: []Unit{
			{
				UnitName: lib, Record: "debug/.fingerprint/liba-0123456789abcdef", File: "lib-liba", Layout: LayoutClassic,
				Source: SourcePath, Mutable: true, Deps: []int{1}, Stamp: []Path{"debug/deps/libliba-0123456789abcdef.rlib"},
				Inputs: []Use{{0, RuleSourceContent}}, Trees: []Use{{0, RuleMacroInputs}}, Facts: []Use{{0, RuleConfigEnv}},
				Moved: []Watch{{Index: 0, Loc: Loc{BaseRoot, "shared.txt"}}},
			},
			{
				UnitName: run, Record: "debug/.fingerprint/liba-1123456789abcdef", File: "run-build-script-build-script-build",
				Layout: LayoutClassic, Source: SourcePath, Run: true, Mutable: true,
			},
			{
				UnitName: doc, Record: "debug/.fingerprint/liba-2123456789abcdef", File: "doc-lib-liba",
				Layout: LayoutClassic, Source: SourceUnknown, Doc: true,
			},
		},
	}
}

func TestDecodeManifest(t *testing.T) {
	good, err := sampleManifest().Encode()
	if err != nil {
		t.Fatal(err)
	}
	if kept, err := os.ReadFile("manifest/testdata/sample.json"); err != nil || !bytes.Equal(good, kept) {
		t.Errorf("testdata/sample.json, which other packages start from, is not the sample: %v\n%s", err, good)
	}
	m, err := DecodeManifest(good)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := m.Encode(); err != nil || !bytes.Equal(good, again) {
		t.Fatalf("encoded again: %v\n%s\n%s", err, good, again)
	}
	hostile := map[string]func(m *Manifest){
		"another format":             func(m *Manifest) { m.Format++ },
		"no origin":                  func(m *Manifest) { m.Origins = nil },
		"origin outside":             func(m *Manifest) { m.Units[0].Origin = 1 },
		"negative origin":            func(m *Manifest) { m.Units[0].Origin = -1 },
		"dependency outside":         func(m *Manifest) { m.Units[0].Deps = []int{3} },
		"negative dependency":        func(m *Manifest) { m.Units[0].Deps = []int{-1} },
		"input outside":              func(m *Manifest) { m.Units[0].Inputs[0].Index = 1 },
		"tree outside":               func(m *Manifest) { m.Units[0].Trees[0].Index = -1 },
		"fact outside":               func(m *Manifest) { m.Units[0].Facts[0].Index = 1 << 40 },
		"record leads out":           func(m *Manifest) { m.Units[0].Record = "debug/../../x" },
		"record is absolute":         func(m *Manifest) { m.Units[0].Record = "/etc" },
		"record is empty":            func(m *Manifest) { m.Units[0].Record = "" },
		"hash file leads out":        func(m *Manifest) { m.Units[0].File = "../../../../x" },
		"hash file in a directory":   func(m *Manifest) { m.Units[0].File = "x/../../../../y" },
		"stamp leads out":            func(m *Manifest) { m.Units[0].Stamp = []Path{"debug", "../x"} },
		"stamp holds NUL":            func(m *Manifest) { m.Units[0].Stamp = []Path{"a\x00b"} },
		"profile of a run leads out": func(m *Manifest) { m.Units[1].Profile = "../.." },
		"profile of a run is empty":  func(m *Manifest) { m.Units[1].Profile = "" },
		"unit of a run leads out":    func(m *Manifest) { m.Units[1].Unit = "../../../x" },
		"unit is a directory":        func(m *Manifest) { m.Units[1].Unit = ".." },
		"target of a page leads out": func(m *Manifest) { m.Units[2].Target = "../../x" },
		"target is a directory":      func(m *Manifest) { m.Units[2].Target = ".." },
	}
	for name, change := range hostile {
		m := sampleManifest()
		change(m)
		b, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeManifest(b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, text := range []string{"", "null", "[]", "{", `{"format":2}`, `{"format":2,"origins":[{}],"inputs":[{"loc":"z:x"}]}`} {
		if _, err := DecodeManifest([]byte(text)); err == nil {
			t.Errorf("%q: accepted", text)
		}
	}
}

// Whatever a manifest says, nothing outside the build directory it is applied to
// is changed, and nothing panics.
func FuzzDecodeManifest(f *testing.F) {
	good, err := os.ReadFile("manifest/testdata/sample.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	for _, old := range []string{`"profile":"debug"`, `"unit":"liba-1123456789abcdef"`, `"target":"liba"`, `"kind":"lib"`, `"w:src/lib.rs"`, `"i":0`} {
		for _, to := range []string{`"profile":".."`, `"unit":"../../x"`, `"target":"../../x"`, `"a:/x"`, `"i":-1`, `"w:../../x"`} {
			f.Add(bytes.Replace(good, []byte(old), []byte(to), 1))
		}
	}
	f.Add([]byte(`{"format":2,"origins":[{}],"units":[{"run":true}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := DecodeManifest(b)
		if err != nil {
			return
		}
		if again, err := m.Encode(); err != nil || len(again) == 0 {
			t.Fatalf("decoded but not encoded: %v", err)
		}
		dir := t.TempDir()
		cargotest.Write(t, dir, map[string]string{
			"x/dep-lib-liba": "", "x/output": "", "x/out/y": "", "doc/x/index.html": "", "debug/liba": "",
			"a/debug/.fingerprint/liba-0123456789abcdef/dep-lib-liba": "",
			"a/debug/build/liba-1123456789abcdef/output":              "",
			"a/debug/liba": "",
		})
		p := &Place{Workspace: &Workspace{Root: dir + "/w", BuildDir: dir + "/a"}}
		plan := &Plan{manifest: m, place: p, reasons: make([]*Reason, len(m.Units)), atHome: make([]bool, len(m.Origins))}
		for i := range plan.reasons {
			if i%2 == 0 {
				plan.reasons[i] = &Reason{RuleInDoubt, "for the test"}
			}
		}
		plan.Rebuild()
		// It may fail: a directory that cannot be corrected is thrown away.
		plan.Apply(t.Context(), dir+"/a", time.Unix(1, 0))
		for _, name := range []string{"x/dep-lib-liba", "x/output", "x/out/y", "doc/x/index.html", "debug/liba"} {
			if fi, err := os.Lstat(filepath.Join(dir, name)); err != nil || fi.ModTime().Unix() == 1 {
				t.Errorf("%s outside the build directory was touched: %v", name, err)
			}
		}
	})
}

func TestSameBuild(t *testing.T) {
	tests := map[string]struct {
		change func(m *Manifest)
		same   bool
	}{
		"nothing":               {func(*Manifest) {}, true},
		"a label":               {func(m *Manifest) { m.Label = "x" }, true},
		"an order":              {func(m *Manifest) { m.Units[1], m.Units[2] = m.Units[2], m.Units[1] }, true},
		"a build":               {func(m *Manifest) { m.Units[0].Built++ }, false},
		"a unit less":           {func(m *Manifest) { m.Units = m.Units[:2] }, false},
		"an immutable unit":     {func(m *Manifest) { m.Immutable++ }, false},
		"a dependency set":      {func(m *Manifest) { m.Fingerprint.ID = "other" }, false},
		"a unit that got dirty": {func(m *Manifest) { m.Units[0].Always = &Reason{} }, false},
		"a unit's name":         {func(m *Manifest) { m.Units[0].File = "bin-liba" }, false},
	}
	for name, tt := range tests {
		m := sampleManifest()
		tt.change(m)
		if got := m.SameBuild(sampleManifest()); got != tt.same {
			t.Errorf("%s changed: SameBuild = %v; want %v", name, got, tt.same)
		}
	}
}

func TestUnitPaths(t *testing.T) {
	m := sampleManifest()
	if got, want := m.Units[0].depFile(), "debug/.fingerprint/liba-0123456789abcdef/dep-lib-liba"; got != want {
		t.Errorf("depFile = %s; want %s", got, want)
	}
	output, out, root := m.Units[1].dir().script()
	if dir := "debug/build/liba-1123456789abcdef/"; output != dir+"output" || out != dir+"out" || root != dir+"root-output" {
		t.Errorf("classic script files: %s, %s, %s", output, out, root)
	}
	u := m.Units[1]
	u.Layout, u.Record = LayoutUnits, "debug/build/liba/1123456789abcdef/fingerprint"
	output, out, root = u.dir().script()
	if dir := "debug/build/liba/1123456789abcdef/"; output != dir+"run/stdout" || out != dir+"out" || root != dir+"run/root-output" {
		t.Errorf("script files of the new layout: %s, %s, %s", output, out, root)
	}
	if strings.Contains(u.key(), "//") {
		t.Error(u.key())
	}
}
