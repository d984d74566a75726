package manifest

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// sampleManifest has one unit of every sort that Apply treats differently.
func sampleManifest() *Manifest {
	lib := builddir.UnitName{Package: "liba", Target: "liba", Kind: "lib", Profile: "debug", Unit: "liba-0123456789abcdef"}
	run := builddir.UnitName{Package: "liba", Target: "build-script-build", Kind: builddir.KindRun, Profile: "debug", Unit: "liba-1123456789abcdef"}
	doc := builddir.UnitName{Package: "liba", Target: "liba", Kind: builddir.KindDoc, Profile: "debug", Unit: "liba-2123456789abcdef"}
	return &Manifest{
		Format:  Format,
		Layout:  builddir.LayoutClassic,
		Origins: []checkout.Origin{{Names: []checkout.Name{{Root: rooted.Workspace, Text: "/a"}, {Root: rooted.Build, Text: "/a/target"}}}},
		Inputs:  []Input{{Path: rooted.Path{Root: rooted.Workspace, Rel: "src/lib.rs"}, Kind: InputFile, Value: "00"}},
		Trees:   []Tree{{Path: rooted.Path{Root: rooted.Workspace}, Scope: ScopePackage, Entries: []TreeEntry{{Path: "src", Value: "/"}}}},
		Facts:   []Fact{{Kind: FactEnv, Path: rooted.Path{Root: rooted.Workspace}}},
		Units: []Unit{
			{
				UnitName: lib, Record: "debug/.fingerprint/liba-0123456789abcdef", File: "lib-liba", Layout: builddir.LayoutClassic,
				Source: builddir.SourcePath, Mutable: true, Deps: []int{1}, Stamp: []paths.Path{"debug/deps/libliba-0123456789abcdef.rlib"},
				Inputs: []Use{{0, rule.SourceContent}}, Trees: []Use{{0, rule.MacroInputs}}, Facts: []Use{{0, rule.ConfigEnv}},
				Moved: []Watch{{Index: 0, Path: rooted.Path{Root: rooted.Workspace, Rel: "shared.txt"}}},
			},
			{
				UnitName: run, Record: "debug/.fingerprint/liba-1123456789abcdef", File: "run-build-script-build-script-build",
				Layout: builddir.LayoutClassic, Source: builddir.SourcePath, Run: true, Mutable: true,
			},
			{
				UnitName: doc, Record: "debug/.fingerprint/liba-2123456789abcdef", File: "doc-lib-liba",
				Layout: builddir.LayoutClassic, Source: builddir.SourceUnknown, Doc: true,
			},
		},
	}
}

func TestDecodeManifest(t *testing.T) {
	good, err := sampleManifest().Encode()
	if err != nil {
		t.Fatal(err)
	}
	if kept, err := os.ReadFile("testdata/sample.json"); err != nil || !bytes.Equal(good, kept) {
		t.Errorf("testdata/sample.json, which other packages start from, is not the sample: %v\n%s", err, good)
	}
	m, err := Decode(good)
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
		"stamp leads out":            func(m *Manifest) { m.Units[0].Stamp = []paths.Path{"debug", "../x"} },
		"stamp holds NUL":            func(m *Manifest) { m.Units[0].Stamp = []paths.Path{"a\x00b"} },
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
		if _, err := Decode(b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, text := range []string{"", "null", "[]", "{", `{"format":2}`, `{"format":2,"origins":[{}],"inputs":[{"loc":"z:x"}]}`} {
		if _, err := Decode([]byte(text)); err == nil {
			t.Errorf("%q: accepted", text)
		}
	}
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
		"a unit that got dirty": {func(m *Manifest) { m.Units[0].Always = &rule.Reason{} }, false},
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
	if got, want := m.Units[0].DepFile(), "debug/.fingerprint/liba-0123456789abcdef/dep-lib-liba"; got != want {
		t.Errorf("depFile = %s; want %s", got, want)
	}
	output, out, root := m.Units[1].Dir().ScriptFiles()
	if dir := "debug/build/liba-1123456789abcdef/"; output != dir+"output" || out != dir+"out" || root != dir+"root-output" {
		t.Errorf("classic script files: %s, %s, %s", output, out, root)
	}
	u := m.Units[1]
	u.Layout, u.Record = builddir.LayoutUnits, "debug/build/liba/1123456789abcdef/fingerprint"
	output, out, root = u.Dir().ScriptFiles()
	if dir := "debug/build/liba/1123456789abcdef/"; output != dir+"run/stdout" || out != dir+"out" || root != dir+"run/root-output" {
		t.Errorf("script files of the new layout: %s, %s, %s", output, out, root)
	}
	if strings.Contains(u.Key(), "//") {
		t.Error(u.Key())
	}
}

// A unit that depends on one that could be wrong elsewhere is not portable.
func TestPortable(t *testing.T) {
	named := Unit{Named: true}
	for name, tt := range map[string]struct {
		u    Unit
		want bool
	}{
		"named":         {named, true},
		"mutable":       {Unit{Mutable: true}, false},
		"never fresh":   {Unit{Always: &rule.Reason{}}, false},
		"at home only":  {Unit{Elsewhere: []rule.Reason{{}}}, false},
		"has inputs":    {Unit{Inputs: []Use{{}}}, false},
		"watches":       {Unit{Moved: []Watch{{}}}, false},
		"rewatches":     {Unit{Rewatch: true}, false},
		"of a commit":   {Unit{Commit: true}, false},
		"above a named": {Unit{Deps: []int{1}}, true},
		"above mutable": {Unit{Deps: []int{2}}, false},
	} {
		m := &Manifest{Units: []Unit{tt.u, named, {Mutable: true}}}
		if got := m.IsPortable(&m.Units[0]); got != tt.want {
			t.Errorf("%s: portable %v, want %v", name, got, tt.want)
		}
	}
}
