package planner

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depset"
	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project/projecttest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// planOf asks for what builds of a workspace need, and tells whether cargo was asked.
func planOf(t *testing.T, s *projecttest.Project, kept string) (needed map[string]bool, asked bool) {
	t.Helper()
	answers, _ := s.Ask(t)
	f, err := depset.Compute(answers.Workspace, s.Tool, answers.Toolchain, answers.Config, rule.Set{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(s.Calls); err != nil {
		t.Fatal(err)
	}
	p := &Planner{Tool: s.Tool, Workspace: answers.Workspace, Wrapper: filepath.Dir(s.Calls) + "/refuse", Temp: t.TempDir(), Kept: kept, Fingerprint: f}
	needed, err = p.Needed(t.Context(), Build{Profile: "debug"}, Build{Profile: "debug", All: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = os.Stat(s.Calls)
	return needed, err == nil
}

func newPlanned(t *testing.T, dir string) *projecttest.Project {
	t.Helper()
	s := projecttest.New(t, dir)
	cargotest.Write(t, dir, map[string]string{
		"refuse": "#!/bin/sh\nfor a; do case $a in -vV|--print*) exec \"$@\";; esac; done\nexit 1\n",
	})
	if err := os.Chmod(dir+"/refuse", 0o777); err != nil {
		t.Fatal(err)
	}
	return s
}

// copied is the workspace, and what was kept of it, in another directory: a plan
// serves there as well.
func copied(t *testing.T, s *projecttest.Project) (dir string, other *projecttest.Project) {
	t.Helper()
	dir = cargotest.RealTempDir(t)
	if err := os.CopyFS(dir, os.DirFS(filepath.Dir(s.Calls))); err != nil {
		t.Fatal(err)
	}
	return dir, projecttest.At(dir)
}

// Whatever changed, a kept plan is the one that cargo would make now.
func TestPlanKept(t *testing.T) {
	dir := cargotest.RealTempDir(t)
	first := newPlanned(t, dir)
	if needed, asked := planOf(t, first, dir+"/plans"); !asked || len(needed) < 4 {
		t.Fatalf("the first plan: cargo asked %v, %v", asked, needed)
	}
	for _, tt := range projecttest.Changes {
		t.Run(tt.Name, func(t *testing.T) {
			dir, s := copied(t, first)
			tt.Change(t, dir, s)
			got, asked := planOf(t, s, dir+"/plans")
			if asked != tt.Plan {
				t.Errorf("asked = %v, want %v", asked, tt.Plan)
			}
			if want, _ := planOf(t, s, ""); !maps.Equal(got, want) {
				t.Errorf("kept plan %v, now %v", got, want)
			}
		})
	}
}

// What a power cut or another program has left is no plan, and old ones go.
func TestPlanFiles(t *testing.T) {
	dir := t.TempDir() + "/plans"
	path := dir + "/0"
	keys := []string{"debug/.fingerprint/a-0123456789abcdef/lib-a", "debug/.fingerprint/b-0123456789abcdef/lib-b"}
	keepPlan(path, keys)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := loadKept(path); fmt.Sprint(got) != fmt.Sprint(keys) {
		t.Errorf("kept %v, want %v", got, keys)
	}
	for n := range whole {
		if got := readKept(string(whole[:n])); got != nil {
			t.Fatalf("of the first %d bytes: %v", n, got)
		}
	}
	if got := readKept(strings.Replace(string(whole), "debug/", "../../", 1)); got != nil {
		t.Errorf("units outside: %v", got)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	for n := range keptPlans {
		keepPlan(fmt.Sprint(dir, "/", n+1), keys)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != keptPlans {
		t.Errorf("%d plans are kept, want %d (%v)", len(entries), keptPlans, err)
	}
	if loadKept(path) != nil {
		t.Error("the oldest is still there")
	}
}

func FuzzReadKept(f *testing.F) {
	f.Add(planHeader + "debug/.fingerprint/a-0123456789abcdef/lib-a\n.\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, k := range readKept(text) {
			if !paths.IsLocal(k) {
				t.Errorf("unit %q leads out", k)
			}
		}
	})
}
