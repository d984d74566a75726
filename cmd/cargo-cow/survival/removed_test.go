package survival

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/faultdisk"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// A removal is a command that removes layers. Dying at one of its points leaves
// the first of them whole, or gone, as the table says.
type removal struct {
	args func(label string) []string
	done map[string]bool // by point
}

var removalPoints = map[string]bool{"remove.unrecorded": false, "remove.trashed": true, "remove.done": true}

var removals = map[string]removal{
	"rm":    {func(label string) []string { return []string{"rm", label} }, removalPoints},
	"prune": {func(string) []string { return []string{"prune", "--max-age=1d", "--labelled"} }, removalPoints},
}

// label seals the origin once more, as a layer with a label, and returns its id.
func (w *world) label(label string) string {
	w.T.Helper()
	id, _ := w.origin.cow("snapshot", "--label="+label)["layer"].(string)
	if id == "" {
		w.T.Fatalf("no layer %s", label)
	}
	return id
}

// age makes a layer one that was sealed, and last used, so long ago.
func (w *world) age(id string, by time.Duration) {
	w.T.Helper()
	then := time.Now().Add(-by)
	path := filepath.Join(w.store, "records", id+".json")
	b, err := os.ReadFile(path)
	if err != nil {
		w.T.Fatal(err)
	}
	var record map[string]any
	if err := json.Unmarshal(b, &record); err != nil {
		w.T.Fatal(err)
	}
	record["sealed"] = then
	if b, err = json.Marshal(record); err != nil {
		w.T.Fatal(err)
	}
	// In one step: others may read it, and mend one that is empty.
	aged := filepath.Join(w.store, "aged-"+id)
	if err := errors.Join(os.WriteFile(aged, b, 0o600), os.Rename(aged, path)); err != nil {
		w.T.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(w.store, "lastuse", id), then, then); err != nil {
		w.T.Fatal(err)
	}
}

// listed returns the labels of all layers, sorted.
func (c *checkout) listed() []string {
	c.T.Helper()
	r := c.TryCow("list")
	var all []string
	for line := range strings.Lines(r.Stdout) {
		var v struct{ Label string }
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			c.T.Fatalf("list: %v: %v", err, r)
		}
		all = append(all, v.Label)
	}
	slices.Sort(all)
	return all
}

// forgotten checks that nothing in the store is named for a layer.
func (c *checkout) forgotten(id string) {
	c.T.Helper()
	left, err := filepath.Glob(filepath.Join(c.w.store, "*", "*"+id+"*"))
	if err != nil {
		c.T.Fatal(err)
	}
	if len(left) > 0 {
		c.T.Errorf("of a removed layer is left %q", left)
	}
}

// restores checks that a layer is whole: a new worktree made from it is fresh.
func (c *checkout) restores(label string) {
	c.T.Helper()
	q := c.w.checkout(fmt.Sprintf("from-%s-%d", label, time.Now().UnixNano())).in(c.T)
	if a := q.cow("restore", "--from="+label); a["rebuild"] != 0.0 {
		c.T.Errorf("restore from %s says %v", label, a)
	}
	q.builds(nil, "first")
}

func TestRemovalKilled(t *testing.T) {
	for name, s := range removals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newScenarioWorld(t)
			for _, point := range slices.Sorted(maps.Keys(s.done)) {
				t.Run(point, func(t *testing.T) { s.killed(t, w, point, s.done[point]) })
			}
		})
	}
}

func (s removal) killed(t *testing.T, w *world, point string, done bool) {
	p := w.origin.in(t)
	label := "doomed-" + point
	id := w.label(label)
	w.age(id, 48*time.Hour)
	args := s.args(label)
	r := p.with("CARGO_COW_CRASHPOINT=" + point + "=kill").TryCow(args...)
	if r.Signal != syscall.SIGKILL {
		t.Fatalf("the command did not die at %s: %v", point, r)
	}
	p.checks()
	p.tidy()
	if there := slices.Contains(p.listed(), label); there == done {
		t.Errorf("after it died at %s the layer is listed: %v, want %v", point, there, !done)
	}
	if done {
		p.forgotten(id)
	} else {
		p.restores(label)
		w.age(id, 48*time.Hour)
	}
	again := p.TryCow(args...)
	if want := map[bool]int{true: 4}[done && args[0] == "rm"]; again.Code != want {
		t.Errorf("again, want exit code %d: %v", want, again)
	}
	p.forgotten(id)
	p.checks()
	p.tidy()
	p.restores("first")
	p.builds(nil, "first")
}

// An error on the way is told, and leaves nothing behind.
func TestRemovalFailed(t *testing.T) {
	t.Parallel()
	w := newScenarioWorld(t)
	for point, done := range removalPoints {
		t.Run(point, func(t *testing.T) {
			p := w.origin.in(t)
			label := "doomed-" + point
			id := w.label(label)
			r := p.with("CARGO_COW_CRASHPOINT="+point+"=error").TryCow("rm", "--wait", label)
			fails(t, r, 1, "injected fault")
			p.tidy()
			p.checks()
			if done {
				p.forgotten(id)
				return
			}
			p.restores(label)
			p.cow("rm", "--wait", label)
			p.forgotten(id)
		})
	}
}

// The rest is removed though one of them fails.
func TestRemovalFailedInPart(t *testing.T) {
	t.Parallel()
	w := newScenarioWorld(t)
	w.label("one")
	held := w.label("held")
	w.label("two")
	b := w.checkout("b")
	restore := b.StopCow("restore.staged", "restore", "--from=held")
	r := w.origin.TryCow("rm", "--wait", "one", "held", "two")
	if e := r.Line(t, "error"); r.Code != 3 || e == nil || e["code"] != 5.0 {
		t.Errorf("rm, want exit code 3 and an error with 5: %v", r)
	}
	if got := w.origin.listed(); !slices.Equal(got, []string{"", "first", "held"}) {
		t.Errorf("layers %q", got)
	}
	restore.Signal(syscall.SIGCONT)
	restore.Ends()
	b.builds(nil, "first")
	w.origin.cow("rm", "--wait", "held")
	w.origin.forgotten(held)
	w.origin.checks()
}

// A layer that is being restored stays, whoever would have it go and however long
// the restore takes.
func TestRemoveWhileRestoring(t *testing.T) {
	t.Parallel()
	for _, point := range []string{"restore.verified", "restore.cloned", "restore.staged"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			w := newScenarioWorld(t)
			id := w.label("wanted")
			b := w.checkout("b")
			restore := b.StopCow(point, "restore", "--from=wanted")
			w.age(id, 48*time.Hour)
			fails(t, w.origin.TryCow("rm", "--wait", "wanted"), 5, "layer is in use")
			r := w.origin.TryCow("prune", "--labelled", "--max-age=1d")
			if a := r.Line(t, "prune"); r.Code != 0 || a["removed"] != 0.0 {
				t.Errorf("prune: %v", r)
			}
			if a := r.Line(t, "plan"); a["layer"] != id || a["why"] != "leased" {
				t.Errorf("the plan begins with %v, want the layer in use", a)
			}
			restore.Signal(syscall.SIGCONT)
			restore.Ends()
			b.builds(nil, "first")
			w.origin.checks()
			w.origin.cow("rm", "--wait", "wanted")
			w.origin.forgotten(id)
			b.builds(nil, "first")
			w.origin.checks()
		})
	}
}

// A layer on its way out is offered to nobody: a restore takes another and says
// which, a check finds nothing wrong, and nothing is left of it in the end.
func TestRestoreWhileRemoving(t *testing.T) {
	t.Parallel()
	for point, listed := range map[string]bool{"remove.unrecorded": true, "remove.trashed": false} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			w := newScenarioWorld(t)
			first := newest(w.origin)
			id := w.label("doomed")
			rm := w.origin.StopCow(point, "rm", "--wait", "doomed")
			b := w.checkout("b")
			if a := b.cow("restore"); a["layer"] != first {
				t.Errorf("the restore took %v, want %s, the newest that stays", a, first)
			}
			b.builds(nil, "first")
			fails(t, b.TryCow("restore", "--from=doomed"), 4, "no such layer")
			if listed { // to be told that somebody is at it
				fails(t, b.TryCow("rm", "--wait", "doomed"), 5, "in use")
			}
			w.origin.checks()
			// The build directory says of itself that it is that layer.
			if a := w.origin.cow("snapshot"); !listed && a["layer"] == id {
				t.Errorf("the snapshot names a layer that is gone: %v", a)
			}
			rm.Signal(syscall.SIGCONT)
			rm.Ends()
			w.origin.forgotten(id)
			w.origin.checks()
			w.origin.tidy()
			w.origin.restores("first")
		})
	}
}

// Restores in many checkouts while layer after layer goes: each gets one that is
// whole.
func TestRemovalsAndRestoresAtOnce(t *testing.T) {
	t.Parallel()
	w := newScenarioWorld(t)
	var doomed []string
	for i := range 8 {
		label := fmt.Sprint("doomed-", i)
		id := w.label(label)
		if i%2 == 0 {
			w.age(id, 48*time.Hour)
		}
		doomed = append(doomed, label)
	}
	var checkouts []*checkout
	for i := range 4 {
		checkouts = append(checkouts, w.checkout(fmt.Sprint("busy-", i)))
	}
	var restores, removals sync.WaitGroup
	done := make(chan struct{})
	for _, p := range checkouts {
		restores.Go(func() {
			for {
				// "first" is always there to be taken.
				if r := p.TryCow("restore"); r.Code != 0 {
					t.Errorf("restore: %v", r)
					return
				}
				if r := p.Run("cargo", "build", "--offline"); r.Code != 0 || strings.Contains(r.Stderr, "Compiling") {
					t.Errorf("cargo after a restore: %v", r)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for _, label := range slices.Backward(doomed) { // the newest is what restores take
		removals.Go(func() {
			for {
				r := w.origin.TryCow("rm", "--wait", label)
				switch {
				case r.Code == 5:
					continue // a restore has it
				case r.Code != 0 && r.Code != 4: // a prune was quicker
					t.Errorf("rm: %v", r)
				}
				return
			}
		})
	}
	for range 2 {
		removals.Go(func() {
			for range 5 {
				if r := w.origin.TryCow("prune", "--labelled", "--max-age=1d"); r.Code != 0 {
					t.Errorf("prune: %v", r)
				}
				if r := w.origin.TryCow("check"); r.Code != 0 {
					t.Errorf("check meanwhile: %v", r)
				}
			}
		})
	}
	removals.Wait()
	close(done)
	restores.Wait()
	if got := w.origin.listed(); !slices.Equal(got, []string{"", "first"}) {
		t.Errorf("layers %q, want the two that nobody removed", got)
	}
	for _, p := range append(checkouts, w.origin) {
		p.builds(nil, "first")
		p.tidy()
	}
	w.origin.checks()
}

// A removal does not wait for the disk: a power cut brings the layer back whole,
// or leaves it gone, and what comes back under another name is deleted again.
func TestRemovalPowerCut(t *testing.T) {
	t.Parallel()
	disk := faultdisk.Mounted(t, "btrfs", "commit=300")
	cut := func() { disk.PowerCut(t, faultdisk.Loss{}) }
	w := newWorld(t, disk.Dir()).sealed()
	p := w.origin
	w.label("first")

	w.label("one")
	unix.Sync()
	p.cow("rm", "--wait", "one")
	cut()
	p.checks()
	p.tidy()
	if slices.Contains(p.listed(), "one") {
		p.restores("one")
		p.cow("rm", "--wait", "one")
	}
	unix.Sync()
	cut()
	if got := p.listed(); !slices.Equal(got, []string{"", "first"}) {
		t.Errorf("layers %q: a removal that has reached the disk was taken back", got)
	}

	for _, point := range []string{"remove.unrecorded", "remove.trashed"} {
		id := w.label("two")
		r := p.with("CARGO_COW_CRASHPOINT="+point+"=kill").TryCow("rm", "--wait", "two")
		if r.Signal != syscall.SIGKILL {
			t.Fatalf("the command did not die at %s: %v", point, r)
		}
		unix.Sync()
		if point == "remove.trashed" {
			// The deletion itself is what the power cut takes back.
			p.cow("list")
			p.forgotten(id)
		}
		cut()
		p.checks()
		p.tidy()
		if point == "remove.unrecorded" {
			p.restores("two")
			p.cow("rm", "--wait", "two")
		}
		p.forgotten(id)
		p.checks()
	}
	p.restores("first")
}

// Where a tree goes file by file, prune does not wait for that.
func TestPruneDoesNotWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.XFS(t, loopfs.Size(512<<20))).sealed()
	id := w.label("old")
	w.label("new")
	w.age(id, 48*time.Hour)
	p := w.origin
	if a := p.TryCow("prune", "--labelled", "--max-age=1d").Line(t, "prune"); a["removed"] != 1.0 {
		t.Errorf("prune says %v", a)
	}
	if got := p.listed(); !slices.Equal(got, []string{"", "new"}) {
		t.Errorf("layers %q", got)
	}
	fixture.Eventually(t, "all of it is gone", func() bool {
		left, err := filepath.Glob(filepath.Join(w.store, "layers", ".*"))
		return err == nil && len(left) == 0
	})
	p.forgotten(id)
	p.checks()
}

// When nothing else can be written, removing is what makes room.
func TestRemoveOnFullDisk(t *testing.T) {
	for name, mount := range map[string]func(testing.TB, ...loopfs.Option) string{"btrfs": loopfs.Btrfs, "xfs": loopfs.XFS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, mount(t, loopfs.Size(320<<20))).sealed()
			p := w.origin
			w.label("first")
			// What only this layer holds, and nothing compresses.
			ballast := make([]byte, 24<<20)
			rand.NewChaCha8([32]byte{}).Read(ballast)
			p.Write("target/debug/incremental/ballast", string(ballast))
			big := w.label("big")
			p.Must("rm", p.Target("debug/incremental/ballast"))
			w.age(big, 48*time.Hour)
			fill(t, filepath.Join(w.Dir, "ballast"))

			// By age, and by a goal of space, for which more has to be looked at.
			chosen := map[string][]string{"btrfs": {"--max-age=1d"}, "xfs": {"--free=1MB"}}[name]
			args := append([]string{"prune", "--labelled", "--wait"}, chosen...)
			p.cow(append(args, "--dry-run")...)
			if a := p.TryCow(args...).Line(t, "prune"); a["removed"] != 1.0 {
				t.Errorf("prune on a full disk says %v", a)
			}
			p.forgotten(big)
			p.checks()
			p.tidy()
			// Btrfs gives the space back a little later: by itself at the next commit
			// of its own, which comes twice a minute.
			fixture.Eventually(t, "there is room again", func() bool {
				if unix.Sync(); name == "btrfs" {
					p.Must("btrfs", "filesystem", "sync", w.Dir)
				}
				return os.WriteFile(filepath.Join(w.Dir, "room"), make([]byte, 16<<20), 0o666) == nil
			})
			if err := os.Remove(filepath.Join(w.Dir, "room")); err != nil {
				t.Fatal(err)
			}
			p.restores("first")
		})
	}
}

// Where not even another name fits on the disk, what makes room is still to be had:
// a layer goes in one step, and the store as a whole.
func TestRemoveWithoutRoomForAName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t, loopfs.Size(320<<20))).sealed()
	first := w.label("first")
	w.origin.Write("target/debug/incremental/more", "more")
	second := w.label("second")
	ballast := filepath.Join(w.Dir, "ballast")
	fill(t, ballast)
	// Data has filled its part of the disk. Small files lie in the metadata.
	small := filepath.Join(w.Dir, "small")
	if err := os.Mkdir(small, 0o777); err != nil {
		t.Fatal(err)
	}
	probe, other := filepath.Join(small, "probe"), filepath.Join(small, "a name of another length")
	if err := os.WriteFile(probe, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for i, size := 0, 1900; ; i++ {
		err := os.WriteFile(filepath.Join(small, fmt.Sprint(i)), bytes.Repeat([]byte("s"), size), 0o666)
		if err == nil {
			continue
		}
		if !errors.Is(err, unix.ENOSPC) {
			t.Fatal(err)
		}
		size /= 2
		unix.Sync()
		if err := os.Rename(probe, other); errors.Is(err, unix.ENOSPC) {
			break // no name fits
		} else if err != nil {
			t.Fatal(err)
		}
		probe, other = other, probe
	}

	w.origin.cow("rm", "--wait", "first")
	w.origin.forgotten(first)
	w.origin.cow("store", "remove", "--force")
	if _, err := os.Lstat(w.store); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the store with %s after store remove: %v; want it gone", second, err)
	}
}

// On a read-only disk nothing is removed, and all is said.
func TestRemoveReadOnly(t *testing.T) {
	t.Parallel()
	dir := loopfs.Btrfs(t)
	w := newWorld(t, dir).sealed()
	id := newest(w.origin)
	w.age(id, 48*time.Hour)
	remount := func(flags uintptr) {
		t.Helper()
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_NOATIME|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	remount(unix.MS_RDONLY)
	t.Cleanup(func() { remount(0) })
	fails(t, w.origin.TryCow("rm", "--wait", id), 1, "read-only file system")
	fails(t, w.origin.TryCow("prune", "--max-age=1d"), 1, "read-only file system")
	if a := w.origin.cow("prune", "--max-age=1d", "--dry-run"); a["removed"] != 1.0 {
		t.Errorf("a dry run says %v", a)
	}
	w.origin.checks()
	remount(0)
	if a := w.origin.cow("prune", "--max-age=1d"); a["removed"] != 1.0 {
		t.Errorf("prune says %v", a)
	}
	w.origin.forgotten(id)
	w.origin.checks()
}

// Files of root in a layer, as sudo leaves them, keep its owner from deleting it,
// but from nothing else.
func TestRemoveForeignFiles(t *testing.T) {
	t.Parallel()
	const uid = 31000
	w := newWorldAs(t, &syscall.Credential{Uid: uid, Gid: uid}, loopfs.Btrfs(t, loopfs.Owner(uid)), userEnv(t, uid)...).sealed()
	p := w.origin
	p.cow("snapshot", "--label=first")
	id, _ := p.cow("snapshot", "--label=foreign")["layer"].(string)
	// No snapshot puts them there any more.
	layer := filepath.Join(w.store, "layers", id)
	p.Must("btrfs", "property", "set", "-ts", layer, "ro", "false")
	if err := os.MkdirAll(filepath.Join(layer, "debug", "incremental", "foreign", "dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	p.Must("btrfs", "property", "set", "-ts", layer, "ro", "true")
	trash := filepath.Join(w.store, "layers", ".trash-"+id)
	fails(t, p.TryCow("rm", "--wait", "foreign"), 1, "permission denied", "remove "+trash)
	if got := p.listed(); !slices.Equal(got, []string{"", "first"}) {
		t.Errorf("layers %q", got)
	}
	r := p.TryCow("check")
	if a := r.Line(t, "check"); r.Code != 1 || !strings.Contains(fmt.Sprint(a["problem"]), trash) {
		t.Errorf("check does not name %s: %v", trash, r)
	}
	p.restores("first")
	p.cow("snapshot", "--label=second")
	p.cow("rm", "--wait", "second")
	if err := os.RemoveAll(trash); err != nil { // as root
		t.Fatal(err)
	}
	p.checks()
	p.tidy()
	p.forgotten(id)
}
