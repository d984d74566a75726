package usage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/layers/lastuse"
)

// folder names the store that this test binary, run again, folds into.
const folder = "USAGE_TEST_FOLD"

func TestMain(m *testing.M) {
	if store := os.Getenv(folder); store != "" {
		now := time.Now()
		if _, err := Fold(context.Background(), storeOf(store, 20, now), now); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const compiler = "rustc 1.95.0 (59807616e 2026-04-14)"

// storeOf is what a store says that has layers which were sealed an hour apart, before now.
func storeOf(dir string, layers int, now time.Time) Sources {
	s := Sources{Store: dir}
	for i := range layers {
		s.Layers = append(s.Layers, SealedLayer{fmt.Sprintf("%032x", i), compiler, now.Add(-time.Duration(i) * time.Hour)})
	}
	return s
}

func fold(t *testing.T, s Sources, now time.Time) Known {
	t.Helper()
	known, err := Fold(t.Context(), s, now)
	if err != nil {
		t.Fatal(err)
	}
	return known
}

// read is what the database of a store says, whatever is in the store.
func read(t *testing.T, store string) Known {
	t.Helper()
	d, err := Open(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	known, err := readKnown(t.Context(), d.db, "")
	if err != nil {
		t.Fatal(err)
	}
	return known
}

func same(t *testing.T, what string, got, want Known) {
	t.Helper()
	for _, kind := range []Kind{Layer, Unit, Directory, Toolchain} {
		g, w := got.All(kind), want.All(kind)
		if !slices.EqualFunc(g, w, func(a, b Item) bool {
			return a.Key == b.Key && a.First.Equal(b.First) && a.Last.Equal(b.Last) && a.Uses == b.Uses
		}) {
			t.Errorf("%s: %s: %v, want %v", what, kind, g, w)
		}
	}
}

func TestFold(t *testing.T) {
	store := t.TempDir()
	now := monday
	known := fold(t, storeOf(store, 3, now), now)
	if got := known.Last(Toolchain, compiler); !got.Equal(now) {
		t.Errorf("the compiler was last used %v, want %v", got, now)
	}
	same(t, "read again", read(t, store), known)
	same(t, "folded again", fold(t, storeOf(store, 3, now), now), known)
	id := storeOf(store, 1, now).Layers[0].ID
	later := now.Add(30 * time.Minute)
	if err := lastuse.Stamp(filepath.Join(store, "lastuse"), id, later); err != nil {
		t.Fatal(err)
	}
	known = fold(t, storeOf(store, 3, now), later)
	if it := known[Layer][id]; !it.Last.Equal(later) || !it.First.Equal(now) || it.Uses != 2 {
		t.Errorf("after a stamp: %+v", it)
	}
	d, err := Open(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if got, err := d.LastUse(t.Context(), Layer, id); err != nil || !got.Equal(later) {
		t.Errorf("LastUse = %v, %v; want %v", got, err, later)
	}
	if got, err := d.LastUse(t.Context(), Layer, "none"); err != nil || !got.IsZero() {
		t.Errorf("LastUse of nothing = %v, %v", got, err)
	}
	if got, err := d.Toolchains(t.Context()); err != nil || len(got) != 1 || got[0].Key != compiler || !got[0].Last.Equal(later) {
		t.Errorf("Toolchains = %v, %v", got, err)
	}
	if got, err := d.All(t.Context(), Layer); err != nil || len(got) != 3 || got[0].Key != id {
		t.Errorf("All = %v, %v", got, err)
	}
}

// Where nothing is new, nothing is written.
func TestFoldWritesNothing(t *testing.T) {
	store := t.TempDir()
	fold(t, storeOf(store, 3, monday), monday)
	state := func() string {
		text, err := os.ReadFile(filepath.Join(store, "usage.db"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	before := state()
	fold(t, storeOf(store, 3, monday), monday.Add(time.Hour))
	if state() != before {
		t.Error("a fold with nothing new has changed the database")
	}
	list, err := os.ReadDir(store)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		info, _ := e.Info()
		names = append(names, e.Name())
		if e.Name() == "usage.db" && info.Mode().Perm() != 0o600 {
			t.Errorf("usage.db has mode %v", info.Mode())
		}
	}
	if want := []string{"usage.db", "usage.lock"}; !slices.Equal(names, want) {
		t.Errorf("left in the store: %q, want %q", names, want)
	}
}

// What sources there are: claims of commands, and what cargo left in build directories.
func TestDirectories(t *testing.T) {
	store, now := t.TempDir(), monday
	claimed, built, gone := filepath.Join(t.TempDir(), "target ?#%\xff"), filepath.Join(t.TempDir(), "target"), "/nowhere/target"
	for i, dir := range []string{claimed, gone} {
		claim := filepath.Join(store, "leases", fmt.Sprint("place-", i))
		write(t, claim, dir+"\n")
		dated(t, claim, now.Add(-2*time.Hour))
	}
	write(t, filepath.Join(claimed, "x"), "")
	hash := filepath.Join(built, "debug/.fingerprint/a-0123456789abcdef/lib-a")
	write(t, hash+".json", "")
	write(t, hash, "0123456789abcdef")
	dated(t, hash, now.Add(-time.Hour))
	write(t, filepath.Join(built, ".rustc_info.json"), `{"outputs":{"1":{"stdout":"rustc 1.96.0 (abc 2026-05-01)\nbinary: rustc\n"}}}`)
	record := filepath.Join(store, "warehouse/units/a-1/2-3")
	write(t, record, "")
	dated(t, record, now.Add(-3*time.Hour))
	write(t, filepath.Join(store, "warehouse/units/a-1/.tmp-4"), "")
	known := fold(t, Sources{Store: store, Directories: []string{built, gone}}, now)
	want := Known{}
	want.fold([]Stamp{
		{Directory, claimed, now.Add(-2 * time.Hour)}, {Directory, built, now.Add(-time.Hour)},
		{Toolchain, "rustc 1.96.0 (abc 2026-05-01)", now.Add(-time.Hour)}, {Unit, "a-1/2-3", now.Add(-3 * time.Hour)},
	}, now)
	same(t, "folded", known, want)
	same(t, "read again", read(t, store), want)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func dated(t *testing.T, path string, at time.Time) {
	t.Helper()
	if err := os.Chtimes(path, at.Add(-time.Second), at); err != nil {
		t.Fatal(err)
	}
}

func TestFoldAtOnce(t *testing.T) {
	store := t.TempDir()
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			now := time.Now()
			if _, err := Fold(t.Context(), storeOf(store, 20, now.Add(-time.Duration(i)*10*time.Minute)), now); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), folder+"="+store)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	wg.Wait()
	known := read(t, store)
	if len(known[Layer]) != 20 || time.Since(known.Last(Toolchain, compiler)) > lastuse.Interval+time.Minute {
		t.Errorf("the database says %v", known)
	}
	names, _ := filepath.Glob(filepath.Join(store, "*corrupt*"))
	if len(names) > 0 {
		t.Errorf("somebody found it damaged: %v", names)
	}
}

// However a file is damaged, a fold gives what the stamps say, tells of it or had no reason
// to, and leaves a database that is whole.
func TestDamaged(t *testing.T) {
	sources := storeOf(t.TempDir(), 200, monday)
	want := fold(t, sources, monday)
	path := filepath.Join(sources.Store, "usage.db")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	told, damages := 0, map[string][]byte{
		"text": []byte("not a database\n"), "zeros": make([]byte, len(whole)), "one byte": {0},
		"no page": whole[:100], "longer": append(slices.Clone(whole), make([]byte, 777)...),
	}
	for n := 0; n < len(whole); n += 512 {
		damages[fmt.Sprint("cut at ", n)] = whole[:n]
	}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 200 {
		bad := slices.Clone(whole)
		from := r.IntN(len(bad))
		for j := range min(1+r.IntN(2000), len(bad)-from) {
			bad[from+j] = byte(r.Uint32())
		}
		damages[fmt.Sprint("random ", i)] = bad
	}
	for name, content := range damages {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		known, err := Fold(t.Context(), sources, monday)
		if trouble := (*Trouble)(nil); errors.As(err, &trouble) {
			told++
			if trouble.Fault == Unusable {
				t.Errorf("%s: %v", name, err)
			} else if trouble.Fault == Newer { // the version is a number as any other
				t.Logf("%s: %v", name, err)
			} else if aside, err := os.ReadFile(trouble.Aside); err != nil || string(aside) != string(content) {
				t.Errorf("%s: it is not %s: %v", name, trouble.Aside, err)
			}
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if trouble := (*Trouble)(nil); err == nil || errors.As(err, &trouble) && trouble.Fault == Damaged {
			for _, l := range sources.Layers {
				if _, ok := known[Layer][l.ID]; !ok {
					t.Errorf("%s: nothing is known of layer %s", name, l.ID)
				}
			}
		}
		if err != nil && !strings.HasPrefix(name, "random") {
			same(t, name, known, want)
		}
		if aside, _ := filepath.Glob(path + ".corrupt-*"); len(aside) > 1 {
			t.Errorf("%s: several were put aside: %v", name, aside)
		}
	}
	if told < 40 {
		t.Errorf("of %d damages %d were told", len(damages), told)
	}
}

// A damaged database that many find at once is put aside once.
func TestDamagedAtOnce(t *testing.T) {
	sources := storeOf(t.TempDir(), 50, monday)
	write(t, filepath.Join(sources.Store, "usage.db"), strings.Repeat("x", 5000))
	var wg sync.WaitGroup
	var told sync.Map
	for i := range 16 {
		wg.Go(func() {
			_, err := Fold(t.Context(), sources, monday)
			if err != nil {
				told.Store(i, err)
			}
		})
	}
	wg.Wait()
	n := 0
	told.Range(func(_, err any) bool {
		n++
		if trouble := (*Trouble)(nil); !errors.As(err.(error), &trouble) || trouble.Fault != Damaged {
			t.Error(err)
		}
		return true
	})
	if n != 1 {
		t.Errorf("%d have told of it, want 1", n)
	}
	if got := read(t, sources.Store); len(got[Layer]) != 50 {
		t.Errorf("%d layers are known, want 50", len(got[Layer]))
	}
}

func execAll(t *testing.T, store string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", source(filepath.Join(store, "usage.db")))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// What a later program has added stays, and what this one knows of goes on.
func TestNewer(t *testing.T) {
	store := t.TempDir()
	fold(t, storeOf(store, 2, monday), monday)
	execAll(t, store,
		"ALTER TABLE item ADD COLUMN weight REAL NOT NULL DEFAULT 1.5", "CREATE TABLE more (a, b)", "INSERT INTO more VALUES (1, 2)",
		"UPDATE item SET weight = 7", "INSERT INTO item VALUES ('toolbox', 'x', 1, 2, 3, 4)", "PRAGMA user_version = 2")
	later := monday.Add(24 * time.Hour)
	known, err := Fold(t.Context(), storeOf(store, 3, later), later)
	trouble := (*Trouble)(nil)
	if !errors.As(err, &trouble) || trouble.Fault != Newer {
		t.Errorf("Fold: %v, want that it is newer", err)
	}
	if got := known[Layer]; len(got) != 3 || got[fmt.Sprintf("%032x", 0)].Uses != 2 {
		t.Errorf("known is %v", got)
	}
	db, err := sql.Open("sqlite", source(filepath.Join(store, "usage.db")))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for query, want := range map[string]string{
		"PRAGMA user_version":                                   "2",
		"SELECT count(*) FROM item WHERE kind = 'layer'":        "3",
		"SELECT sum(weight) FROM item WHERE kind = 'layer'":     "15.5",
		"SELECT key || last_use FROM item WHERE kind='toolbox'": "x2",
		"SELECT a + b FROM more":                                "3",
	} {
		var got string
		if err := db.QueryRow(query).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", query, got, err, want)
		}
	}
}

// One that lacks what this program needs is left as it is, and the stamps serve.
func TestOddSchema(t *testing.T) {
	for _, odd := range []string{
		"ALTER TABLE item RENAME COLUMN uses TO times", "DROP TABLE item", "ALTER TABLE item ADD COLUMN must TEXT NOT NULL DEFAULT ''; CREATE TRIGGER no BEFORE INSERT ON item BEGIN SELECT RAISE(FAIL, 'no'); END",
	} {
		store := t.TempDir()
		fold(t, storeOf(store, 2, monday), monday)
		execAll(t, store, odd, "PRAGMA user_version = 9")
		known, err := Fold(t.Context(), storeOf(store, 3, monday), monday)
		unusable(t, odd, err)
		if len(known[Layer]) != 3 {
			t.Errorf("%s: known is %v", odd, known)
		}
		if aside, _ := filepath.Glob(filepath.Join(store, "*corrupt*")); len(aside) > 0 {
			t.Errorf("%s: it was put aside", odd)
		}
	}
}

func unusable(t *testing.T, what string, err error) {
	t.Helper()
	if trouble := (*Trouble)(nil); !errors.As(err, &trouble) || trouble.Fault != Unusable {
		t.Errorf("%s: %v, want that it is unusable", what, err)
	}
}

// A database of an earlier version keeps what it says; a migration that fails changes nothing.
func TestOlder(t *testing.T) {
	store := t.TempDir()
	want := fold(t, storeOf(store, 2, monday), monday)
	steps := append(slices.Clone(migrations), "ALTER TABLE item ADD COLUMN weight REAL NOT NULL DEFAULT 1", "CREATE TABLE more (a)")
	func() {
		db, err := sql.Open("sqlite", source(filepath.Join(store, "usage.db")))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		db.SetMaxOpenConns(1)
		if v, err := migrate(t.Context(), db, append(slices.Clone(steps), "CREATE TABLE nonsense")); err == nil {
			t.Errorf("a migration that cannot be made leads to version %d", v)
		}
		var n int
		if err := db.QueryRow("PRAGMA user_version").Scan(&n); err != nil || n != 1 {
			t.Errorf("after a failed migration the version is %d, %v", n, err)
		}
		for range 2 {
			if v, err := migrate(t.Context(), db, steps); err != nil || v != 3 {
				t.Errorf("migrate = %d, %v; want 3", v, err)
			}
		}
		if err := db.QueryRow("SELECT count(*) FROM item WHERE weight = 1").Scan(&n); err != nil || n != 3 {
			t.Errorf("%d items, %v; want 3", n, err)
		}
	}()
	d, err := Open(t.Context(), store)
	if err != nil || d.Trouble() == nil || d.Trouble().Fault != Newer {
		t.Fatalf("Open: %v, want that it is newer", err)
	}
	d.Close()
	same(t, "after migrations", read(t, store), want)
}

// Where nothing can be written, or no database can be there, the stamps serve.
func TestUnusable(t *testing.T) {
	store := t.TempDir()
	fold(t, storeOf(store, 2, monday), monday)
	readOnly := loopfs.ReadOnlyView(t, store)
	known, err := Fold(t.Context(), storeOf(readOnly, 3, monday), monday)
	unusable(t, "read-only store", err)
	if !errors.Is(err, unix.EROFS) {
		t.Errorf("read-only store: %v", err)
	}
	if len(known[Layer]) != 3 {
		t.Errorf("read-only store: known is %v", known)
	}
	known, err = Fold(t.Context(), storeOf(loopfs.ReadOnlyView(t, t.TempDir()), 3, monday), monday)
	unusable(t, "read-only store without one", err)
	if len(known[Layer]) != 3 {
		t.Errorf("read-only store without one: known is %v", known)
	}
	for what, make := range map[string]func(path string) error{
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"pipe":      func(path string) error { return unix.Mkfifo(path, 0o600) },
		"link":      func(path string) error { return os.Symlink("/dev/zero", path) },
	} {
		store := t.TempDir()
		if err := make(filepath.Join(store, "usage.db")); err != nil {
			t.Fatal(err)
		}
		known, err := Fold(t.Context(), storeOf(store, 3, monday), monday)
		unusable(t, what, err)
		if len(known[Layer]) != 3 {
			t.Errorf("%s: known is %v", what, known)
		}
	}
	_, err = Open(t.Context(), filepath.Join(store, "none"))
	unusable(t, "no store", err)
}

// A file that may not be written, in a store that may.
func TestImmutableFile(t *testing.T) {
	mount := loopfs.Ext4(t)
	fold(t, storeOf(mount, 2, monday), monday)
	path := filepath.Join(mount, "usage.db")
	chattr := func(flag string) {
		if out, err := exec.Command("chattr", flag, path).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	chattr("+i")
	defer chattr("-i")
	later := monday.Add(24 * time.Hour)
	known, err := Fold(t.Context(), storeOf(mount, 3, later), later)
	unusable(t, "immutable", err)
	if len(known[Layer]) != 3 || !known.Last(Toolchain, compiler).Equal(later) {
		t.Errorf("known is %v", known)
	}
}

// A disk that is full to the last block stops nothing, and is no reason to put anything
// aside.
func TestFullDisk(t *testing.T) {
	for name, make := range map[string]func(testing.TB, ...loopfs.Option) string{"btrfs": loopfs.Btrfs, "xfs": loopfs.XFS, "ext4": loopfs.Ext4} {
		t.Run(name, func(t *testing.T) {
			mount := make(t, loopfs.Size(320<<20))
			for _, before := range []bool{false, true} {
				store := filepath.Join(mount, fmt.Sprint("store", before))
				if err := os.Mkdir(store, 0o700); err != nil {
					t.Fatal(err)
				}
				if before {
					fold(t, storeOf(store, 10, monday), monday)
				}
				fill(t, filepath.Join(mount, "filler"))
				later := monday.Add(24 * time.Hour)
				known, err := Fold(t.Context(), storeOf(store, 5000, later), later)
				t.Logf("database %v: %v", before, err)
				if err != nil {
					unusable(t, "full", err)
				}
				if len(known[Layer]) != 5000 {
					t.Errorf("%d layers are known", len(known[Layer]))
				}
				if err := os.Remove(filepath.Join(mount, "filler")); err != nil {
					t.Fatal(err)
				}
				if known := fold(t, storeOf(store, 5000, later), later); len(known[Layer]) != 5000 {
					t.Errorf("with room again %d layers are known", len(known[Layer]))
				}
				if aside, _ := filepath.Glob(filepath.Join(store, "*corrupt*")); len(aside) > 0 {
					t.Errorf("it was put aside: %v", aside)
				}
			}
		})
	}
}

// fill takes all the room there is.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size >= 512; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		if syncErr := f.Sync(); syncErr != nil && !errors.Is(syncErr, unix.ENOSPC) {
			t.Fatal(syncErr)
		}
		if !errors.Is(err, unix.ENOSPC) {
			t.Fatal(err)
		}
	}
}

// Who has the database keeps others waiting, but not for ever, and a command that is given
// up ends.
func TestHeld(t *testing.T) {
	store := t.TempDir()
	d, err := Open(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(store, "usage.db-wal")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(store, "usage.db-shm")); err == nil {
		t.Error("there is memory shared with others")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := Fold(ctx, storeOf(store, 2, monday), monday); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Fold given up: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	fold(t, storeOf(store, 2, monday), monday)
}

func BenchmarkFold(b *testing.B) {
	sources := storeOf(b.TempDir(), 10000, monday)
	for b.Loop() {
		if _, err := Fold(b.Context(), sources, monday); err != nil {
			b.Fatal(err)
		}
	}
}
