package space

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// What prune says that it frees does become free, whatever mixture goes: layers, what undo would
// bring back, build directories, records of the warehouse; also where somebody has made
// snapshots, or clones of single files.
func TestPruneFreesWhatItSays(t *testing.T) {
	for name, mount := range map[string]func(testing.TB, ...loopfs.Option) string{"btrfs-none": loopfs.Btrfs, "btrfs-zstd": loopfs.Btrfs, "xfs": loopfs.XFS} {
		fs, compression, _ := strings.Cut(name, "-")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(2) {
				t.Run(fmt.Sprint(seed), func(t *testing.T) {
					m := &mixture{TB: t, dir: mount(t, loopfs.Size(1<<30)), rng: rand.New(rand.NewPCG(seed, 2)), btrfs: fs == "btrfs", compression: compression}
					m.fill()
					m.age()
					for range 2 {
						m.prune()
					}
				})
			}
		})
	}
}

// mixture is a file system with all that prune removes.
type mixture struct {
	testing.TB
	dir   string
	rng   *rand.Rand
	btrfs bool
	home  *fixture.Checkout

	compression string // of the build directories
}

// megabytes has the program hold so much that nobody else has.
func (m *mixture) megabytes(c *fixture.Checkout, n float64) {
	b := make([]byte, int(n*(1<<19)))
	for i := range b {
		b[i] = byte(m.rng.Uint32())
	}
	c.Write("src/blob", fmt.Sprintf("%x", b))
}

func (m *mixture) build(c *fixture.Checkout) {
	m.megabytes(c, 0.5+3*m.rng.Float64())
	c.Must("cargo", "build", "--quiet")
}

func (m *mixture) fill() {
	w := fixture.NewWorld(m, filepath.Join(m.dir, "w"), "RUSTC_WRAPPER="+fixture.Wrapper(m), "CARGO_INCREMENTAL=0", "XDG_CONFIG_HOME="+filepath.Join(m.dir, "w", "config"))
	w.At("config").Write("cargo-cow/config.yaml", fmt.Sprintf("compression: %q\n", m.compression))
	m.home = w.At("home")
	m.home.Write("Cargo.toml", "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n")
	m.home.Write("src/main.rs", "static BLOB: &[u8] = include_bytes!(\"blob\");\nfn main() { println!(\"{}\", BLOB.len()); }\n")
	m.home.Write(".gitignore", "target\n")
	m.megabytes(m.home, 1)
	m.home.Repository()
	m.home.Cow("init")
	for range 4 {
		m.build(m.home)
		m.home.Cow("snapshot")
	}
	// Somebody else's. Of a copy on XFS the file system does not tell, where several others share the data, too.
	if m.btrfs {
		m.home.Must("btrfs", "subvolume", "snapshot", m.home.Target(), m.home.World.Path("of-a-tool"))
	}
	m.build(m.home)
	m.home.Must("cp", "--reflink=always", m.home.Target("debug", "app"), m.home.World.Path("kept"))
	for i := range 3 {
		c := m.home.Worktree(fmt.Sprint("tree", i))
		c.Cow("restore")
		m.build(c)
		c.Cow("restore") // over it
		m.build(c)
		if i > 0 {
			c.Cow("snapshot")
		}
		if i == 2 { // abandoned
			c.Must("sh", "-c", "find . -mindepth 1 -maxdepth 1 ! -name 'target*' -exec rm -rf {} +")
		}
	}
}

// age has each be of one of two times.
func (m *mixture) age() {
	m.Helper()
	store := m.home.World.Path("store")
	old := func(path string) {
		then := time.Now().Add(-time.Duration(20+20*m.rng.IntN(2)) * 24 * time.Hour)
		err := filepath.WalkDir(path, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.Type()&os.ModeSymlink == 0 {
				err = os.Chtimes(path, then, then)
			}
			return err
		})
		if err != nil {
			m.Fatal(err)
		}
	}
	ids, err := filepath.Glob(filepath.Join(store, "lastuse", "*"))
	if err != nil || len(ids) < 5 {
		m.Fatalf("%d layers, %v", len(ids), err)
	}
	for _, id := range ids {
		old(id)
	}
	m.home.Must("sh", "-c", `sed -i 's/"sealed": "[^"]*"/"sealed": "2020-01-01T00:00:00Z"/' `+store+"/records/*.json; rm -f "+store+"/catalog")
	for _, dir := range []string{"warehouse/units/*/*", "warehouse/files/*/*"} {
		paths, err := filepath.Glob(filepath.Join(store, dir))
		if err != nil || len(paths) == 0 {
			m.Fatalf("%s: %d, %v", dir, len(paths), err)
		}
		for _, p := range paths {
			old(p)
		}
	}
	for i := range 3 {
		old(m.home.World.Path(fmt.Sprint("tree", i), "target"))
		old(m.home.World.Path(fmt.Sprint("tree", i), "target.cargo-cow-undo"))
	}
}

// prune removes some of it, and compares.
func (m *mixture) prune() {
	m.Helper()
	args := []string{"prune", "--margin=none", "--wait"}
	switch m.rng.IntN(3) {
	case 0:
		args = append(args, "--max-age=30d")
	case 1:
		args = append(args, fmt.Sprintf("--free=%dMB", 4+m.rng.IntN(20)))
	case 2:
		args = append(args, "--max-age=10d", "--gone-worktrees", "--targets="+m.home.World.Path("tree0"))
	}
	before := loopfs.Free(m, m.dir)
	var says int64
	var what []string
	for _, line := range m.home.Cow(args...) {
		switch line["reason"] {
		case "prune":
			says = int64(line["frees"].(float64))
		case "remove":
			what = append(what, "layer")
		case "remove-tree":
			what = append(what, fmt.Sprint(line["kind"]))
		case "prune-warehouse":
			what = append(what, fmt.Sprint(line["records"], " records"))
		}
	}
	freed := loopfs.Free(m, m.dir) - before
	// What the file system needs for itself comes and goes: directories, the store's small files.
	if off := freed - says; max(off, -off) > max(says, freed)/50+256<<10 {
		m.Errorf("%q: says %d, and %d have become free; removed %s", args, says, freed, strings.Join(what, ", "))
	}
	m.Logf("%q: says %d, freed %d; removed %s", args, says, freed, strings.Join(what, ", "))
}
