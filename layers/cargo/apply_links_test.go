package cargo

import (
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

// A directory of Cargo's that is a link, in a layer, leads to what is not that layer's.
// Nothing is removed there, rewritten or dated, and the copy no longer has the link.
func TestApplyFollowsNoLink(t *testing.T) {
	text, err := os.ReadFile("manifest/testdata/sample.json")
	if err != nil {
		t.Fatal(err)
	}
	m, err := manifest.Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	// The names that the sample's units have, and what is at stake there.
	for link, files := range map[string][]string{
		"debug/.fingerprint":                    {"liba-0123456789abcdef/dep-lib-liba", "liba-0123456789abcdef/lib-liba.json"},
		"debug/build":                           {"liba-1123456789abcdef/output", "liba-1123456789abcdef/out/precious"},
		"debug/build/liba-1123456789abcdef/out": {"precious"},
		"debug/deps":                            {"libliba-0123456789abcdef.rlib"},
		"debug":                                 {"liba", "deps/libliba-0123456789abcdef.rlib", ".fingerprint/liba-0123456789abcdef/dep-lib-liba"},
		"doc":                                   {"liba/index.html"},
	} {
		t.Run(link, func(t *testing.T) {
			dir := t.TempDir()
			outside, files2 := filepath.Join(dir, "outside"), map[string]string{}
			for _, f := range files {
				files2["outside/"+f] = "precious"
			}
			cargotest.Write(t, dir, files2)
			cargotest.Write(t, dir, map[string]string{"a/CACHEDIR.TAG": ""})
			name := filepath.Join(dir, "a", link)
			if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(outside, name); err != nil {
				t.Fatal(err)
			}
			co := &checkout.Checkout{Workspace: &project.Workspace{Root: dir + "/w", BuildDir: dir + "/a"}}
			plan := &Plan{Manifest: m, Checkout: co, reasons: make([]*rule.Reason, len(m.Units)), atHome: make([]bool, len(m.Origins))}
			for i := range plan.reasons {
				plan.reasons[i] = rule.Because(rule.InDoubt, "for the test")
			}
			plan.Rebuild()
			if _, err := plan.Apply(t.Context(), dir+"/a", time.Unix(1, 0)); err != nil {
				t.Error(err)
			}
			for _, f := range files {
				b, err := os.ReadFile(filepath.Join(outside, f))
				if err != nil || string(b) != "precious" {
					t.Errorf("outside, %s is %q, %v", f, b, err)
					continue
				}
				if fi, err := os.Stat(filepath.Join(outside, f)); err != nil || fi.ModTime().Unix() == 1 {
					t.Errorf("outside, %s was dated: %v", f, err)
				}
			}
			if _, err := os.Lstat(name); err == nil {
				t.Error("the copy still has the link")
			}
		})
	}
}
