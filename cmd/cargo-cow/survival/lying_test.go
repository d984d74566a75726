package survival

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/faultdisk"
)

// A ground is a kind of file system on a disk that lies.
type ground struct {
	fstype string
	// The least that the disk writes whole. Btrfs takes it for granted that its
	// superblock is, which has 4096 bytes. XFS does of a block of a directory, of as many:
	// when it recovers it goes by the head of the block, and refuses to mount where the
	// rest is older (Linux 6.18, "Metadata CRC error" in xfs_dir3_block_read_verify).
	// ext4 writes each block again from its journal.
	sector int
	// Mount options of which each history gets one. With a commit each second more of
	// what commands do in between reaches the disk.
	options []string
}

var grounds = []ground{
	{"btrfs", 4096, []string{"", "commit=1", "commit=300"}},
	{"xfs", 4096, []string{""}},
	{"ext4", 512, []string{"", "commit=1"}},
}

// A lyingWorld is a world on a disk that lies, ready to be forked: an origin with two
// branches and a labelled layer, another project with one, checkouts b and c, and z,
// which no command has touched.
type lyingWorld struct {
	ground
	disk *faultdisk.Disk // not mounted
	w    *world
	book *book
}

func newLyingWorld(t *testing.T, g ground) *lyingWorld {
	t.Helper()
	l := &lyingWorld{ground: g, disk: faultdisk.New(t, g.sector), book: &book{layers: map[string]*fact{}}}
	l.disk.Format(t, g.fstype)
	dir := l.disk.MountPoint()
	l.disk.Mount(t, dir, "")
	// What cargo keeps for itself is not what is looked at.
	home := t.TempDir()
	registry := fixture.LocalRegistry{Dir: filepath.Join(home, "registry"), Home: filepath.Join(home, "cargo")}
	must(t, registry.Publish("leaf", "1.0.0"))
	l.w = newWorld(t, dir, "CARGO_HOME="+registry.Home)
	o := l.w.origin
	o.Must("git", "switch", "--quiet", "--create", "other")
	o.Write("app/src/main.rs", mainRS("other"))
	o.Commit("other")
	o.Must("git", "switch", "--quiet", "main")
	l.w.sealed()
	o.cow("snapshot", "--label=first")
	l.w.leafSealed(t)
	l.book.leaf = newest(o)
	b, c, z := l.w.checkout("b"), l.w.checkout("c"), l.w.checkout("z")
	built(b)
	c.cow("restore")
	c.with("RUSTC_WRAPPER="+fixture.Wrapper(t)).Must("cargo", "build", "--quiet", "--offline")
	grown(z) // for its lockfile
	l.book.grownLock = z.Read("Cargo.lock")
	z.Must("git", "checkout", "--quiet", "--", "Cargo.toml", "Cargo.lock")
	z.Remove("extra")
	h := l.history(t, l.disk, 0)
	h.enter(nil)
	h.book.settled()
	l.book = h.book
	l.disk.Unmount(t)
	return l
}

// history is a history on a fork of the world that is mounted. Of what follows it keeps
// book in a copy.
func (l *lyingWorld) history(t testing.TB, disk *faultdisk.Disk, seed uint64) *history {
	h := &history{w: l.w, disk: disk, fstype: l.fstype, book: l.book.clone(), random: newRandom(seed), seed: seed}
	return h.in(t)
}

// never is after all operations of a disk.
const never = math.MaxInt

// A span is the operations of the disk between which a command has done something. One
// that has not said that it did ends never.
type span struct{ from, to int }

var already, notYet = span{}, span{never, never}

// A fact is what is known of a layer.
type fact struct {
	content       string // a digest of all that is in it
	made, removed span
	labels        []given
}

// given is a label that a layer was given.
type given struct {
	span
	label string
}

// labelled are the labels that the layer may have after so many operations.
func (f *fact) labelled(n int) []string {
	may := []string{}
	for _, g := range f.labels {
		switch {
		case g.to <= n:
			may = []string{g.label}
		case g.from <= n:
			may = append(may, g.label)
		}
	}
	return may
}

// A mark is one that was left, and has reached the disk, in a build directory that no
// layer has: it must be found again in the build directory or beside it.
type mark struct {
	place, text string
	from, until int  // operations of the disk
	aside       bool // it was replaced
	sealed      bool // a layer has it
}

// A book says what must be found again.
type book struct {
	leaf      string // the layer of the other project
	grownLock string
	layers    map[string]*fact
	marks     []*mark
	texts     int // that were written into sources
	steps     []*step
	events    []event
}

// An event is that cargo began to build in a place, or that a layer was made of what it
// had built.
type event struct {
	place  string
	at     int
	sealed bool
}

// unsealed reports whether cargo has built in a place what nothing has written to the disk
// by then. A power cut may leave any of it empty, whoever built it.
func (b *book) unsealed(place string, n int) bool {
	built := false
	for _, e := range b.events {
		if e.place == place && e.at <= n {
			built = !e.sealed
		}
	}
	return built
}

func (b *book) clone() *book {
	c := &book{leaf: b.leaf, grownLock: b.grownLock, texts: b.texts, layers: map[string]*fact{}}
	for id, f := range b.layers {
		g := *f
		g.labels = slices.Clone(f.labels)
		c.layers[id] = &g
	}
	for _, m := range b.marks {
		n := *m
		c.marks = append(c.marks, &n)
	}
	return c
}

// settled makes all that the book says true from the beginning of any fork.
func (b *book) settled() {
	for id, f := range b.layers {
		if f.removed != notYet {
			delete(b.layers, id)
			continue
		}
		f.made = already
		f.labels = f.labels[len(f.labels)-1:]
		f.labels[0].span = already
	}
	b.marks, b.steps, b.events = nil, nil, nil
}

// now are the labels of the layers that are there.
func (b *book) now() map[string]string {
	labels := map[string]string{}
	for id, f := range b.layers {
		if f.removed == notYet {
			labels[id] = f.labels[len(f.labels)-1].label
		}
	}
	return labels
}

// removable are the layers that may be removed, sorted.
func (b *book) removable() []string {
	var ids []string
	for id, label := range b.now() {
		if id != b.leaf && label != "first" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// digestOf is a digest of all that is in a directory, with the times of files, by which
// cargo goes.
func digestOf(dir string) (string, error) {
	sum := sha256.New()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		fmt.Fprintf(sum, "%s %v\n", rel, info.Mode())
		switch {
		case info.Mode().IsRegular():
			fmt.Fprintf(sum, "%d %d\n", info.Size(), info.ModTime().UnixNano())
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.Copy(sum, f)
			return err
		case info.Mode().Type() == fs.ModeSymlink:
			to, err := os.Readlink(path)
			fmt.Fprintln(sum, to)
			return err
		}
		return nil
	})
	return fmt.Sprintf("%x", sum.Sum(nil)), err
}

// save writes a file as an editor does that takes care: it is on the disk.
func (c *checkout) save(name, text string) {
	c.T.Helper()
	c.Write(name, text)
	for _, path := range []string{c.Path(name), filepath.Dir(c.Path(name)), c.Dir} {
		f, err := os.Open(path)
		if err != nil {
			c.T.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			c.T.Fatal(err)
		}
		f.Close()
	}
}

// foretold is what the program of a clean build says, as far as its sources tell; "" where
// they are none that a test has written.
func (c *checkout) foretold() string {
	main, err := os.ReadFile(c.Path("app/src/main.rs"))
	if err != nil {
		return ""
	}
	_, text, _ := strings.Cut(string(main), `println!("`)
	text, _, _ = strings.Cut(text, " {}")
	name, err := os.ReadFile(c.Path("name"))
	lib, libErr := os.ReadFile(c.Path("liba/src/lib.rs"))
	if err != nil || libErr != nil || string(main) != mainRS(text) || string(lib) != project["liba/src/lib.rs"] || !strings.HasPrefix(string(name), "cow") {
		return ""
	}
	return text + " " + string(name)
}

// count is a number from the environment, or the one that every run of the tests has.
func count(t *testing.T, variable string, usual int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

// firstSeed is a new one, or the one from the environment.
func firstSeed(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(count(t, "CARGO_COW_TEST_SEED", int(time.Now().UnixNano()%1_000_000_000)))
	t.Logf("CARGO_COW_TEST_SEED=%d", seed)
	return seed
}
