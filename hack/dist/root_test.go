package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/hack/project"
)

// A bareRoot is a root directory in which nothing of this machine's is seen, but what is mounted there.
type bareRoot struct {
	lower  string   // what it has at first; nothing is written there
	mounts []string // SOURCE:PLACE, read-only
	source string   // where /src is, which is writable
}

// run runs a script of a shell's in the root, from which no network is reached, and returns what it prints. All is mounted
// in a namespace of its own, and gone with the script.
func (r bareRoot) run(t *testing.T, script string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		missing(t, "needs root to mount")
	}
	requires(t, "unshare", "chroot")
	dir := t.TempDir()
	for _, sub := range []string{"upper", "work", "root"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var enter strings.Builder
	fmt.Fprintf(&enter, "set -eu\ncd %s\nmount -t overlay overlay -o lowerdir=%s,upperdir=upper,workdir=work root\ncd root\nmkdir -p src proc dev\n", dir, r.lower)
	for _, m := range r.mounts {
		from, to, _ := strings.Cut(m, ":")
		fmt.Fprintf(&enter, "mkdir -p %[2]s\nmount --bind %[1]s %[2]s\nmount -o remount,bind,ro %[2]s\n", from, strings.TrimPrefix(to, "/"))
	}
	fmt.Fprintf(&enter, "mount --bind %s src\nmount -t proc proc proc\nmount --rbind /dev dev\n", r.source)
	enter.WriteString(`exec env -i PATH=/opt/rust/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "$(command -v chroot)" . /bin/sh -euc "$1"`)
	out, err := project.Run(t.Context(), "", project.Env(), "unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child", "--net",
		"sh", "-c", enter.String(), "sh", script)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// newSource is a Btrfs of the test's own, with a project of two packages in app.
func newSource(t *testing.T) string {
	t.Helper()
	dir := loopfs.Btrfs(t)
	for name, text := range map[string]string{
		"Cargo.toml":     "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\ndep = { path = \"dep\" }\n",
		"Cargo.lock":     "version = 4\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\n \"dep\",\n]\n\n[[package]]\nname = \"dep\"\nversion = \"0.1.0\"\n",
		".gitignore":     "/target\n",
		"src/lib.rs":     "pub use dep::two;\n",
		"dep/Cargo.toml": "[package]\nname = \"dep\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
		"dep/src/lib.rs": "pub fn two() -> u8 { 2 }\n",
	} {
		if err := write(filepath.Join(dir, "app", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// rust is where the toolchain is that is used in this directory.
func rust(t *testing.T) string {
	t.Helper()
	requires(t, "rustc")
	return strings.TrimSpace(output(t, "", "rustc", "--print", "sysroot"))
}

// verdicts counts what cargo called fresh, and what it compiled, in a file of its messages.
func verdicts(t *testing.T, path string) (fresh, compiled int) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var m struct {
			Reason string
			Fresh  bool
		}
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatal(err)
		}
		switch {
		case m.Reason != "compiler-artifact":
		case m.Fresh:
			fresh++
		default:
			compiled++
		}
	}
	return fresh, compiled
}

// wantFresh fails the test unless cargo's messages in the file say that so many units are fresh, and none was compiled.
func wantFresh(t *testing.T, path string, units int) {
	t.Helper()
	if fresh, compiled := verdicts(t, path); fresh != units || compiled != 0 {
		t.Errorf("%s: %d units are fresh and %d were compiled, want %d and none", filepath.Base(path), fresh, compiled, units)
	}
}
