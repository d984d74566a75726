package space

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// disk is a file system on which trees share data in all ways.
type disk struct {
	testing.TB
	dir   string
	rng   *rand.Rand
	btrfs bool
}

func (d *disk) run(args ...string) {
	d.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		d.Fatalf("%v: %v\n%s", args, err, out)
	}
}

func (d *disk) path(name string) string { return filepath.Join(d.dir, name) }

// write writes files anew, of all sizes: those that Btrfs keeps among its own data, too.
func (d *disk) write(tree string, from, to int) {
	d.Helper()
	for i := from; i < to; i++ {
		text := make([]byte, []int{0, 100, 2000, 5000, 70_000, 400_000}[d.rng.IntN(6)]+d.rng.IntN(4000))
		for j := range text {
			text[j] = byte(d.rng.Uint32())
		}
		name := d.path(fmt.Sprintf("%s/d%d/f%d", tree, i%7, i))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			d.Fatal(err)
		}
		_ = os.Remove(name)
		if err := os.WriteFile(name, text, 0o600); err != nil {
			d.Fatal(err)
		}
	}
}

func (d *disk) create(tree string) {
	d.Helper()
	if d.btrfs {
		d.run("btrfs", "subvolume", "create", d.path(tree))
	} else {
		d.run("mkdir", d.path(tree))
	}
}

func (d *disk) clone(from, tree string) {
	d.Helper()
	if d.btrfs {
		d.run("btrfs", "subvolume", "snapshot", "-r", d.path(from), d.path(tree))
	} else {
		d.run("cp", "-a", "--reflink=always", d.path(from), d.path(tree))
	}
}

func (d *disk) remove(tree string) {
	d.Helper()
	if d.btrfs && tree != "copy" {
		d.run("btrfs", "subvolume", "delete", d.path(tree))
	} else {
		d.run("rm", "-rf", d.path(tree))
	}
}

// free waits until all that was removed is free, and returns how much is.
func (d *disk) free() int64 {
	d.Helper()
	return loopfs.Free(d, d.dir)
}

// trees makes trees of one lineage, and one of files that were cloned singly.
func (d *disk) trees() []string {
	d.Helper()
	d.create("work")
	d.write("work", 0, 300)
	d.run("sync", "-f", d.dir)
	for i := range 4 {
		d.clone("work", fmt.Sprintf("layer%d", i))
		at := d.rng.IntN(200)
		d.write("work", at, at+100)
		d.run("sync", "-f", d.dir)
	}
	d.run("mkdir", d.path("copy"))
	d.run("cp", "-r", "--reflink=always", d.path("layer1/d3"), d.path("copy"))
	d.write("copy", 400, 450)
	return []string{"work", "layer0", "layer1", "layer2", "layer3", "copy"}
}

// What is said to become free does, for any set of trees, also where somebody has cloned
// files, of which nothing is known.
func TestFreesWhatItSays(t *testing.T) {
	for name, mount := range map[string]func(testing.TB, ...loopfs.Option) string{"btrfs": loopfs.Btrfs, "xfs": loopfs.XFS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(4) {
				d := &disk{t, mount(t, loopfs.Size(600<<20)), rand.New(rand.NewPCG(seed, 1)), name == "btrfs"}
				left := d.trees()
				if seed%2 == 1 {
					// Data that one tree alone has: of that the file system tells.
					d.write("work", 500, 520)
					d.run("sync", "-f", d.dir)
					d.run("mkdir", d.path("unknown"))
					d.run("sh", "-c", "cp --reflink=always "+d.path("work")+"/d*/f5?? "+d.path("unknown"))
				}
				for len(left) > 0 {
					var subjects []Subject
					for _, tree := range left {
						subjects = append(subjects, Subject{Dir: d.path(tree)})
					}
					before := d.free()
					s, err := Look(t.Context(), subjects, nil)
					if err != nil {
						t.Fatal(err)
					}
					gone := map[int]bool{}
					for i := range left {
						if d.rng.IntN(3) == 0 || len(left) == 1 {
							gone[i] = true
						}
					}
					want := s.Frees(func(i int) bool { return gone[i] })
					var stay, went []string
					for i, tree := range left {
						if gone[i] {
							d.remove(tree)
							went = append(went, tree)
						} else {
							stay = append(stay, tree)
						}
					}
					got := d.free() - before
					// What the file system needs for itself is not counted: blocks of its trees; and
					// XFS frees inodes by 64, when the last of them goes, whichever tree that was in.
					least := int64(96 << 10)
					if !d.btrfs {
						least = 512 << 10
					}
					if slack := max(want/50, least); got < want-slack || got > want+slack {
						t.Errorf("seed %d: without %v %d bytes became free, %d were said to", seed, went, got, want)
					}
					left = stay
				}
			}
		})
	}
}

// Look keeps the map of a sealed tree for as long as it holds: not when the tree's data was
// moved, nor when a snapshot was made of it, and not where others have gone that shared it.
func TestKeptMaps(t *testing.T) {
	d := &disk{t, loopfs.Btrfs(t, loopfs.Size(600<<20)), rand.New(rand.NewPCG(9, 9)), true}
	trees := d.trees()
	kept := t.TempDir()
	look := func(trees []string, version func(tree string) string) *Survey {
		t.Helper()
		var subjects []Subject
		for _, tree := range trees {
			subjects = append(subjects, Subject{Dir: d.path(tree), Sealed: tree != "work" && tree != "copy", Keeping: Keeping{filepath.Join(kept, tree), version(tree)}})
		}
		s, err := Look(t.Context(), subjects, nil)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	same := func(string) string { return "1" }
	never := func(string) string { return "" }
	d.free()
	first := look(trees, same)
	if again := look(trees, same); !slices.Equal(again.Shares(), first.Shares()) {
		t.Errorf("again it is %v, at first %v", again.Shares(), first.Shares())
	}
	// What all shared is the one's alone when the others are gone, though it was said to be
	// shared when its map was made.
	for _, tree := range []string{"work", "layer0", "layer2", "layer3", "copy"} {
		d.remove(tree)
	}
	d.free()
	got, want := look([]string{"layer1"}, same).Shares(), look([]string{"layer1"}, never).Shares()
	if !slices.Equal(got, want) || want[0].Alone == 0 {
		t.Errorf("alone it frees %v, measured anew %v", got, want)
	}
}

// Files that are the same to look at, and whose data a defragmenter has moved in one of two
// trees, are not taken for each other's.
func TestMovedData(t *testing.T) {
	d := &disk{t, loopfs.Btrfs(t, loopfs.Size(600<<20)), rand.New(rand.NewPCG(5, 5)), true}
	d.create("work")
	d.write("work", 0, 1000) // some ten of them are measured twice
	d.run("sync", "-f", d.dir)
	for _, layer := range []string{"layer0", "layer1"} {
		d.clone("work", layer)
	}
	d.run("btrfs", "filesystem", "defragment", "-r", "-czstd", d.path("work"))
	d.free()
	subjects := []Subject{{Dir: d.path("layer0")}, {Dir: d.path("work")}, {Dir: d.path("layer1")}}
	got, err := Look(t.Context(), subjects, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]*Map, len(subjects))
	for i, s := range subjects {
		m := Measurer{off: true}
		if want[i], err = m.Measure(t.Context(), Tree{Dir: s.Dir}); err != nil {
			t.Fatal(err)
		}
	}
	truth := &Survey{Maps: want, Pieces: Pieces(want)}
	if !slices.Equal(got.Shares(), truth.Shares()) || got.Together() != truth.Together() {
		t.Errorf("alone %v, together %d; measured one by one %v, %d", got.Shares(), got.Together(), truth.Shares(), truth.Together())
	}
	if truth.Shares()[1].Alone == 0 {
		t.Error("nothing was moved: this shows nothing")
	}
}
