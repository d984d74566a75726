package relocate

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/driver/btrfs"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/driver/plain"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/internal/flock"
	"github.com/cargo-cow/cargo-cow/layers/lease"
	"github.com/cargo-cow/cargo-cow/layers/locate"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/reflink"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(t, os.WriteFile(path, []byte(text), 0o600))
}

// A place is a store, or where one may come to be, on a file system.
type place struct {
	dir    string
	driver driver.Driver
}

// store makes one.
func (p place) store(t *testing.T) place {
	t.Helper()
	must(t, p.driver.Create(t.Context(), p.dir))
	must(t, os.Chmod(p.dir, 0o700))
	for _, d := range []string{paths.StoreLayers, paths.StoreRecords, paths.StoreLeases} {
		must(t, os.Mkdir(filepath.Join(p.dir, d), 0o700))
	}
	write(t, filepath.Join(p.dir, paths.StoreDriver), p.driver.Name()+"\n")
	write(t, filepath.Join(p.dir, paths.StoreVersion), "cargo-cow store 1\n")
	return p
}

// layer seals one with those files, by name, made from a parent, "" for none.
func (p place) layer(t *testing.T, name, parent string, files map[string]string) string {
	t.Helper()
	id := digest.OfText(name)
	tmp := filepath.Join(p.dir, paths.StoreLayers, ".tmp-x")
	if parent == "" {
		must(t, p.driver.Create(t.Context(), tmp))
	} else {
		must(t, p.driver.Clone(t.Context(), tmp, tree(p.dir, parent)))
	}
	for name, text := range files {
		write(t, filepath.Join(tmp, name), text)
	}
	must(t, p.driver.Seal(t.Context(), tree(p.dir, id), tmp))
	must(t, p.driver.Delete(t.Context(), tmp))
	write(t, filepath.Join(p.dir, paths.StoreRecords, id+".json"), `{"layer":"`+id+`","parent":"`+parent+`"}`)
	return id
}

func (p place) wants(t *testing.T, id, file, text string) {
	t.Helper()
	if got, err := os.ReadFile(filepath.Join(tree(p.dir, id), file)); err != nil || string(got) != text {
		t.Errorf("%s of %s in %s is %.40q, %v", file, id, p.dir, got, err)
	}
}

func gone(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is there (%v)", path, err)
	}
}

func move(t *testing.T, from, to place, data string) (*Result, error) {
	t.Helper()
	m := Move{From: from.dir, To: to.dir, Old: from.driver, New: to.driver, Data: data}
	return m.Run(t.Context())
}

var large = string(make([]byte, 1<<20))

// Between any two kinds of file systems all comes over, and is known at its new place.
func TestMove(t *testing.T) {
	kinds := map[string]func(t *testing.T) place{
		"btrfs":   func(t *testing.T) place { return place{loopfs.Btrfs(t) + "/s", btrfs.New()} },
		"reflink": func(t *testing.T) place { return place{loopfs.XFS(t) + "/s", plain.New(plain.Reflink)} },
		"copy":    func(t *testing.T) place { return place{loopfs.Ext4(t) + "/s", plain.New(plain.Copy)} },
	}
	for a, from := range kinds {
		for b, to := range kinds {
			t.Run(a+" to "+b, func(t *testing.T) {
				t.Parallel()
				from, to, data := from(t).store(t), to(t), t.TempDir()
				one := from.layer(t, "one", "", map[string]string{"a": "a", "dir/b": "b", "dir/sub/big": large, "gone/x": "x"})
				two := from.layer(t, "two", one, map[string]string{"a": "A", "new": "new"})
				write(t, filepath.Join(from.dir, paths.StoreLabels, one), "label")
				write(t, filepath.Join(from.dir, paths.StoreWarehouse, "files/ab/x"), "kept")
				write(t, filepath.Join(from.dir, paths.StoreLeases, "place-x"), "/build\n")
				r, err := move(t, from, to, data)
				must(t, err)
				if r.Layers != 2 || r.Renamed || r.Leftover != nil {
					t.Errorf("%+v", r)
				}
				to.wants(t, one, "a", "a")
				to.wants(t, one, "dir/sub/big", large)
				to.wants(t, two, "a", "A")
				to.wants(t, two, "dir/b", "b")
				to.wants(t, two, "new", "new")
				gone(t, from.dir)
				gone(t, filepath.Join(to.dir, paths.StoreMove))
				for _, file := range []string{"labels/" + one, "warehouse/files/ab/x", "leases/place-x"} {
					if _, err := os.Lstat(filepath.Join(to.dir, file)); err != nil {
						t.Error(err)
					}
				}
				if !locate.IsStore(to.dir) || locate.Moved(data, from.dir) != to.dir {
					t.Errorf("it is not found: %q", locate.Moved(data, from.dir))
				}
				if !to.driver.Caps().SharesData {
					return
				}
				// What the layers shared they share.
				if u, err := reflink.TreeUsage(t.Context(), tree(to.dir, two)); err != nil || u.Shared < int64(len(large)) {
					t.Errorf("of the second layer %d bytes are shared, %v", u.Shared, err)
				}
			})
		}
	}
}

// Whoever works in a store keeps it where it is; then nothing has changed.
func TestInUse(t *testing.T) {
	before := patience
	patience = 50 * time.Millisecond
	t.Cleanup(func() { patience = before })
	from := place{loopfs.Btrfs(t) + "/s", btrfs.New()}.store(t)
	id := from.layer(t, "one", "", map[string]string{"a": "a"})
	leases := filepath.Join(from.dir, paths.StoreLeases)
	for _, to := range []place{{loopfs.Ext4(t) + "/s", plain.New(plain.Copy)}, {filepath.Dir(from.dir) + "/t", from.driver}} {
		for name, work := range map[string]func() (func() error, error){
			"restore": func() (func() error, error) { return lease.Acquire(leases, id) },
			"seal":    func() (func() error, error) { return flock.TryLock(from.dir+"/lock", flock.Shared) },
			"claim":   func() (func() error, error) { return flock.TryLock(leases+"/place-x", flock.Exclusive) },
		} {
			done, err := work()
			must(t, err)
			if _, err := move(t, from, to, t.TempDir()); !errors.Is(err, ErrInUse) {
				t.Errorf("%s: %v, want ErrInUse", name, err)
			}
			must(t, done())
			gone(t, to.dir)
			gone(t, staging(from.dir, to.dir))
			gone(t, filepath.Join(from.dir, paths.StoreMove))
			from.wants(t, id, "a", "a")
			if _, err := os.Lstat(leases + "/" + id + lease.Suffix); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// half is a move that has died between its two ends.
func half(t *testing.T) (from, to place, data, id string, driverOf func(string) (driver.Driver, error)) {
	from, to, data = place{loopfs.Btrfs(t) + "/s", btrfs.New()}.store(t), place{loopfs.Ext4(t) + "/s", plain.New(plain.Copy)}, t.TempDir()
	id = from.layer(t, "one", "", map[string]string{"a": "a"})
	m := Move{From: from.dir, To: to.dir, Old: from.driver, New: to.driver, Data: data}
	c := &copying{from: m.From, to: m.staging(), driver: m.New}
	must(t, c.prepare(t.Context(), m.From))
	must(t, c.complete(t.Context(), []string{id}))
	must(t, driver.Publish(m.staging(), m.To))
	k, err := begin(m.From, m.To)
	must(t, err)
	k.release()
	return from, to, data, id, func(store string) (driver.Driver, error) {
		if filepath.Dir(store) == filepath.Dir(from.dir) {
			return from.driver, nil
		}
		return to.driver, nil
	}
}

// What somebody seals in the old store, who had opened it before the move died, comes over.
func TestSettleMerges(t *testing.T) {
	from, to, data, id, driverOf := half(t)
	late := from.layer(t, "late", id, map[string]string{"a": "late"})
	write(t, filepath.Join(from.dir, paths.StorePins, late), "")
	done, err := lease.Acquire(filepath.Join(from.dir, paths.StoreLeases), id)
	must(t, err)
	// While somebody works there it waits, and the new one is the one that counts.
	if got := Settle(t.Context(), from.dir, data, driverOf); got != to.dir {
		t.Errorf("settled as %s", got)
	}
	from.wants(t, late, "a", "late")
	must(t, done())
	if got := Settle(t.Context(), to.dir, data, driverOf); got != to.dir {
		t.Errorf("settled as %s", got)
	}
	to.wants(t, id, "a", "a")
	to.wants(t, late, "a", "late")
	if _, err := os.Lstat(filepath.Join(to.dir, paths.StorePins, late)); err != nil {
		t.Error(err)
	}
	gone(t, from.dir)
	gone(t, filepath.Join(to.dir, paths.StoreMove))
	if locate.Moved(data, from.dir) != to.dir {
		t.Error("it is not noted where it went")
	}
}

// A store that has another's name, or none of ours, is not touched.
func TestSettleTouchesNothingElse(t *testing.T) {
	from, to, data, id, driverOf := half(t)
	// Somebody has made another store at the new place.
	must(t, os.Rename(to.dir, to.dir+".aside"))
	other := to.store(t)
	other.layer(t, "other", "", map[string]string{"a": "other"})
	if got := Settle(t.Context(), from.dir, data, driverOf); got != from.dir {
		t.Errorf("settled as %s", got)
	}
	from.wants(t, id, "a", "a")
	other.wants(t, digest.OfText("other"), "a", "other")
	gone(t, filepath.Join(from.dir, paths.StoreMove))
	// The copy comes back: what it came from is none that goes there.
	must(t, os.Rename(to.dir+".aside", to.dir+"2"))
	if got := Settle(t.Context(), to.dir+"2", data, driverOf); got != to.dir+"2" {
		t.Errorf("settled as %s", got)
	}
	from.wants(t, id, "a", "a")
}

// A copy that is not what it is of is told: by what of it is another one.
func TestCompare(t *testing.T) {
	then := time.Unix(1e9, 5)
	lay := func(dir string) {
		write(t, dir+"/f", "text")
		write(t, dir+"/d/g", "text")
		must(t, os.Symlink("f", dir+"/l"))
		at := unix.NsecToTimespec(then.UnixNano())
		must(t, unix.UtimesNanoAt(unix.AT_FDCWD, dir+"/l", []unix.Timespec{at, at}, unix.AT_SYMLINK_NOFOLLOW))
		for _, f := range []string{"/f", "/d/g", "/d"} {
			must(t, os.Chtimes(dir+f, then, then))
		}
	}
	for name, change := range map[string]func(dir string) error{
		"content": func(dir string) error {
			return errors.Join(os.WriteFile(dir+"/f", []byte("tExt"), 0o600), os.Chtimes(dir+"/f", then, then))
		},
		"length": func(dir string) error {
			return errors.Join(os.Truncate(dir+"/d/g", 3), os.Chtimes(dir+"/d/g", then, then))
		},
		"time":    func(dir string) error { return os.Chtimes(dir+"/f", then, then.Add(1)) },
		"mode":    func(dir string) error { return os.Chmod(dir+"/f", 0o700) },
		"lacking": func(dir string) error { return os.Remove(dir + "/l") },
		"more":    func(dir string) error { return os.Mkdir(dir+"/more", 0o700) },
		"link":    func(dir string) error { return errors.Join(os.Remove(dir+"/l"), os.Symlink("d", dir+"/l")) },
		"nothing": func(string) error { return nil },
	} {
		a, b := t.TempDir(), t.TempDir()
		lay(a)
		lay(b)
		must(t, change(a))
		err := compare(t.Context(), a, b, func(string) bool { return false })
		if differs := errors.Is(err, errDiffers); differs != (name != "nothing") || err != nil && !differs {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzMark(f *testing.F) {
	f.Add(markText(moveTo, "/a/b"))
	f.Add("cargo-cow move 1\nto\n/a/../b\n")
	f.Fuzz(func(t *testing.T, text string) {
		d, other := parseMark(text)
		if (d == noMove) != (other == "") || d != noMove && (!paths.IsClean(other) || markText(d, other) != text) {
			t.Errorf("%q: %q, %q", text, d, other)
		}
	})
}

// What came back as ordinary directories is sealed again, unless somebody works with it.
func TestReseal(t *testing.T) {
	s := place{loopfs.Btrfs(t) + "/s", btrfs.New()}.store(t)
	leases := filepath.Join(s.dir, paths.StoreLeases)
	busy, free := digest.OfText("busy"), digest.OfText("free")
	for _, id := range []string{busy, free} {
		write(t, filepath.Join(tree(s.dir, id), "dir/a"), "a")
	}
	file := tree(s.dir, digest.OfText("file"))
	write(t, file, "no layer")
	defer os.Remove(file)
	done, err := lease.Acquire(leases, busy)
	must(t, err)
	sealed, err := Reseal(t.Context(), s.dir, s.driver)
	if err != nil || len(sealed) != 1 || sealed[0] != tree(s.dir, free) {
		t.Errorf("%q, %v", sealed, err)
	}
	must(t, done())
	if sealed, err = Reseal(t.Context(), s.dir, s.driver); err != nil || len(sealed) != 1 {
		t.Errorf("%q, %v", sealed, err)
	}
	for _, id := range []string{busy, free} {
		s.wants(t, id, "dir/a", "a")
		if err := os.WriteFile(filepath.Join(tree(s.dir, id), "dir/a"), nil, 0o600); !errors.Is(err, unix.EROFS) {
			t.Errorf("it can be written to: %v", err)
		}
	}
	if all, err := names(filepath.Join(s.dir, paths.StoreLayers)); err != nil || len(all) != 3 {
		t.Errorf("left are %q, %v", all, err)
	}
}
