package cargo

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/freshness"
	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
)

// What a build directory is worth, and whether it is still the one that a manifest
// describes.
func TestAssess(t *testing.T) {
	t.Parallel()
	cargotest.Require(t, "")
	dir := filepath.Join(cargotest.RealTempDir(t), "a")
	cargotest.Write(t, dir, map[string]string{
		"Cargo.toml":      "[workspace]\nresolver = \"2\"\nmembers = [\"liba\", \"app\"]\n",
		"liba/Cargo.toml": cargotest.Manifest("liba"),
		"liba/src/lib.rs": "pub fn a() -> u32 { 1 }\n",
		"app/Cargo.toml":  cargotest.Manifest("app", "liba"),
		"app/src/main.rs": "fn main() { println!(\"{}\", liba::a()) }\n",
	})
	build(t, dir)
	co := checkoutAt(t, dir)
	m := inspect(t, Inspection{Checkout: co})
	sealed := kernelNow(t).UnixNano()
	stand := func(m *manifest.Manifest, sealed, restored int64) (fresh []string, st *freshness.Assessment) {
		t.Helper()
		st, err := freshness.Assess(t.Context(), co, m, sealed, restored, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range st.Fresh {
			fresh = append(fresh, e.Package)
		}
		slices.Sort(fresh)
		return fresh, st
	}
	both := []string{"app", "liba"}

	fresh, st := stand(m, sealed, 0)
	if !slices.Equal(fresh, both) || st.BuiltSince || st.Revived {
		t.Errorf("as it was sealed: fresh %q, since %t, revived %t", fresh, st.BuiltSince, st.Revived)
	}
	if fresh, st = stand(nil, 0, 0); !slices.Equal(fresh, both) || !st.BuiltSince {
		t.Errorf("never sealed: fresh %q, since %t", fresh, st.BuiltSince)
	}

	// What a manifest passes over was there when it was written, or came later.
	part := *m
	part.Units = slices.DeleteFunc(slices.Clone(m.Units), func(u manifest.Unit) bool { return u.Package == "app" })
	if _, st = stand(&part, sealed, 0); st.BuiltSince || !st.Revived {
		t.Errorf("passed over: since %t, revived %t", st.BuiltSince, st.Revived)
	}
	if _, st = stand(&part, unitOf(t, m, "liba", "lib").Built, 0); !st.BuiltSince || st.Revived {
		t.Errorf("built later: since %t, revived %t", st.BuiltSince, st.Revived)
	}

	// Cargo does not see this; the comparison with the manifest does.
	cargotest.Edit(t, dir+"/liba/src/lib.rs", "pub fn a() -> u32 { 2 }\n")
	if fresh, st = stand(m, sealed, 0); !slices.Equal(fresh, both) || st.BuiltSince {
		t.Errorf("edited with an old time: fresh %q, since %t", fresh, st.BuiltSince)
	}
	plan, err := Verify(t.Context(), m, NewReader(co, rule.Settings{}), false)
	if err != nil {
		t.Fatal(err)
	}
	liba := unitOf(t, m, "liba", "lib").Key()
	if got := plan.Differing(); !slices.Equal(got, []string{liba}) {
		t.Errorf("Differing: got %q, want %q", got, liba)
	}
	if got := plan.Fresh(nil); len(got) != 0 {
		t.Errorf("Fresh: got %v, want none", got)
	}

	// This Cargo sees.
	cargotest.Write(t, dir, map[string]string{"liba/src/lib.rs": "pub fn a() -> u32 { 3 }\n"})
	if fresh, st = stand(m, sealed, 0); len(fresh) != 0 || st.BuiltSince {
		t.Errorf("edited: fresh %q, since %t", fresh, st.BuiltSince)
	}
	build(t, dir)
	if fresh, st = stand(m, sealed, 0); !slices.Equal(fresh, both) || !st.BuiltSince {
		t.Errorf("built since: fresh %q, since %t", fresh, st.BuiltSince)
	}

	// A restore gives all units one time.
	m = inspect(t, Inspection{Checkout: co})
	_, t0 := restore(t, m, dir)
	if fresh, st = stand(m, sealed, t0.UnixNano()); !slices.Equal(fresh, both) || st.BuiltSince {
		t.Errorf("restored: fresh %q, since %t", fresh, st.BuiltSince)
	}
	for _, e := range st.Fresh {
		if want := unitOf(t, m, e.Package, e.Kind).Cost; e.Cost != want {
			t.Errorf("restored: %s cost %d ms, want %d as sealed", e.Unit, e.Cost, want)
		}
	}
	dep, err := filepath.Glob(dir + "/target/debug/.fingerprint/app-*/dep-bin-app")
	if err != nil || len(dep) != 1 {
		t.Fatalf("%v, %v", dep, err)
	}
	if err := os.Remove(dep[0]); err != nil {
		t.Fatal(err)
	}
	if fresh, st = stand(m, sealed, t0.UnixNano()); strings.Join(fresh, " ") != "liba" || st.BuiltSince {
		t.Errorf("made dirty: fresh %q, since %t", fresh, st.BuiltSince)
	}
}
