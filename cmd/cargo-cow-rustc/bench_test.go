package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

// What a call costs with the program and without: an empty Go program is what a
// wrapper in Go cannot do without, and one that becomes the command is what it does
// where there is nothing to do. Compare
//
//	go test -run - -bench Call -count 6 ./cmd/cargo-cow-rustc
func BenchmarkCall(b *testing.B) {
	dir := b.TempDir()
	build := func(name, source string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path+".go", []byte("package main\n\n"+source), 0o666); err != nil {
			b.Fatal(err)
		}
		if out, err := exec.Command("go", "build", "-o", path, path+".go").CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		return path
	}
	empty := build("empty", "func main() {}\n")
	becomes := build("becomes", "import \"syscall\"\n\nfunc main() { syscall.Exec(\"/bin/true\", []string{\"/bin/true\"}, nil) }\n")
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
	measure("becomes", becomes)
	measure("plain", fixture.Wrapper(b), "/bin/true", "--crate-name", "x")
	measure("incremental", fixture.Wrapper(b), s.argv...)
}

// What answering a call costs, in processor time of its process: against an empty Go
// program, and one that reads the same sources. The crate is of a middling size, 40
// files of 20 kB, and has one dependency. Compare
//
//	go test -run - -bench Hit -count 6 ./cmd/cargo-cow-rustc
func BenchmarkHit(b *testing.B) {
	w := newWorld(b)
	w.Write("store/version", "cargo-cow store 1\n")
	const modules = 40
	lib := "pub use dep::X;\n"
	sources := []string{w.Path("lib.rs")}
	for i := range modules {
		lib += fmt.Sprintf("pub mod m%d;\n", i)
		w.Write(fmt.Sprintf("m%d.rs", i), strings.Repeat(fmt.Sprintf("// what module %d is about\n", i), 800)+"pub fn f(x: u64) -> u64 { x + 1 }\n")
		sources = append(sources, w.Path(fmt.Sprintf("m%d.rs", i)))
	}
	w.Write("lib.rs", lib)
	w.Write("dep.rs", "pub const X: u64 = 1;\n")
	rustc := fixture.Sysroot(b) + "/bin/rustc"
	call := func(crate string, more ...string) []string {
		return append([]string{rustc, "--crate-name", crate, "--edition=2021", crate + ".rs", "--error-format=json",
			"--json=diagnostic-rendered-ansi,artifacts,future-incompat", "--crate-type", "lib", "--emit=dep-info,metadata,link",
			"-C", "debuginfo=2", "-C", "metadata=1", "-C", "extra-filename=-1", "--out-dir", w.Dir}, more...)
	}
	w.Must(".", nil, fixture.Wrapper(b), call("dep")...)
	hit := call("lib", "--extern", "dep="+w.Path("libdep-1.rmeta"))
	w.Must(".", nil, fixture.Wrapper(b), hit...)
	w.Write("empty/main.go", "package main\n\nfunc main() {}\n")
	w.Write("reads/main.go", "package main\n\nimport \"os\"\n\nfunc main() {\n\tfor _, path := range os.Args[1:] {\n\t\tos.ReadFile(path)\n\t}\n}\n")
	for _, name := range []string{"empty", "reads"} {
		w.Must(name, nil, "go", "build", "-o", "program", "main.go")
	}
	measure := func(name, program string, args ...string) {
		b.Run(name, func(b *testing.B) {
			var used time.Duration
			for b.Loop() {
				cmd := exec.Command(program, args...)
				cmd.Dir, cmd.Env = w.Dir, w.Env
				if err := cmd.Run(); err != nil {
					b.Fatal(err)
				}
				used += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
			}
			b.ReportMetric(float64(used.Microseconds())/1000/float64(b.N), "cpu-ms/op")
		})
	}
	measure("empty", w.Path("empty/program"))
	measure("reads", w.Path("reads/program"), sources...)
	measure("hit", fixture.Wrapper(b), hit...)
	if events := w.Read("store/warehouse/events"); !strings.HasSuffix(strings.TrimSpace(events), "\"\"\t\"\"") || strings.Count(events, "missed") != 2 {
		b.Errorf("not all were answered: %s", events[max(0, len(events)-300):])
	}
}
