package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// What a call costs with the program and without: an empty Go program is what a
// wrapper in Go cannot do without. Compare
//
//	go test -run - -bench Call -count 6 ./cmd/cargo-cow-rustc
func BenchmarkCall(b *testing.B) {
	dir := b.TempDir()
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty+".go", []byte("package main\n\nfunc main() {}\n"), 0o666); err != nil {
		b.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-o", empty, empty+".go").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	s := newStand(b, "")
	s.argv[0] = "/bin/true"
	list, err := os.ReadFile(s.list)
	if err != nil {
		b.Fatal(err)
	}
	environ := append(os.Environ(), s.env...)
	measure := func(name, program string, args ...string) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				cmd := exec.Command(program, args...)
				cmd.Dir, cmd.Env = s.dir+"/b", environ
				if err := cmd.Run(); err != nil {
					b.Fatal(err)
				}
				// Each time the unit is one that was made at the origin.
				if err := os.WriteFile(s.list, list, 0o666); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	measure("true", "/bin/true")
	measure("empty", empty)
	measure("plain", wrapper(b), "/bin/true", "--crate-name", "x")
	measure("incremental", wrapper(b), s.argv...)
}
