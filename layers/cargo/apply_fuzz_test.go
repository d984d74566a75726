package cargo

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
)

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
		m, err := manifest.Decode(b)
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
		// What a layer has may be links: a commit or a script can have made them.
		for link, to := range map[string]string{"a/debug/build/liba-1123456789abcdef/out": "x/out", "a/debug/deps": "x", "a/debug/examples": "debug"} {
			if err := os.Symlink(filepath.Join(dir, to), filepath.Join(dir, link)); err != nil {
				t.Fatal(err)
			}
		}
		co := &checkout.Checkout{Workspace: &project.Workspace{Root: dir + "/w", BuildDir: dir + "/a"}}
		plan := &Plan{Manifest: m, Checkout: co, reasons: make([]*rule.Reason, len(m.Units)), atHome: make([]bool, len(m.Origins))}
		for i := range plan.reasons {
			if i%2 == 0 {
				plan.reasons[i] = rule.Because(rule.InDoubt, "for the test")
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
