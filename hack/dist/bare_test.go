package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/cargo-cow/cargo-cow/hack/project"
)

// Where there is a shell and no C library at all, not even a loader of programs, the archive is unpacked and what is in it
// runs. Then Rust is put there, with the loader and the C library that its own programs need, but without git: a build
// directory is sealed and restored in a copy of the checkout.
func TestNoLibc(t *testing.T) {
	t.Parallel()
	requires(t, "busybox")
	path, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	if needs := interpreted(t, path); needs != "" {
		missing(t, "busybox-static is not installed, but one with "+needs+": run hack/setup")
	}
	busybox, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lower, src, debian := t.TempDir(), newSource(t), bareDebian(t)
	if err := write(filepath.Join(lower, "bin/busybox"), busybox, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sh", "ls", "mkdir", "tar", "gunzip", "cp", "head"} {
		if err := os.Symlink("busybox", filepath.Join(lower, "bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := write(filepath.Join(lower, "etc/passwd"), []byte("root:x:0:0::/root:/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	in := bareRoot{lower: lower, mounts: []string{made(t) + ":/dist"}, source: src}
	unpack := "mkdir -p /usr/local\ntar -xzf /dist/" + here.archive(platforms[0]) + " -C /usr/local\n"
	out := in.run(t, unpack+`
		ls /lib /lib64 /usr/lib 2>/dev/null && echo there are libraries
		cargo-cow --version
		cargo-cow cow help restore | head -1
		cargo-cow __complete resto | head -1
		cargo-cow-rustc 2>&1 | head -1
		cargo-cow --store /src/store list 2>&1 | head -1
		cd /src/app
		cargo-cow init 2>&1 | head -1
		ls /usr/local/share/man/man1/cargo-cow-restore.1`)
	const want = "cargo-cow " + version + "\n" +
		"Replaces the build directory with a writable copy of a layer. Cargo rebuilds\n" +
		"restore\tMake the build directory from the layer that fits best\n" +
		"error: cargo-cow-rustc: no compiler named; cargo runs this program where build.rustc-wrapper names it\n" +
		"error: open store /src/store: no store here\n" +
		"error: locate workspace of /src/app: run cargo: cargo is not installed or not on the PATH\n" +
		"/usr/local/share/man/man1/cargo-cow-restore.1\n"
	if out != want {
		t.Errorf("without a C library\n%s\nwant\n%s", out, want)
	}

	in.mounts = append(in.mounts, rust(t)+":/opt/rust", debian+"/usr/lib64:/lib64", debian+"/usr/lib/x86_64-linux-gnu:/lib/x86_64-linux-gnu")
	in.run(t, unpack+`
		cd /src/app
		cargo cow init
		cargo build
		cargo cow snapshot
		mkdir /src/copy
		cp -r Cargo.toml Cargo.lock src dep /src/copy
		cd /src/copy
		cargo cow restore
		cargo build --message-format=json >/src/copy.json`)
	const units = 2
	wantFresh(t, filepath.Join(src, "copy.json"), units)
}

// The programs for arm64 run, and do what the others do, as far as an emulator of the processor can show: it does not pass
// on the calls that make snapshots, so files are cloned one by one. Cargo is this machine's.
func TestArm64(t *testing.T) {
	t.Parallel()
	requires(t, "qemu-aarch64-static", "cargo")
	bin, src := filepath.Join(unpacked(t, "arm64"), "bin"), newSource(t)
	env := append(project.Env(), "XDG_CONFIG_HOME="+t.TempDir(), "XDG_CACHE_HOME="+t.TempDir(), "CARGO_COW_STORE="+filepath.Join(src, "store"))
	app, fix := filepath.Join(src, "app"), filepath.Join(src, "fix")
	cow := func(dir string, args ...string) string {
		t.Helper()
		return outputIn(t, dir, env, "qemu-aarch64-static", append([]string{filepath.Join(bin, "cargo-cow")}, args...)...)
	}
	if out := cow("", "--version"); out != "cargo-cow "+version+"\n" {
		t.Errorf("it is %q", out)
	}
	for _, args := range [][]string{{"init", "-q", "."}, {"add", "."}, {"commit", "-qm", "one"}} {
		outputIn(t, app, env, "git", args...)
	}
	cow(app, "init")
	outputIn(t, app, env, "cargo", "build", "--quiet")
	cow(app, "snapshot")
	outputIn(t, app, env, "git", "worktree", "add", "-q", fix)
	cow(fix, "restore")
	messages := outputIn(t, fix, env, "cargo", "build", "--message-format=json")
	if err := write(filepath.Join(src, "fix.json"), []byte(messages), 0o644); err != nil {
		t.Fatal(err)
	}
	const units = 2
	wantFresh(t, filepath.Join(src, "fix.json"), units)
}
