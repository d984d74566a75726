package depset

import (
	"fmt"
	"os"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/config"
	"github.com/cargo-cow/cargo-cow/layers/cargo/lockfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
)

// BenchmarkFingerprint reads a lockfile of 1,000 packages with some four
// dependencies each, and all else the fingerprint is made from.
func BenchmarkFingerprint(b *testing.B) {
	var packages []string
	for n := range 1000 {
		packages = append(packages, fmt.Sprintf("package-%03d 1.%d.0", n, n))
	}
	text := "version = 4\n"
	for n, p := range packages {
		text += lockOf(p)[len("version = 4\n"):] + "dependencies = [\n"
		for _, d := range []int{1, 10, 100, 500} {
			if n >= d {
				text += fmt.Sprintf(" \"package-%03d\",\n", n-d)
			}
		}
		text += "]\n\n"
	}
	content := []byte(text)
	dir := b.TempDir()
	if err := os.WriteFile(dir+"/Cargo.toml", []byte("[profile.release]\nlto = true\n"), 0o666); err != nil {
		b.Fatal(err)
	}
	tool := project.Tool{Cargo: "cargo", Dir: dir, Environ: []string{"PATH=/usr/bin:/bin"}}
	id := &project.Toolchain{Rustc: "rustc 1.95.0\nhost: x86_64-unknown-linux-gnu", Cargo: "cargo 1.95.0"}
	for b.Loop() {
		lock, err := lockfile.Parse(content)
		if err != nil {
			b.Fatal(err)
		}
		cfg, err := config.Load(dir, dir+"/home", tool.Environ)
		if err != nil {
			b.Fatal(err)
		}
		ws := &project.Workspace{Root: dir, CargoHome: dir + "/home", Lock: lock}
		if _, err := Compute(ws, tool, id, cfg, rule.Set{}); err != nil {
			b.Fatal(err)
		}
	}
}
