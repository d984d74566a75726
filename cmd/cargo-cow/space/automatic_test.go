package space

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/btrfs"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/autoprune"
	"github.com/cargo-cow/cargo-cow/layers/lastuse"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/prune"
)

// What stays of layers that nobody has asked for (docs/design/0028, rule 7).
const (
	ofCheckout      = 2
	ofDependencySet = 8
	// What is used within these minutes of being sealed was sealed for that.
	sealedFor = 10 * time.Minute
)

// worth is how many build directories the store may take, counted in what nothing else holds. Of each of five dependency sets
// there are ofDependencySet layers, and those that were restored again within the week; a layer has an eighth or so of a build
// directory that no other one has. All 180 that such a month seals would take some twenty.
const worth = 8

// A month of somebody who has run `cargo cow enable` and no command of ours since: worktrees and clones are made, built,
// edited, built and removed, while the project goes on, and so do its dependencies. The clock of the store is put forward by
// making all that it has noted older. Twenty checkouts are what every run has the time for; make soak makes 200.
func TestNothingIsTyped(t *testing.T) {
	checkouts := 20
	if text := os.Getenv("CARGO_COW_TEST_CHECKOUTS"); text != "" {
		var err error
		if checkouts, err = strconv.Atoi(text); err != nil || checkouts < 20 {
			t.Fatalf("CARGO_COW_TEST_CHECKOUTS=%s: want a number from 20", text)
		}
	}
	const days = 30
	q := newQuiet(t)
	q.build(q.home)
	for i := range checkouts {
		name := fmt.Sprint("c", i)
		if i%min(checkouts/2, 50) == 2 { // other dependencies
			q.bump(i)
		}
		if i%2 == 1 { // what the main checkout has gone on to be
			q.edit(q.home, "home"+name)
			q.home.Commit(name)
			q.build(q.home)
		}
		c := q.another(i, name)
		q.warm(c)
		if i%3 != 2 {
			q.edit(c, name)
			q.build(c)
		}
		q.trees = append(q.trees, c)
		if len(q.trees) > 3 {
			q.leave(i)
		}
		q.pass(days * 24 * time.Hour / time.Duration(checkouts))
		q.tidy()
	}
	q.end()
	t.Logf("%d checkouts in %d days, %d of them warm: %d layers sealed, at most %d at once; %d prunes. A build directory has %.1f MB; the store at most %.1f MB that nothing else holds, in the end %.1f MB",
		checkouts, days, q.warmed, len(q.sealed), q.most, q.prunes, mb(q.buildDir), mb(q.largest), mb(q.last))
	if q.warmed < checkouts*3/4 || len(q.sealed) < checkouts/3 || q.prunes < min(checkouts, days)/2 {
		t.Error("this month has not shown anything")
	}
}

func mb(n int64) float64 { return float64(n) / (1 << 20) }

// quiet is where that month has come to.
type quiet struct {
	t     *testing.T
	store string
	home  *fixture.Checkout
	trees []*fixture.Checkout

	sealed                  map[string]bool // layers that there ever were
	warmed, most, prunes    int
	pruned                  time.Time
	buildDir, largest, last int64
}

func newQuiet(t *testing.T) *quiet {
	mount := loopfs.Btrfs(t, loopfs.Size(8<<30))
	dir := mount + "/w"
	w := fixture.NewWorld(t, dir, "CARGO_COW_STORE=", "XDG_CONFIG_HOME="+dir+"/config", "XDG_DATA_HOME="+dir+"/data", "XDG_CACHE_HOME="+dir+"/cache",
		fixture.InPath(t), "RUSTC_WRAPPER="+fixture.Wrapper(t))
	w.Write("data/cargo-cow/automatic", "")
	q := &quiet{t: t, store: filepath.Join(mount, paths.BesideStore()), home: w.At("home"), sealed: map[string]bool{}}
	q.home.Write("Cargo.toml", "[workspace]\nmembers = [\"app\", \"dep\"]\nresolver = \"2\"\n")
	q.home.Write("app/Cargo.toml", "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\ndep = { path = \"../dep\" }\n")
	q.home.Write("app/src/main.rs", "fn main() { println!(\"{} {}\", include_str!(\"text\"), dep::name()); }\n")
	q.home.Write("app/src/text", "home")
	q.home.Write("dep/src/lib.rs", "pub fn name() -> &'static str { concat!(env!(\"CARGO_PKG_VERSION\"), include_str!(\"text\")) }\n")
	q.home.Write("dep/src/text", "home")
	q.home.Write(".gitignore", "target\n")
	q.version(0)
	q.home.Repository()
	return q
}

func (q *quiet) version(n int) {
	q.home.Write("dep/Cargo.toml", fmt.Sprintf("[package]\nname = \"dep\"\nversion = \"0.1.%d\"\nedition = \"2021\"\n", n))
	q.home.Must("cargo", "generate-lockfile", "--offline")
}

// bump changes the lockfile.
func (q *quiet) bump(n int) {
	q.version(n)
	q.home.Commit(fmt.Sprint("version ", n))
	q.build(q.home)
}

// another makes a checkout in one of three ways. The one that is copied may be built from what was never committed.
func (q *quiet) another(i int, name string) *fixture.Checkout {
	switch c := q.home.World.At(name); {
	case i%5 == 1:
		q.home.Must("git", "clone", "--quiet", q.home.Dir, c.Dir)
		return c
	case i%5 == 3 && len(q.trees) > 0:
		from := q.trees[len(q.trees)-1]
		from.Must("sh", "-c", `mkdir "$1" && git archive HEAD | tar -x -C "$1" && cp -p app/src/text "$1/app/src/text"`, "sh", c.Dir)
		return c
	}
	return q.home.Worktree(name)
}

// edit changes a package, the lower one mostly.
func (q *quiet) edit(c *fixture.Checkout, text string) {
	c.Write("app/src/text", text)
	if len(text)%2 == 0 {
		c.Write("dep/src/text", text)
	}
}

// warm builds for the first time, and counts where something was found.
func (q *quiet) warm(c *fixture.Checkout) {
	q.t.Helper()
	for _, m := range fixture.Messages(c.Must("cargo", "build", "--message-format=json").Stdout) {
		if m.Reason == "compiler-artifact" && m.Fresh {
			q.warmed++
			break
		}
	}
	q.says(c)
}

// build builds for other than the first time.
func (q *quiet) build(c *fixture.Checkout) {
	q.t.Helper()
	c.Must("cargo", "build", "--quiet")
	q.says(c)
}

// says fails if the program is not that of the sources.
func (q *quiet) says(c *fixture.Checkout) {
	q.t.Helper()
	_, version, _ := strings.Cut(c.Read("dep/Cargo.toml"), "version = \"")
	version, _, _ = strings.Cut(version, "\"")
	want := c.Read("app/src/text") + " " + version + c.Read("dep/src/text")
	if got := strings.TrimSpace(c.Must(c.Target("debug", "app")).Stdout); got != want {
		q.t.Fatalf("stale: in %s the program says %q, its sources %q", c.Dir, got, want)
	}
}

// leave removes one of the checkouts; every second time git is told.
func (q *quiet) leave(i int) {
	at := i % 3
	c := q.trees[at]
	q.trees = slices.Delete(q.trees, at, at+1)
	if i%2 == 0 && fixture.Exists(c.Path(".git")) && q.home.Run("git", "worktree", "remove", "--force", c.Dir).Code == 0 {
		return
	}
	q.home.Must("rm", "-rf", c.Dir)
	q.home.Must("git", "worktree", "prune")
}

// pass puts the clock forward by some time: whatever the store has noted is older by that. What runs in the background has
// come to its end before.
func (q *quiet) pass(d time.Duration) {
	q.t.Helper()
	fixture.Eventually(q.t, "the end of prunes", func() bool { return !q.isPruning() })
	older := func(path string) {
		fi, err := os.Lstat(path)
		if err == nil {
			err = os.Chtimes(path, time.Time{}, fi.ModTime().Add(-d))
		}
		if err != nil {
			q.t.Fatal(err)
		}
	}
	for _, path := range q.files(paths.StoreLastUse, "*") {
		older(path)
	}
	for _, path := range q.files(paths.StoreRecords, "*.json") {
		q.rewrite(path, "sealed", d)
	}
	for _, path := range q.files(paths.StoreUnasked, "*.json") {
		q.rewrite(path, "at", d)
	}
	older(filepath.Join(q.store, paths.StoreAutoPrune))
	if !q.pruned.IsZero() {
		q.pruned = q.pruned.Add(-d)
	}
}

// isPruning reports whether a prune of the store is under way.
func (q *quiet) isPruning() bool {
	running, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(running) == 0 {
		q.t.Fatalf("no processes are found: %v", err)
	}
	return slices.ContainsFunc(running, func(path string) bool {
		line, err := os.ReadFile(path) // one that has ended is none
		return err == nil && strings.Contains(string(line), "\x00"+q.store+"\x00prune\x00")
	})
}

func (q *quiet) files(dir, pattern string) []string {
	list, err := filepath.Glob(filepath.Join(q.store, dir, pattern))
	if err != nil || len(list) == 0 {
		q.t.Fatalf("there is nothing in %s: %v", dir, err)
	}
	return list
}

// rewrite makes a time in a file older.
func (q *quiet) rewrite(path, key string, d time.Duration) {
	q.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		q.t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		q.t.Fatal(err)
	}
	was, err := time.Parse(time.RFC3339Nano, fmt.Sprint(all[key]))
	if err != nil {
		q.t.Fatal(err)
	}
	all[key] = was.Add(-d)
	if text, err = json.Marshal(all); err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		q.t.Fatal(err)
	}
}

func (q *quiet) open() *layers.Store {
	q.t.Helper()
	st, err := layers.Open(q.t.Context(), layers.Options{
		Dir: q.store, Driver: btrfs.New(), Tool: "test", Self: fixture.Program(q.t), Temp: q.t.TempDir(), Now: time.Now,
	})
	if err != nil {
		q.t.Fatal(err)
	}
	return st
}

// tidy looks at what is kept by now.
func (q *quiet) tidy() {
	q.t.Helper()
	st := q.open()
	list, err := st.Layers(q.t.Context())
	if err != nil {
		q.t.Fatal(err)
	}
	q.most = max(q.most, len(list))
	origins, sets := map[[2]string]int{}, map[string]int{}
	for i := range list {
		r := &list[i]
		q.sealed[r.ID] = true
		if !r.Automatic {
			q.t.Errorf("somebody has asked for %s", r.ID)
		}
		used := lastuse.Read(filepath.Join(q.store, paths.StoreLastUse), r.ID)
		if used.Sub(r.Created) > sealedFor && time.Since(used) < prune.Careful.Layer {
			continue // restored again
		}
		origins[[2]string{r.Origin, r.Fingerprint}]++
		sets[r.Fingerprint]++
	}
	for o, n := range origins {
		if n > ofCheckout {
			q.t.Errorf("%d layers of %s", n, o[0])
		}
	}
	for set, n := range sets {
		if n > ofDependencySet {
			q.t.Errorf("%d layers of dependency set %s", n, set)
		}
	}
	if r := autoprune.Last(q.store); r != nil && r.Began.After(q.pruned.Add(time.Hour)) {
		q.prunes, q.pruned = q.prunes+1, r.Began
		if r.Error != "" {
			q.t.Errorf("a prune: %s", r.Error)
		}
	}
	q.measure(st)
}

// measure fails if the store takes too much.
func (q *quiet) measure(st *layers.Store) {
	q.t.Helper()
	found, err := st.Survey(q.t.Context(), st.BuildDirs(q.t.Context()))
	if err != nil {
		q.t.Fatal(err)
	}
	all := map[int]bool{}
	for i := range found.Holdings {
		h := &found.Holdings[i]
		if h.Kind == "layer" || h.Kind == "warehouse" {
			all[i] = true
		}
		if h.Path == q.home.Target() {
			q.buildDir = max(q.buildDir, h.Bytes)
		}
	}
	q.last = found.Frees(all)
	q.largest = max(q.largest, q.last)
	if q.last > worth*q.buildDir {
		q.t.Errorf("the store takes %.1f MB, more than %d build directories of %.1f MB", mb(q.last), worth, mb(q.buildDir))
	}
}

// end reads all there is.
func (q *quiet) end() {
	q.t.Helper()
	if problems, err := q.open().Check(q.t.Context(), layers.Checking{Deep: true}); err != nil || len(problems) > 0 {
		q.t.Errorf("in the end: %v, %+v", err, problems)
	}
	for _, c := range append(q.trees, q.home) {
		q.build(c)
	}
}
