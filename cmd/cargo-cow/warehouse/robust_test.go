package warehouse

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/layers/cargo/chain"
	"github.com/cargo-cow/cargo-cow/layers/wrapper"
)

// simple is a project of three units without anything from elsewhere.
const simple = appManifest + `[dependencies]
low = { path = "low" }
-- src/main.rs --
fn main() { println!("{}", low::low()); }
-- low/Cargo.toml --
[package]
name = "low"
version = "0.1.0"
edition = "2021"
-- low/build.rs --
fn main() { println!("cargo::rustc-env=V=1"); }
-- low/src/lib.rs --
pub fn low() -> u32 { env!("V").parse().unwrap() }
`

// each calls f for every file of the warehouse below a directory.
func (w *world) each(dir string, f func(path string)) {
	w.T.Helper()
	n := 0
	err := filepath.WalkDir(w.Path("store/warehouse/"+dir), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			n++
			f(path)
		}
		return err
	})
	if err != nil || n == 0 {
		w.T.Fatalf("%d files in %s: %v", n, dir, err)
	}
}

func (w *world) rewrite(path string, change func(text []byte) []byte) {
	w.T.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.Remove(path)
	}
	if err == nil {
		err = os.WriteFile(path, change(text), 0o600)
	}
	if err != nil {
		w.T.Fatal(err)
	}
}

// Whatever has become of the warehouse, cargo builds, and what it builds is right.
// Nothing is said about it in the build.
func TestDamaged(t *testing.T) {
	t.Parallel()
	base := filepath.Dir(newWorld(t).Dir)
	for name, damage := range map[string]func(w *world){
		"records torn": func(w *world) {
			w.each("units", func(path string) { w.rewrite(path, func(b []byte) []byte { return b[:len(b)/2] }) })
		},
		"records empty": func(w *world) {
			w.each("units", func(path string) { w.rewrite(path, func([]byte) []byte { return nil }) })
		},
		"records changed": func(w *world) {
			w.each("units", func(path string) {
				w.rewrite(path, func(b []byte) []byte { return []byte(strings.ReplaceAll(string(b), "input", "inbut")) })
			})
		},
		"records of other units": func(w *world) {
			var paths []string
			w.each("units", func(path string) { paths = append(paths, path) })
			texts := map[string][]byte{}
			for _, p := range paths {
				w.rewrite(p, func(b []byte) []byte { texts[p] = b; return b })
			}
			for i, p := range paths {
				w.rewrite(p, func([]byte) []byte { return texts[paths[(i+1)%len(paths)]] })
			}
		},
		"records are directories": func(w *world) {
			w.each("units", func(path string) { must(w.T, os.Remove(path)); must(w.T, os.Mkdir(path, 0o700)) })
		},
		"files gone": func(w *world) { w.Remove("store/warehouse/files") },
		"files short": func(w *world) {
			w.each("files", func(path string) { w.rewrite(path, func(b []byte) []byte { return b[1:] }) })
		},
		"files empty": func(w *world) {
			w.each("files", func(path string) { w.rewrite(path, func([]byte) []byte { return nil }) })
		},
		"files are pipes": func(w *world) {
			w.each("files", func(path string) { must(w.T, os.Remove(path)); must(w.T, syscall.Mkfifo(path, 0o600)) })
		},
		"a file in its place": func(w *world) { w.Remove("store/warehouse"); w.Write("store/warehouse", "x") },
		"events are a directory": func(w *world) {
			w.Remove("store/warehouse/events")
			must(w.T, os.Mkdir(w.Path("store/warehouse/events"), 0o700))
		},
		"read-only": func(w *world) {
			must(w.T, exec.Command("mount", "--bind", w.Path("store"), w.Path("store")).Run())
			w.T.Cleanup(func() { must(w.T, exec.Command("umount", w.Path("store")).Run()) })
			must(w.T, exec.Command("mount", "-o", "remount,bind,ro", w.Path("store")).Run())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := worldIn(t, filepath.Join(base, strings.ReplaceAll(name, " ", "-")))
			w.project("a", simple)
			w.good("a", nil)
			w.copy("a", "b")
			damage(w)
			for i, round := range []string{"same", "edited", "edited again"} {
				if i > 0 {
					w.Edit("b/low/build.rs", "V=", "V=1")
				}
				want := w.clean("b", nil)
				r := w.Run("b", []string{"RUSTC_WRAPPER=" + fixture.Wrapper(t)}, "cargo", "run", "--offline", "--quiet")
				if r.Code != 0 || r.Stdout != want || r.Stderr != "" {
					t.Errorf("%s build: %v; a clean one prints %q", round, r, want)
				}
			}
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A wrapper that is chained may write what is of no use elsewhere. One that caches
// runs of build scripts puts a launcher in the place of their programs, which needs a
// file beside it.
func TestChained(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Script("bin/other", `"$@" || exit
case " $* " in *" --crate-name build_script_build "*)
	for a; do [ "$before" = --out-dir ] && dir=$a; before=$a; done
	for f in $dir/build_script_build-*; do
		case $f in *.d|*.real) continue;; esac
		mv $f $f.real
		printf '#!/bin/sh\nexec "$(dirname "$0")"/build_script_build-*.real\n' > $f
		chmod +x $f
	done
esac
`)
	link, err := wrapper.MakeLink(chain.Link{Next: w.Path("bin/other")}, w.Path("links"), fixture.Wrapper(t))
	must(t, err)
	w.project("a", simple)
	w.copy("a", "b")
	for _, dir := range []string{"a", "b"} {
		r := w.Run(dir, []string{"RUSTC_WRAPPER=" + link}, "cargo", "run", "--offline", "--quiet")
		if r.Code != 0 || r.Stdout != "1\n" {
			t.Errorf("%s: %v\n%s", dir, r, w.events())
		}
	}
	want := []string{"app", "build_script_build", "build_script_build", "low"}
	if got := slices.Sorted(slices.Values(w.list())); !slices.Equal(got, want) {
		t.Errorf("compiled %q, want %q\n%s", got, want, w.events())
	}
}

// Where the disk is full nothing is kept, and nothing of what is being written is
// left. Then it has room again.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	w := worldIn(t, filepath.Join(loopfs.Btrfs(t, loopfs.Size(4<<30)), "w"))
	small := loopfs.Ext4(t, loopfs.Size(16<<20), loopfs.MkfsArgs("-O", "^has_journal"))
	w.Env = append(w.Env, "CARGO_COW_STORE="+small+"/store")
	must(t, os.MkdirAll(small+"/store", 0o700))
	must(t, os.WriteFile(small+"/store/version", []byte("cargo-cow store 1\n"), 0o600))
	filler, err := os.Create(small + "/filler")
	must(t, err)
	for _, size := range []int{1 << 20, 4096, 1} {
		for err = nil; err == nil; {
			_, err = filler.Write(make([]byte, size))
		}
	}
	filler.Close()
	w.project("a", simple)
	if b := w.good("a", nil); strings.Contains(b.Stderr, "cow") {
		t.Errorf("it is said in the build: %s", b.Stderr)
	}
	must(t, os.Remove(small+"/filler"))
	left, err := filepath.Glob(small + "/store/warehouse/*/*/.tmp-*")
	if err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
	w.copy("a", "b")
	w.good("b", nil)
	w.copy("a", "c")
	if b := w.good("c", nil); len(b.compiled) > 1 {
		t.Errorf("with room again %q are compiled\n%s", b.compiled, w.events())
	}
}

// Ten builds at once in ten checkouts of one project, with an empty warehouse.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.workspace("0")
	w.lock("0")
	var wg sync.WaitGroup
	results := make([]fixture.Result, 10)
	for i := range results {
		if i > 0 {
			w.copy("0", fmt.Sprint(i))
		}
	}
	for i := range results {
		wg.Go(func() {
			results[i] = w.Run(fmt.Sprint(i), []string{"RUSTC_WRAPPER=" + fixture.Wrapper(t)}, "cargo", "run", "--offline", "--quiet")
		})
	}
	wg.Wait()
	want := w.clean("0", nil)
	for i, r := range results {
		if r.Code != 0 || r.Stdout != want {
			t.Errorf("build %d: %v, want %q", i, r, want)
		}
	}
	// What came of it serves. Each build may have made some units before the others, so
	// that what was compiled against all of the first ones may be lacking once.
	w.copy("0", "next")
	if b := w.good("next", nil); slices.Contains(b.compiled, "low") || slices.Contains(b.compiled, "itoa") || slices.Contains(b.compiled, "mac") {
		t.Errorf("compiled %q\n%s", b.compiled, w.events())
	}
	w.copy("0", "last")
	w.wantCompiled(w.good("last", nil))
}

// A build and all that it runs is killed, at every point that chance finds; the next
// is right, and so is one beside it that takes from the same warehouse.
func TestKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.workspace("a")
	w.lock("a")
	w.copy("a", "b")
	want := w.clean("a", nil)
	for i := range 12 {
		for _, dir := range []string{"a", "b"} {
			w.Remove(dir + "/target")
			cmd := exec.Command("cargo", "build", "--offline")
			cmd.Dir, cmd.Env = w.Path(dir), append(slices.Clone(w.Env), "RUSTC_WRAPPER="+fixture.Wrapper(t), "PWD="+w.Path(dir))
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			must(t, cmd.Start())
			time.Sleep(time.Duration(100+150*i) * time.Millisecond)
			_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
			_ = cmd.Wait()
		}
		if i%4 != 3 {
			continue
		}
		for _, dir := range []string{"a", "b"} {
			if got := w.wrapped(dir, nil); got != want {
				t.Errorf("after %d kills: %q, want %q", i+1, got, want)
			}
		}
		w.Remove("store/warehouse")
	}
}

// Two users who build the same have a store each, and take nothing from each
// other's.
func TestTwoUsers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.project("a", simple)
	w.good("a", nil)
	// The store is root's, and says so.
	w.copy("a", "b")
	const uid = 65534
	w.Own("b", uid)
	for dir := w.Dir; dir != "/"; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		must(t, err)
		must(t, os.Chmod(dir, info.Mode().Perm()|0o755))
	}
	must(t, os.Chmod(w.Path("store"), 0o755)) // as if he could
	before := w.Read("store/warehouse/events")
	rustc := fixture.Sysroot(t) + "/bin/rustc"
	if _, err := os.Stat(rustc); err != nil {
		t.Fatal(err)
	}
	b := w.At("b").With("V=7")
	b.User = &syscall.Credential{Uid: uid, Gid: uid}
	r := b.Run(fixture.Wrapper(t), rustc, "--crate-name", "low", "--edition=2021", "low/src/lib.rs", "--error-format=json",
		"--json=diagnostic-rendered-ansi,artifacts,future-incompat", "--crate-type", "lib", "--emit=dep-info,metadata,link", "-C", "metadata=1", "-C", "extra-filename=-1",
		"--out-dir", w.Path("b"))
	if r.Code != 0 && !strings.Contains(r.Stderr, "ermission denied") {
		t.Fatal(r)
	}
	if after := w.Read("store/warehouse/events"); after != before {
		t.Errorf("another user's call is in the store:\n%s", after[len(before):])
	}
}
