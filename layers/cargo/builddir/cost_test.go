package builddir

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Cargo dates what a check wrote back to its start: a check costs something, too.
func TestCheckHasACost(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"Cargo.toml": "[package]\nname = \"tool\"\nversion = \"0.1.0\"\nedition = \"2021\"\n", "src/lib.rs": "pub fn f() {}\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("cargo", "check", "--offline", "--quiet", "--target-dir", filepath.Join(dir, "target"))
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cargo check: %v\n%s", err, out)
	}
	d, err := Scan(filepath.Join(dir, "target"), filepath.Join(dir, "home"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Units) != 1 || d.Units[0].Cost == 0 {
		t.Errorf("got %d units, want one with a cost", len(d.Units))
	}
	for _, u := range d.Units {
		t.Logf("%s: %d ms", u.Unit, u.Cost)
	}
}
