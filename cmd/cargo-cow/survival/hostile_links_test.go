package survival

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// precious is a directory outside of all checkouts, with files that nobody may change, or
// have in a layer.
type precious struct {
	t     testing.TB
	dir   string
	state string
}

const secret = "the secret of somebody else"

func (w *world) precious() *precious {
	w.T.Helper()
	p := &precious{t: w.T, dir: w.Path("precious")}
	for _, name := range []string{"letter", "deep/er/letter", "lib-app", "dep-bin-app", "output", "out/file", "index.html", "app"} {
		w.Write("precious/"+name, secret)
		if err := os.Chtimes(w.Path("precious", name), time.Unix(1e9, 0), time.Unix(1e9, 0)); err != nil {
			w.T.Fatal(err)
		}
	}
	if err := os.Chmod(w.Path("precious/deep"), 0o500); err != nil {
		w.T.Fatal(err)
	}
	p.state = p.look()
	return p
}

// look says what is there, with modes and times.
func (p *precious) look() string {
	p.t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(p.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s %v", path, fi.Mode())
		if fi.Mode().IsRegular() {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %v %q", fi.ModTime(), text)
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return b.String()
}

// untouched checks that all is as it was.
func (p *precious) untouched(after any) {
	p.t.Helper()
	if now := p.look(); now != p.state {
		p.t.Fatalf("after %v, outside there is\n%swas\n%s", after, now, p.state)
	}
}

// kept checks that all that was there is as it was, whatever has come.
func (p *precious) kept(after any) {
	p.t.Helper()
	now := p.look()
	for line := range strings.Lines(p.state) {
		if !strings.Contains(now, line) {
			p.t.Fatalf("after %v, outside there is\n%sand not any more\n%s", after, now, line)
		}
	}
}

// nowhere checks that no copy of the files is below a directory.
func (p *precious) nowhere(dir string) {
	p.t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // it goes away, or may not be read
		}
		if text, err := os.ReadFile(path); err == nil && string(text) == secret {
			p.t.Errorf("%s was taken from outside", path)
		}
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// A repository may have a build directory among its files, with links in it under all names
// that we write to, and that Cargo has. Nothing is written, removed or dated where they
// lead, and nothing from there is in a layer.
func TestBuildDirectoryOfACommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t)).sealed()
	outside := w.precious()
	file, dir := filepath.Join(outside.dir, "letter"), outside.dir
	for name, links := range map[string]map[string]string{
		"own directory": {"target/.cargo-cow": dir},
		"own files": {
			"target/.cargo-cow/manifest.json": file, "target/.cargo-cow/manifest.json.new": file, "target/.cargo-cow/active.json": file,
			"target/.cargo-cow/active.json.new": file, "target/.cargo-cow/units": file, "target/.cargo-cow/units.new": file, "target/.cargo-cow/place": file,
			"target/.cargo-cow/store": file, "target/.cargo-cow/prepared": file, "target/.cargo-cow/unavailable": file, "target/.cargo-cow/probe": file,
			"target/.cargo-cow/git": dir, "target/.cargo-cow/gitfile": file, "target/.gitignore": file, "target/CACHEDIR.TAG": file,
		},
		"Cargo's directories": {
			"target/debug/.fingerprint": dir, "target/debug/deps": dir, "target/debug/build": dir, "target/debug/examples": dir,
			"target/debug/incremental": dir, "target/debug/.cargo-lock": file, "target/doc": dir, "target/tmp": dir,
		},
		"a profile":  {"target/debug": dir, "target/release": dir, "target/CACHEDIR.TAG": file},
		"the undone": {"target.cargo-cow-undo": dir},
		"being made": {".target.cargo-cow-tmp-00000000": dir, ".target.cargo-cow-tmp.swap": dir},
		"nested":     {"target/inside/debug": dir, "target/inside/.cargo-cow": dir, "target/inside/CACHEDIR.TAG": file, "target/debug/.cargo-lock": file},
	} {
		t.Run(name, func(t *testing.T) {
			p := w.checkout(strings.ReplaceAll(name, " ", "-")).in(t)
			for link, to := range links {
				p.Symlink(to, link)
			}
			for _, args := range [][]string{
				{"status"}, {"init"}, {"explain"}, {"snapshot", "--label", name}, {"status"}, {"restore"}, {"undo"}, {"restore"}, {"snapshot"}, {"graft"}, {"check"},
			} {
				r := p.TryCow(args...)
				outside.untouched(args)
				if r.Signal != 0 || r.Code < 0 || strings.Contains(r.Stderr, "goroutine") {
					t.Errorf("%q: %v", args, r)
				}
			}
			outside.nowhere(w.store)
			outside.nowhere(p.Dir)
			// Once the links are gone all is well.
			for link := range links {
				p.Remove(link)
			}
			p.Remove("target")
			p.cow("restore")
			p.builds(nil, "first")
			outside.untouched("a build")
		})
	}
	w.origin.checks()
}

// While a build directory is taken over, sealed, restored and removed, somebody puts links
// to the outside in the place of its directories, again and again. They are where a script
// keeps its files, which layers have.
func TestDirectoriesSwappedForLinks(t *testing.T) {
	t.Parallel()
	rounds := 3
	if text := os.Getenv("CARGO_COW_TEST_SWAPS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		rounds = n
	}
	for name, mount := range map[string]func(testing.TB, ...loopfs.Option) string{"xfs": loopfs.XFS, "btrfs": loopfs.Btrfs} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, mount(t)).sealed()
			whole := newest(w.origin)
			outside := w.precious()
			p := w.checkout("b")
			succeeded := 0
			for i := range rounds {
				p.Remove("target")
				p.Write("app/src/main.rs", mainRS(fmt.Sprint(i)))
				p.Must("cargo", "build", "--quiet", "--offline") // an ordinary directory
				// Few, since a copy fails that finds a link where it had seen a directory.
				const dirs = 2
				odd := filepath.Join(p.outDir(), "odd")
				for k := range dirs {
					p.Write(filepath.Join(odd, fmt.Sprint("z", k), "mine"), "mine")
					p.Symlink(outside.dir, filepath.Join(odd, fmt.Sprint("z", k, ".link")))
				}
				// Others lie between, so that it takes a while from the listing to the reading.
				for k := range 2000 {
					if err := os.Mkdir(filepath.Join(odd, fmt.Sprint(k)), 0o777); err != nil {
						t.Fatal(err)
					}
				}
				stop := swapping(t, odd, dirs)
				for _, args := range [][]string{{"init"}, {"snapshot", "--label", fmt.Sprint(i)}, {"restore", "--from", whole}, {"undo"}, {"snapshot"}} {
					r := p.TryCow(args...)
					outside.untouched(args)
					if r.Code == 0 {
						succeeded++
					} else if r.Code != 1 && r.Code != 3 {
						t.Errorf("%q: %v", args, r)
					}
				}
				stop()
				outside.nowhere(filepath.Join(w.store, "layers"))
				outside.nowhere(p.Dir)
			}
			t.Logf("%d of %d commands succeeded", succeeded, 5*rounds)
			w.origin.cow("store", "remove", "--force")
			outside.untouched("removal")
		})
	}
}

// outDir is the directory that the library's build script was given.
func (c *checkout) outDir() string {
	c.T.Helper()
	for _, pattern := range []string{"debug/build/liba-*/out", "debug/build/liba/*/out"} { // the layouts that Cargo has
		if found, err := filepath.Glob(c.Target(pattern)); err == nil && len(found) > 0 {
			return found[0]
		}
	}
	c.T.Fatal("the script has no directory")
	return ""
}

// swapping exchanges directories with links beside them, every millisecond or so, until it
// is stopped.
func swapping(t testing.TB, dir string, n int) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			for random := rand.New(rand.NewPCG(1, uint64(i))); ; {
				select {
				case <-done:
					return
				case <-time.After(time.Duration(random.IntN(2000)) * time.Microsecond):
				}
				a := filepath.Join(dir, fmt.Sprint("z", i))
				// The directory may have another name at the moment: it is restored, or gone.
				_ = unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, a+".link", unix.RENAME_EXCHANGE)
			}
		})
	}
	var once sync.Once
	stop = func() {
		once.Do(func() { close(done) })
		wg.Wait()
	}
	t.Cleanup(stop)
	return stop
}

// A file that has another name outside of the build directory is the same file. Copies
// have one of their own; what is written, dated or removed in a build directory leaves the
// other name what it was.
func TestHardLinksOutward(t *testing.T) {
	t.Parallel()
	for name, mount := range map[string]func(testing.TB, ...loopfs.Option) string{"xfs": loopfs.XFS, "btrfs": loopfs.Btrfs} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, mount(t))
			outside := w.precious()
			p := w.origin
			p.Must("cargo", "build", "--quiet", "--offline") // before init: an ordinary directory
			for _, at := range []string{"target/letter", "target/debug/letter", "target/debug/deps/letter", "target/debug/incremental/letter"} {
				if err := os.Link(filepath.Join(outside.dir, "letter"), p.Path(at)); err != nil {
					t.Fatal(err)
				}
			}
			// And all that a restore corrects and dates.
			linked := 0
			err := filepath.WalkDir(p.Target("debug"), func(path string, d fs.DirEntry, err error) error {
				if err != nil || !d.Type().IsRegular() || strings.Contains(path, ".cargo-") {
					return err
				}
				linked++
				return os.Link(path, filepath.Join(outside.dir, fmt.Sprint("link-", linked)))
			})
			if err != nil || linked < 20 {
				t.Fatalf("%d files have a name outside: %v", linked, err)
			}
			outside.state = outside.look()
			for _, args := range [][]string{{"init"}, {"snapshot"}, {"restore"}, {"undo"}, {"restore"}, {"graft"}, {"check"}} {
				if r := p.TryCow(args...); r.Code != 0 && args[0] != "graft" {
					t.Errorf("%q: %v", args, r)
				}
				outside.untouched(args)
			}
			p.builds(nil, "first")
			p.cow("rm", "--wait", "latest")
			p.Remove("target")
			outside.untouched("removal")
		})
	}
}

// deepTree makes directories in each other, so many that no path leads to the last, with a
// file in it. It goes from one to the next, as the kernel wants it.
func deepTree(t testing.TB, dir string, levels int) {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(dir, 0o777))
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	must(err)
	for range levels {
		must(unix.Mkdirat(fd, "d", 0o777))
		next, err := unix.Openat(fd, "d", unix.O_PATH|unix.O_DIRECTORY, 0)
		must(err)
		unix.Close(fd)
		fd = next
	}
	file, err := unix.Openat(fd, "file", unix.O_WRONLY|unix.O_CREAT, 0o666)
	must(err)
	unix.Close(file)
	unix.Close(fd)
}

// Trees deeper than any path, and wider than anybody has, keep nobody from anything.
func TestDeepAndWideTrees(t *testing.T) {
	t.Parallel()
	const levels, longest, width = 4000, 2100, 5000 // a path of longest names of one letter is longer than the kernel takes
	for name, mount := range map[string]func(testing.TB, ...loopfs.Option) string{"xfs": loopfs.XFS, "btrfs": loopfs.Btrfs} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, mount(t))
			p := w.origin
			p.Must("cargo", "build", "--quiet", "--offline")
			if name == "xfs" { // Btrfs takes seconds to remove as many
				deepTree(t, p.Target("deep"), levels)
			} else {
				deepTree(t, p.Target("debug/odd"), longest)
			}
			deepTree(t, p.outDir(), longest)
			for i := range width {
				p.Write(fmt.Sprintf("target/debug/wide/%d", i), "")
			}
			for _, args := range [][]string{{"init"}, {"status"}, {"snapshot"}, {"restore"}, {"undo"}, {"explain"}, {"check"}, {"show", "latest"}, {"prune", "--keep-under", "1kB", "--dry-run"}} {
				if r := p.TryCow(args...); r.Code != 0 {
					t.Fatalf("%q: %v", args, r)
				}
			}
			if _, says := p.build(); says != "first cow" {
				t.Errorf("the program says %q", says)
			}
			p.cow("rm", "--wait", "latest")
			p.tidy()
			if !fixture.Exists(p.Target()) {
				t.Error("the build directory is gone")
			}
			p.Must("rm", "-rf", "target", "target.cargo-cow-undo")
		})
	}
}

// Between the look at a build directory, or at the store, and its use somebody puts a link
// to the outside in its place. The command may fail; outside all stays as it is. What is
// put in the place of the store gets what the store would have got, and loses nothing.
func TestReplacedBetweenCheckAndUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t)).sealed()
	outside := w.precious()
	for point, args := range map[string][]string{
		"restore.verified": {"restore"}, "restore.cloned": {"restore"}, "restore.staged": {"restore"}, "replace.exchanged": {"restore"}, "replace.aside": {"restore"},
		"snapshot.inspected": {"snapshot", "--label", "x"}, "snapshot.described": {"snapshot", "--label", "x"}, "snapshot.sealed": {"snapshot", "--label", "x"},
		"init.cloned": {"init"}, "init.taken-over": {"init"}, "undo.exchanged": {"undo"},
	} {
		for _, what := range []string{"build directory", "store"} {
			t.Run(what+" at "+point, func(t *testing.T) {
				outside := &precious{t, outside.dir, outside.look()}
				p := w.checkout(strings.ReplaceAll(what+point, " ", "-")).in(t)
				p.cow("restore")
				switch args[0] {
				case "snapshot":
					p.Write("app/src/main.rs", mainRS(point+what))
					p.Must("cargo", "build", "--quiet", "--offline")
				case "init":
					p.Remove("target")
					p.Must("cargo", "build", "--quiet", "--offline")
				default:
					p.cow("restore", "--from", newest(p)) // there is something to be replaced, and to be undone
				}
				stopped := p.StopCow(point, args...)
				name := p.Target()
				if what == "store" {
					name = w.store
				}
				if err := os.Rename(name, name+".away"); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(outside.dir, name); err != nil {
					t.Fatal(err)
				}
				unharmed := outside.untouched
				if what == "store" {
					unharmed = outside.kept
				}
				r := stopped.Continue()
				unharmed(args)
				if r.Code < 0 || r.Code > 5 || strings.Contains(r.Stderr, "goroutine ") {
					t.Errorf("%v", r)
				}
				for _, more := range [][]string{{"status"}, {"restore"}, {"snapshot"}, {"undo"}, {"check"}} {
					p.TryCow(more...)
					unharmed(more)
				}
				if what == "store" {
					if err := os.Remove(name); err != nil {
						t.Fatal(err)
					}
					if err := os.Rename(name+".away", name); err != nil {
						t.Fatal(err)
					}
				}
				outside.nowhere(filepath.Join(w.store, "layers"))
			})
		}
	}
}
