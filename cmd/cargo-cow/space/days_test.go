package space

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/cmd/internal/pruning"
	"github.com/cargo-cow/cargo-cow/driver/btrfs"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/autoprune"
	"github.com/cargo-cow/cargo-cow/layers/prune"
)

func TestMain(m *testing.M) { fixture.Main(m) }

// goal is what the store may take. What the month below makes is some three times as much, and
// what is in use within any week of it some four fifths.
const goal = 60 << 20

// A month of a heavy user: ten worktrees a day, of which two build and are sealed; lockfiles
// change, and so do toolchains; worktrees live for two days. The store stays under its goal by
// itself, and nobody misses a layer that was used within the week before. Half of it is what
// every run has the time for; make soak goes through all.
func TestThirtyDays(t *testing.T) {
	days := 14
	if text := os.Getenv("CARGO_COW_TEST_DAYS"); text != "" {
		var err error
		if days, err = strconv.Atoi(text); err != nil || days < 14 || days > 30 {
			t.Fatalf("CARGO_COW_TEST_DAYS=%s: want a number from 14 to 30", text)
		}
	}
	m := newMonth(t)
	toolchains := []string{"1.95.0", "1.99.1", "beta"}
	for day := range days {
		m.now = m.begin.Add(time.Duration(day)*24*time.Hour + 8*time.Hour)
		if day%3 == 0 {
			m.bump(day, toolchains[day/10])
		}
		for i := range 10 {
			m.now = m.now.Add(40 * time.Minute)
			c := m.home.Worktree(fmt.Sprintf("day%d-%d", day, i))
			m.trees = append(m.trees, tree{c, day})
			m.restore(c, "")
			if i%5 == 0 {
				m.change(c)
				m.build(c)
				m.snapshot(c)
			}
			m.tidy()
		}
		c := m.home.Worktree(fmt.Sprintf("day%d-again", day))
		m.trees = append(m.trees, tree{c, day})
		m.restore(c, m.usedLately())
		m.removeTrees(day - 1)
	}
	t.Logf("%d snapshots; %d prunes removed %d layers and freed %d MB, in %v, the longest in %v; the largest store after one had %d MB",
		m.sealed, m.prunes, m.removed, m.freed>>20, m.took.Round(time.Millisecond), m.longest.Round(time.Millisecond), m.largest>>20)
	if m.prunes < days-5 || m.removed == 0 || m.freed < goal*int64(days-10)/20 {
		t.Error("these days have not asked for anything")
	}
}

type tree struct {
	*fixture.Checkout
	day int
}

// month is where the month has come to.
type month struct {
	t          *testing.T
	home       *fixture.Checkout
	trees      []tree
	begin, now time.Time
	env        []string
	used       map[string]time.Time // layers, and when they were last used

	sealed, prunes, removed int
	freed, largest          int64
	took, longest           time.Duration
}

func newMonth(t *testing.T) *month {
	w := fixture.NewWorld(t, filepath.Join(loopfs.Btrfs(t, loopfs.Size(8<<30)), "w"))
	m := &month{t: t, home: w.At("home"), begin: time.Now().Add(-31 * 24 * time.Hour).Truncate(24 * time.Hour), used: map[string]time.Time{}}
	m.home.Write("Cargo.toml", "[workspace]\nmembers = [\"app\", \"dep\"]\nresolver = \"2\"\n")
	m.home.Write("app/Cargo.toml", "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\ndep = { path = \"../dep\" }\n")
	m.home.Write("app/src/main.rs", "static BLOB: &[u8] = include_bytes!(\"blob\");\nfn main() { println!(\"{} {}\", BLOB.len(), dep::name()); }\n")
	m.home.Write("dep/Cargo.toml", "[package]\nname = \"dep\"\nversion = \"0.1.0\"\nedition = \"2021\"\n")
	m.home.Write("dep/src/lib.rs", "pub fn name() -> &'static str { env!(\"CARGO_PKG_VERSION\") }\n")
	m.home.Write(".gitignore", "target\n")
	m.blob(m.home)
	m.home.Repository()
	m.home.Cow("init")
	return m
}

// blob gives the program a megabyte that nobody else has.
func (m *month) blob(c *fixture.Checkout) {
	b := make([]byte, 1<<19)
	rand.Read(b)
	c.Write("app/src/blob", hex.EncodeToString(b))
}

// bump changes the lockfile, and goes to a toolchain.
func (m *month) bump(day int, toolchain string) {
	m.env = []string{"RUSTUP_TOOLCHAIN=" + toolchain}
	m.home.Write("dep/Cargo.toml", fmt.Sprintf("[package]\nname = \"dep\"\nversion = \"0.1.%d\"\nedition = \"2021\"\n", day))
	m.blob(m.home)
	m.build(m.home)
	m.home.Commit(fmt.Sprint("day ", day))
	m.snapshot(m.home)
}

func (m *month) change(c *fixture.Checkout) { m.blob(c) }

func (m *month) build(c *fixture.Checkout) { c.With(m.env...).Must("cargo", "build", "--quiet") }

// open opens the store by the clock of the month.
func (m *month) open(c *fixture.Checkout) (*layers.Store, *layers.Checkout) {
	m.t.Helper()
	store := c.World.Path("store")
	s, err := open.New(open.Options{Dir: c.Dir, Store: store, Environ: slices.Concat(c.Env, m.env), Tool: "test"})
	if err != nil {
		m.t.Fatal(err)
	}
	co, err := s.Checkout(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	st, err := layers.Open(m.t.Context(), layers.Options{
		Dir: store, Driver: btrfs.New(), Tool: "test", Self: fixture.Program(m.t), Temp: m.t.TempDir(),
		Now: func() time.Time { return m.now }, Named: true,
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return st, co
}

func (m *month) restore(c *fixture.Checkout, from string) {
	m.t.Helper()
	st, co := m.open(c)
	rep, err := st.Restore(m.t.Context(), co, layers.RestoreOptions{From: from})
	if err != nil {
		m.t.Fatalf("restore %q in %s: %v", from, c.Dir, err)
	}
	m.used[rep.ID] = m.now
}

func (m *month) snapshot(c *fixture.Checkout) {
	m.t.Helper()
	st, co := m.open(c)
	rep, err := st.Snapshot(m.t.Context(), co, layers.SnapshotOptions{})
	if err != nil {
		m.t.Fatal(err)
	}
	if !rep.CreatedNew {
		m.t.Fatalf("nothing was built in %s", c.Dir)
	}
	m.sealed++
	m.used[rep.ID], m.used[rep.Parent] = m.now, m.now
}

// usedLately is the layer that was used longest ago within the last week.
func (m *month) usedLately() (id string) {
	for l, at := range m.used {
		if idle := m.now.Sub(at); l != "" && idle < 7*24*time.Hour-time.Hour && (id == "" || at.Before(m.used[id])) {
			id = l
		}
	}
	return id
}

// tidy is what each command ends with.
func (m *month) tidy() {
	m.t.Helper()
	st, _ := m.open(m.home)
	before := autoprune.Last(st.Dir())
	settings := open.AutoPrune{Every: 24 * time.Hour, KeepUnder: open.Part{Bytes: goal}, MaxAge: open.DefaultAutoPrune.MaxAge}
	if err := pruning.Auto(m.t.Context(), st, settings, m.now); err != nil {
		m.t.Fatal(err)
	}
	r := autoprune.Last(st.Dir())
	if r == nil || before != nil && r.Began.Equal(before.Began) {
		return
	}
	m.prunes, m.removed, m.freed, m.took, m.longest = m.prunes+1, m.removed+r.Layers, m.freed+r.Freed, m.took+r.Took, max(m.longest, r.Took)
	if r.Error != "" || r.Size > goal {
		m.t.Errorf("%v: %+v", m.now, r)
	}
	// That is the truth: so much would become free without the store.
	found, err := st.Survey(m.t.Context(), st.BuildDirs(m.t.Context()))
	if err != nil {
		m.t.Fatal(err)
	}
	all := map[int]bool{}
	for i := range found.Holdings {
		if found.Holdings[i].Kind == "layer" {
			all[i] = true
		}
	}
	takes := found.Frees(all)
	m.largest = max(m.largest, takes)
	if takes > goal {
		m.t.Errorf("%v: after a prune the store takes %d", m.now, takes)
	}
	for id, at := range m.used {
		if _, err := st.Layer(m.t.Context(), id); id != "" && err != nil {
			if m.now.Sub(at) < prune.Careful.Layer {
				m.t.Errorf("%v: %s was used %v ago: %v", m.now, id, m.now.Sub(at), err)
			}
			delete(m.used, id)
		}
	}
}

// removeTrees removes the worktrees of a day and those before.
func (m *month) removeTrees(day int) {
	m.trees = slices.DeleteFunc(m.trees, func(t tree) bool {
		if t.day <= day {
			m.home.Must("git", "worktree", "remove", "--force", t.Dir)
		}
		return t.day <= day
	})
}
