package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/hack/bench/report"
	"github.com/cargo-cow/cargo-cow/hack/project"
	"github.com/cargo-cow/cargo-cow/hack/scratch"
	"github.com/cargo-cow/cargo-cow/layers/space"
)

// fragments measures in how many pieces a build directory lies, and how fast it is read, after many rebuilds, each in a new
// snapshot of the last; what a defragmenter, autodefrag and compression do to that, and to what is shared with the layers.
// It has a table of its own, and takes an hour or two, so it is measured only if it is named.
type fragments struct {
	rebuilds *int
	seed     *string // a checkout of the demo project that is built already; "": it is made
	rows     [][]string
}

func (*fragments) aims() []aim          { return nil }
func (*fragments) round(*bencher) error { return nil }

// A way is how a file system is mounted that is measured, and how build directories on it compress.
type way struct {
	name        string
	options     string // of the mount
	compression string // as the user's configuration has it; "" as delivered
	share       int    // of the rebuilds, 1/share
}

var ways = []way{
	{"compression: none", "", "none", 1},
	{"the same with autodefrag", "autodefrag", "none", 2},
	{"as delivered", "", "", 2},
}

func (f *fragments) table() [][]string {
	return append([][]string{{"build directory", "rebuilds", "files with data", "bytes", "pieces", "for each file", "breaks for each MiB", "read cold", "held by it alone"}}, f.rows...)
}

func (f *fragments) prepare(b *bencher, dir string) (facts []string, err error) {
	if facts, err = f.pieces(b, dir); err != nil {
		return nil, err
	}
	if *f.seed == "" {
		*f.seed = filepath.Join(dir, "seed")
		fmt.Fprintf(os.Stderr, "bench: building %s\n", project.Demo)
		if err := project.Fetch(b.ctx, project.Demo, *f.seed); err != nil {
			return nil, err
		}
		if _, err := project.Cargo(b.ctx, *f.seed, nil, "build", "--locked"); err != nil {
			return nil, err
		}
	}
	for _, w := range ways {
		p, err := scratch.Make(b.ctx, chainRoom)
		if err != nil {
			return nil, err
		}
		if err = f.chain(b, p, w, *f.rebuilds/w.share); err != nil {
			err = fmt.Errorf("%s: %w", w.name, err)
		}
		if err := errors.Join(err, p.Close()); err != nil {
			return nil, err
		}
	}
	return facts, nil
}

// chainRoom is enough for some thirty layers that share nothing of what an edit rebuilds, 255 MB each.
const chainRoom = 24 << 30

// keptOf says which layers of a chain stay: the last ten, and each tenth. What goes leaves holes in the disk, which what is
// written next falls into, as with a user who prunes.
func keptOf(n, last int) bool { return n%10 == 0 || n > last-10 }

// chain takes a copy of the demo project as it was built, and then over and over edits it, builds it, seals it and goes on in
// a new tree made of that.
func (f *fragments) chain(b *bencher, p *scratch.Space, w way, rebuilds int) error {
	const flags = unix.MS_REMOUNT | unix.MS_NOATIME | unix.MS_NODEV | unix.MS_NOSUID
	if w.options != "" {
		if err := unix.Mount("none", p.Dir, "btrfs", flags, w.options); err != nil {
			return fmt.Errorf("mount with %s: %w", w.options, err)
		}
	}
	own := *b
	own.scratch, own.cow = p, b.storeIn(p.Dir)
	if w.compression != "" {
		own.cow.Config = filepath.Join(p.Dir, "config")
		file := filepath.Join(own.cow.Config, "cargo-cow", "config.yaml")
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte("compression: "+w.compression+"\n"), 0o644); err != nil {
			return err
		}
	}
	c := &chain{bencher: &own, origin: filepath.Join(p.Dir, "origin"), layers: map[int]string{}}
	if _, err := project.Run(b.ctx, "", nil, "cp", "--archive", "--reflink=never", *f.seed, c.origin); err != nil {
		return err
	}
	first, _, err := own.layer(own.cow, c.origin)
	if err != nil {
		return err
	}
	c.layers[0] = first
	for n := range rebuilds + 1 {
		if n > 0 {
			if err := c.rebuild(n); err != nil {
				return fmt.Errorf("rebuild %d: %w", n, err)
			}
		}
		if n == 0 || n == 10 || n == 25 || n == 50 || n == 100 || n == rebuilds {
			if err := f.look(c, w.name, n); err != nil {
				return err
			}
		}
	}
	if w.options != "" {
		return nil
	}
	for _, flags := range [][]string{{"-r"}, {"-r", "-czstd"}} {
		args := append([]string{"filesystem", "defragment"}, flags...)
		if _, err := project.Run(b.ctx, "", nil, "btrfs", append(args, c.target())...); err != nil {
			return err
		}
		if err := f.look(c, "then `btrfs "+strings.Join(args, " ")+"`", rebuilds); err != nil {
			return err
		}
	}
	return nil
}

type chain struct {
	*bencher
	origin string
	layers map[int]string
}

func (c *chain) target() string { return filepath.Join(c.origin, "target") }

func (c *chain) rebuild(n int) error {
	fmt.Fprintf(os.Stderr, "bench: fragments, rebuild %d\n", n)
	if err := project.EditDemo(c.origin); err != nil {
		return err
	}
	built, err := project.Cargo(c.ctx, c.origin, nil, "build", "--locked")
	if err != nil {
		return err
	}
	if len(built.Compiled()) == 0 {
		return errors.New("cargo compiled nothing")
	}
	answer, err := c.cow.Run(c.ctx, c.origin, "snapshot")
	if err != nil {
		return err
	}
	c.layers[n] = answer.Layer
	if _, err := project.Run(c.ctx, "", nil, "btrfs", "subvolume", "delete", c.target()); err != nil {
		return err
	}
	if _, err := c.cow.Run(c.ctx, c.origin, "restore", "--from="+answer.Layer); err != nil {
		return err
	}
	for old, id := range c.layers {
		if !keptOf(old, n) {
			if _, err := project.Run(c.ctx, c.origin, c.cow.Env(), c.cow.Path, "rm", id); err != nil {
				return err
			}
			delete(c.layers, old)
		}
	}
	return nil
}

// look adds a row for what the tree is like.
func (f *fragments) look(c *chain, name string, n int) error {
	if err := c.settle(); err != nil {
		return err
	}
	subjects := []space.Subject{{Dir: c.target()}}
	for _, id := range c.layers {
		subjects = append(subjects, space.Subject{Dir: filepath.Join(c.cow.Store, "layers", id), Sealed: true})
	}
	s, err := space.Look(c.ctx, subjects, nil)
	if err != nil {
		return err
	}
	speed, err := c.readCold(c.target())
	if err != nil {
		return err
	}
	m := s.Maps[0]
	row := []string{name, fmt.Sprint(n), report.Count(m.Placed), megabytes(m.Bytes()), report.Count(m.Extents),
		fmt.Sprintf("%.2f", float64(m.Extents)/float64(m.Placed)), fmt.Sprintf("%.2f", float64(m.Breaks())/(float64(m.Bytes())/(1<<20))), speed, megabytes(s.Shares()[0].Alone)}
	fmt.Fprintln(os.Stderr, "bench: fragments:", row)
	f.rows = append(f.rows, row)
	return nil
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// readCold reads all files below dir, one after the other, with nothing of them in memory, three times.
func (b *bencher) readCold(dir string) (string, error) {
	var times []time.Duration
	var bytes int64
	for range 3 {
		unix.Sync()
		if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("3\n"), 0); err != nil {
			return "", err
		}
		elapsed, err := report.Time(func() (err error) {
			bytes, err = readAll(dir)
			return err
		})
		if err != nil {
			return "", err
		}
		times = append(times, elapsed)
	}
	took := report.Median(times)
	return fmt.Sprintf("%.0f MB/s", float64(bytes)/1e6/took.Seconds()), nil
}

func readAll(dir string) (bytes int64, err error) {
	buffer := make([]byte, 1<<20)
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		for {
			n, err := file.Read(buffer)
			bytes += int64(n)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
		}
	})
	return bytes, err
}

// pieces measures how fast a file is read that lies in pieces of one size, scattered over a piece of the disk four times as
// large: what pieces cost on this disk.
func (f *fragments) pieces(b *bencher, dir string) (facts []string, err error) {
	const size = 256 << 20
	source := filepath.Join(dir, "source")
	if err := fill(source, 4*size); err != nil {
		return nil, err
	}
	for _, piece := range []int64{4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20} {
		to := filepath.Join(dir, fmt.Sprint(piece))
		if err := os.Mkdir(to, 0o755); err != nil {
			return nil, err
		}
		if err := scatter(filepath.Join(to, "file"), source, size, piece); err != nil {
			return nil, err
		}
		speed, err := b.readCold(to)
		if err != nil {
			return nil, err
		}
		facts = append(facts, fmt.Sprintf("a file of 256 MiB in pieces of %d KiB, %g for each MiB: read cold at %s", piece>>10, float64(1<<20)/float64(piece), speed))
		fmt.Fprintln(os.Stderr, "bench: fragments:", facts[len(facts)-1])
	}
	return facts, nil
}
