package soundness

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// The programs have the tag that lets single rules be switched off.
func TestMain(m *testing.M) { fixture.Main(m, "-tags=cowtest") }

// btrfs mounts a file system big enough for all worlds of a test. The image is
// sparse, so the size costs nothing.
func btrfs(t testing.TB) string {
	t.Helper()
	return loopfs.Btrfs(t, loopfs.Size(16<<30))
}

// A world holds an origin, a checkout made from it, and whatever lies beside them.
type world struct {
	fixture.World
	origin   *fixture.Checkout
	checkout *fixture.Checkout
	// restored has the lines of the latest restore.
	restored []map[string]any
	// wrapped is more environment of builds in the restored checkout, elsewhere the
	// crates that were last compiled at another checkout's path there.
	wrapped   []string
	elsewhere []string
	edited    time.Time // when the checkout's sources were last changed, for what asks
}

// newWorld makes an empty world in dir.
func newWorld(t testing.TB, dir string, env ...string) *world {
	t.Helper()
	w := &world{World: fixture.NewWorld(t, dir, append([]string{fixture.InPath(t)}, env...)...)}
	w.begin(t)
	return w
}

// begin is the world as a test sees it that has done nothing in it yet.
func (w *world) begin(t testing.TB) {
	w.T = t
	w.origin, w.checkout = w.At("a"), w.At("b")
}

// lay writes the archive's files whose name begins with from+"/" under the
// directory to. $W in them is the world's directory.
func (w *world) lay(ar *txtar.Archive, from, to string) {
	w.T.Helper()
	for _, f := range ar.Files {
		if name, ok := strings.CutPrefix(f.Name, from+"/"); ok {
			w.Write(filepath.Join(to, name), strings.ReplaceAll(string(f.Data), "$W", w.Dir))
		}
	}
}

// touch gives names, in the world, the time at.
func (w *world) touch(at time.Time, names ...string) {
	w.T.Helper()
	for _, name := range names {
		if err := os.Chtimes(w.Path(name), at, at); err != nil {
			w.T.Fatal(err)
		}
	}
}

// commit makes the origin a git repository with a lockfile and everything in
// it committed.
func (w *world) commit() {
	w.T.Helper()
	if !fixture.Exists(w.origin.Path(".gitignore")) {
		w.origin.Write(".gitignore", "/target\n")
	}
	w.origin.Must("cargo", "generate-lockfile", "--quiet")
	w.origin.Repository()
}

// build commits the origin and builds it.
func (w *world) build() {
	w.T.Helper()
	w.commit()
	w.origin.Build("build")
}

// explained lists the units that cargo-cow says will be rebuilt, as far as
// cargo reported on them in b: a build directory holds units of other commands.
func explained(t testing.TB, lines []map[string]any, b *fixture.Build) []string {
	t.Helper()
	dirty := map[string]bool{}
	for _, l := range lines {
		if l["reason"] != "unit" || l["verdict"] != "dirty" {
			continue
		}
		u := fixture.Unit{Package: l["package"].(string), Target: l["target"].(string), Kind: fixture.UnitKind(l["kind"].(string), l["test"] == true)}
		if _, ok := b.Fresh[u]; ok {
			dirty[u.String()] = true
		}
	}
	return slices.Sorted(maps.Keys(dirty))
}

// reasons lists why cargo-cow has units rebuilt, for the log of a failure.
func reasons(lines []map[string]any) []string {
	var list []string
	for _, l := range lines {
		if l["reason"] == "unit" && l["verdict"] == "dirty" {
			list = append(list, fmt.Sprintf("%v/%v/%v: %v: %v", l["package"], l["target"], l["kind"], l["rule"], l["detail"]))
		}
	}
	return list
}
