package home

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
)

// machine is the environment of the tests with variables of its own.
func machine(more ...string) project.Tool {
	return project.Tool{Cargo: "cargo", Dir: "/", Environ: append(os.Environ(), more...)}
}

// rustup runs the real one.
func rustup(t *testing.T, tool project.Tool, args ...string) string {
	t.Helper()
	program := rustupProgram(tool)
	if program == "" {
		t.Fatal("there is no rustup, which hack/setup installs")
	}
	out, err := run(t.Context(), tool, program, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// What is read of a toolchain's files is what its compiler says, for every toolchain that this machine has.
func TestToolchainsSayTheSame(t *testing.T) {
	tool := machine()
	rustup(t, tool, "--version")
	list, err := Toolchains(t.Context(), tool)
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, tc := range list {
		said, err := ask(t.Context(), tool, filepath.Join(tc.Path, "bin", "rustc"))
		if err != nil || tc.Err != nil {
			t.Errorf("%s: %v, %v", tc.Name, err, tc.Err)
		}
		if tc.Compiler.Version != said.Version || tc.Compiler.Host != said.Host {
			t.Errorf("%s: read %+v, it says %+v", tc.Name, tc.Compiler, said)
		}
		if !strings.HasPrefix(said.Commit, shortCommit.FindStringSubmatch(said.Version)[1]) {
			t.Errorf("%s: of commit %s is not %q", tc.Name, said.Commit, said.Version)
		}
		if tc.Compiler.Commit == "" {
			read++
		}
	}
	if read == 0 {
		t.Errorf("of %d toolchains none was read of files: this shows nothing", len(list))
	}
	unasked := Unasked(t.Context(), tool)
	names := func(list []Toolchain) (names []string) {
		for _, tc := range list {
			names = append(names, tc.Name+" "+tc.Compiler.Version)
		}
		slices.Sort(names)
		return names
	}
	if got, want := names(unasked), names(list); !slices.Equal(got, want) {
		t.Errorf("without rustup there are\n%q\nwith it\n%q", got, want)
	}
}

// sysroot is the directory of an installed toolchain.
func sysroot(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("rustc", "+"+name, "--print=sysroot").Output()
	if err != nil {
		cargotest.Require(t, name)
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// ownRustup is a rustup with no toolchain, and nothing else on the PATH.
func ownRustup(t *testing.T, more ...string) project.Tool {
	t.Helper()
	bin, program := t.TempDir(), rustupProgram(machine())
	rustup(t, machine(), "--version")
	for _, name := range []string{"rustup", "rustc"} {
		if err := os.Symlink(program, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	return machine(append([]string{"RUSTUP_HOME=" + t.TempDir(), "CARGO_HOME=" + t.TempDir(), "PATH=" + bin, "RUSTC="}, more...)...)
}

// Toolchains that were linked are known by the name that uninstalls them, whatever they are called, and are there until then.
func TestLinkedToolchains(t *testing.T) {
	tool := ownRustup(t)
	old, other := sysroot(t, "1.85.1"), sysroot(t, "1.95.0")
	for name, dir := range map[string]string{"dev": old, "my (own) one": other} {
		rustup(t, tool, "toolchain", "link", name, dir)
	}
	byHand, err := filepath.Rel(filepath.Join(Rustup(tool), "toolchains"), old)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(byHand, filepath.Join(Rustup(tool), "toolchains", "by-hand")); err != nil {
		t.Fatal(err)
	}
	list, err := Toolchains(t.Context(), tool)
	if err != nil || len(list) != 3 {
		t.Fatalf("got %+v, %v", list, err)
	}
	for _, tc := range list {
		if !tc.Linked || tc.Compiler.Commit == "" || tc.Err != nil {
			t.Errorf("got %+v", tc)
		}
	}
	was, err := ask(t.Context(), tool, filepath.Join(old, "bin", "rustc"))
	if err != nil {
		t.Fatal(err)
	}
	in := FindInstalled(t.Context(), tool)
	layer := CompilerOf(was.Version, nil)
	if in.Doubt != nil || len(in.Compilers) != 2 || !in.Has(layer) || !in.Has(was) {
		t.Errorf("of two that are linked: %+v", in)
	}
	rustup(t, tool, "toolchain", "uninstall", "by-hand")
	rustup(t, tool, "toolchain", "uninstall", "dev")
	in = FindInstalled(t.Context(), tool)
	if in.Doubt != nil || in.Has(layer) || in.Has(was) {
		t.Errorf("%v is still there: %+v", layer, in)
	}
	for _, tc := range list {
		if tc.Linked && tc.Path == other {
			rustup(t, tool, "toolchain", "uninstall", tc.Name)
		}
	}
	if list, err := Toolchains(t.Context(), tool); err != nil || len(list) != 0 {
		t.Errorf("all are uninstalled, and there are %+v, %v", list, err)
	}
	if in := FindInstalled(t.Context(), tool); !in.Has(layer) {
		t.Error("where no compiler is found at all, something is wrong, and none counts as removed")
	}
}

// A link that leads nowhere has no compiler, and does not keep others from being told as removed; one that does not
// answer does.
func TestBrokenToolchains(t *testing.T) {
	tool := ownRustup(t)
	gone := Compiler{Version: "rustc 1.70.0 (90c541806 2023-05-31)"}
	rustup(t, tool, "toolchain", "link", "fine", sysroot(t, "1.95.0"))
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "lib"), 0o777); err != nil {
		t.Fatal(err)
	}
	program(t, filepath.Join(dir, "bin", "rustc"), "exit 1")
	rustup(t, tool, "toolchain", "link", "broken", dir)
	if in := FindInstalled(t.Context(), tool); in.Doubt == nil || !in.Has(gone) {
		t.Errorf("one does not answer: %+v", in)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if in := FindInstalled(t.Context(), tool); in.Doubt != nil || in.Has(gone) {
		t.Errorf("one is a link that leads nowhere: %+v", in)
	}
	if err := os.WriteFile(filepath.Join(Rustup(tool), "settings.toml"), []byte("no toml"), 0o666); err != nil {
		t.Fatal(err)
	}
	if in := FindInstalled(t.Context(), tool); in.Doubt == nil || !in.Has(gone) {
		t.Errorf("rustup fails: %+v", in)
	}
}

func program(t *testing.T, path, script string) {
	t.Helper()
	cargotest.Write(t, filepath.Dir(path), map[string]string{filepath.Base(path): "#!/bin/sh\n" + script + "\n"})
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

// says is a script that says what rustc does.
func says(version, commit, host string) string {
	return "echo '" + version + "'; echo 'binary: rustc'; echo 'commit-hash: " + commit + "'; echo 'host: " + host + "'"
}

// Without rustup what is on the PATH counts, under all names that distributions give it, and what RUSTC names.
func TestWithoutRustup(t *testing.T) {
	bin, own, home := t.TempDir(), t.TempDir(), t.TempDir()
	const debian, old, mine = "rustc 1.85.0 (4d91de4e4 2025-02-17) (built from a source tarball)", "rustc 1.80.1 (3f5fd8dd4 2024-08-06)", "rustc 1.99.0-dev (aaaaaaaaa 2026-01-01)"
	program(t, filepath.Join(bin, "rustc"), says(debian, "unknown", "x86_64-unknown-linux-gnu"))
	program(t, filepath.Join(bin, "rustc-1.80"), says(old, "3f5fd8dd4", "x86_64-unknown-linux-gnu"))
	program(t, filepath.Join(own, "compiler"), says(mine, "unknown", "x86_64-unknown-linux-gnu"))
	program(t, filepath.Join(bin, "rustc-wrapper"), "touch "+filepath.Join(own, "was-run"))
	environ := []string{"PATH=" + bin, "HOME=" + home, "RUSTUP_HOME=", "CARGO_HOME=", "RUSTC=" + filepath.Join(own, "compiler")}
	in := FindInstalled(t.Context(), machine(environ...))
	for version, want := range map[string]bool{
		debian: true, old: true, mine: true, "": true, "rustc 1.99.0-dev": true, "clippy-driver 1.0": true,
		"rustc 1.95.0 (59807616e 2026-04-14)": false, "rustc 1.85.0 (4d91de4e4 2025-02-17)": false,
	} {
		if got := in.Has(CompilerOf(version, nil)); got != want {
			t.Errorf("%q: there %v, want %v: %+v", version, got, want, in)
		}
	}
	if _, err := os.Stat(filepath.Join(own, "was-run")); err == nil {
		t.Error("a program was run that is no compiler")
	}
	// rustup was removed, or is not on the PATH of this shell: what it had is there.
	if err := os.MkdirAll(filepath.Join(home, ".rustup/toolchains/stable"), 0o777); err != nil {
		t.Fatal(err)
	}
	if in := FindInstalled(t.Context(), machine(environ...)); in.Doubt == nil {
		t.Error("toolchains lie there of which nobody tells, and nothing is in doubt")
	}
	if in := FindInstalled(canceled(t), machine(environ...)); in.Doubt == nil {
		t.Error("it was not asked to the end, and nothing is in doubt")
	}
}

func canceled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// Of one number there may be several.
func TestSameNumber(t *testing.T) {
	const version = "rustc 1.97.0-nightly (e50aa6fba 2026-05-19)"
	full := []string{"commit-hash: e50aa6fba1", "host: x86_64-unknown-linux-gnu"}
	in := &Installed{Compilers: []Compiler{CompilerOf(version, full)}}
	for _, c := range []struct {
		version string
		verbose []string
		want    bool
	}{
		{version, nil, true},
		{version, full, true},
		{version, []string{"commit-hash = e50aa6fba1", "host = x86_64-unknown-linux-gnu"}, true},
		{version, []string{"commit-hash = e50aa6fba2"}, false},
		{version, []string{"host = x86_64-unknown-linux-musl"}, false},
		{"rustc 1.97.0-nightly (a50aa6fba 2026-05-18)", nil, false},
		{"rustc 1.97.0-dev", []string{"commit-hash = unknown"}, true},
		{"rustc 1.97.0-dev", []string{"commit-hash = a50aa6fba1"}, false},
	} {
		if got := in.Has(CompilerOf(c.version, c.verbose)); got != c.want {
			t.Errorf("%s %v: there %v, want %v", c.version, c.verbose, got, c.want)
		}
	}
}

// Cargo's notes name the compiler that has built.
func TestBuiltBy(t *testing.T) {
	cargotest.Require(t, "")
	dir := t.TempDir()
	cargotest.Write(t, dir, map[string]string{"Cargo.toml": "[package]\nname = \"p\"\nversion = \"0.1.0\"\n", "src/lib.rs": ""})
	cargotest.Run(t, dir, "", nil, "build")
	want, err := ask(t.Context(), machine(), "rustc")
	if err != nil {
		t.Fatal(err)
	}
	if got := BuiltBy(filepath.Join(dir, "target")); !reflect.DeepEqual(got, []Compiler{want}) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := BuiltBy(dir); got != nil {
		t.Errorf("nothing was built in it, by %+v", got)
	}
}

// The directories of Cargo's home are those that cargo makes.
func TestPlaces(t *testing.T) {
	home := t.TempDir()
	cargotest.Write(t, home, map[string]string{"registry/index/x": "", "registry/cache/x": "", "git/db/x": "", "git/checkouts": "no directory"})
	got := Places(machine("CARGO_HOME=" + home))
	want := []Place{{Index, home + "/registry/index"}, {Crates, home + "/registry/cache"}, {Databases, home + "/git/db"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Only a nightly cargo cleans up in Cargo's home when it is told to.
func TestWhoCollects(t *testing.T) {
	for _, name := range cargotest.Toolchains(t) {
		t.Run(name, func(t *testing.T) {
			version := cargotest.Require(t, name)
			cmd := exec.Command("cargo", "+"+name, "clean", "gc", "-Zgc", "--max-download-size", "2GB", "--dry-run")
			cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), "CARGO_HOME="+t.TempDir())
			out, err := cmd.CombinedOutput()
			if nightly := strings.Contains(version, "nightly"); (err == nil) != nightly {
				t.Errorf("%s: %v: %s", version, err, out)
			}
		})
	}
}
