package layers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/cargo"
	"github.com/cargo-cow/cargo-cow/layers/internal/crashpoint"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/reflink"
)

var pointGrafted = crashpoint.New("graft.grafted")

// maxStocks bounds how many layers one graft takes from: each costs the reading
// of its units (a few ms for some hundred), and what the sixteenth best still
// has to give is next to nothing.
const maxStocks = 16

// Grafted says what a graft did.
type Grafted struct {
	Units []cargo.UnitName `json:"units"`
	From  []string         `json:"from"` // layers, the one that gave first, first
	// Lacking counts the units of registry and git packages that the build needs
	// and no layer could give.
	Lacking int `json:"lacking"`
}

// plan asks cargo which units a checkout needs in the profiles of a build
// directory.
func (s *Store) plan(ctx context.Context, p *Place, profiles []string, checked bool) (map[string]bool, error) {
	planner := &cargo.Planner{
		Tool: p.Tool, Workspace: p.Workspace, Wrapper: s.opts.Self, Temp: s.opts.Temp,
		Notes: filepath.Join(s.opts.Dir, paths.StoreRustcNotes),
		Kept:  filepath.Join(s.opts.Dir, paths.StorePlans), Fingerprint: p.Fingerprint,
	}
	var builds []cargo.Build
	for _, profile := range profiles {
		// With the tests, other features of the dependencies may be wanted.
		builds = append(builds, cargo.Build{Profile: profile}, cargo.Build{Profile: profile, All: true})
		if checked {
			builds = append(builds, cargo.Build{Profile: profile, Check: true, All: true})
		}
	}
	needed, err := planner.Needed(ctx, builds...)
	if len(needed) > 0 {
		return needed, nil // a profile of the layer may be unknown here
	}
	return nil, err
}

// graft puts units that dir, a build directory that nobody uses, lacks into it,
// from the layers in from, nil for all. With strict, none that names the checkout
// it was built in.
func (s *Store) graft(ctx context.Context, p *Place, dir string, needed map[string]bool, from []string, strict bool) (*Grafted, error) {
	g, err := cargo.NewGraft(dir, p.Workspace.CargoHome, readRecall(dir))
	if err != nil {
		return nil, err
	}
	x, err := s.index(ctx)
	if err != nil {
		return nil, err
	}
	done := &Grafted{}
	tried := map[int]bool{}
	for range maxStocks {
		n, keys := s.richest(x, g, needed, from, tried)
		if n < 0 {
			break
		}
		tried[n] = true
		took, release, err := s.takeFrom(x.layers[n], p, g, keys, strict)
		if err != nil {
			continue // gone or damaged since: another one may have them
		}
		defer release()
		if took > 0 {
			done.From = append(done.From, x.layers[n])
		}
	}
	own := map[string]bool{}
	for _, pkg := range p.Workspace.Packages {
		own[pkg.Name] = true
	}
	for key := range needed {
		if !g.Has(key) && !own[cargo.PackageOf(key)] {
			done.Lacking++
		}
	}
	done.Units = g.Taken()
	copier := reflink.NewCopier(reflink.Auto)
	if err := g.Apply(ctx, func(dst, src string, mtime time.Time) error {
		return cloneFile(ctx, copier, dst, src, mtime)
	}); err != nil {
		return nil, err
	}
	return done, pointGrafted.Hit()
}

// richest returns the layer that holds most, by cost, of what is still lacking,
// and the keys of that; -1 when none has any.
func (s *Store) richest(x *index, g *cargo.Graft, needed map[string]bool, from []string, tried map[int]bool) (int, []string) {
	keys := make([][]string, len(x.layers))
	worth := make([]int64, len(x.layers))
	for key := range needed {
		if g.Has(key) {
			continue
		}
		h := x.units[key]
		if h == nil || !h.portable {
			continue
		}
		h.layers.each(func(n int) {
			if !tried[n] && (from == nil || slices.Contains(from, x.layers[n])) {
				keys[n] = append(keys[n], key)
				worth[n] += max(h.cost, 1)
			}
		})
	}
	best := -1
	for i := range worth {
		if worth[i] > 0 && (best < 0 || worth[i] > worth[best]) {
			best = i
		}
	}
	if best < 0 {
		return best, nil
	}
	slices.Sort(keys[best])
	return best, keys[best]
}

// takeFrom takes units from one layer, which stays leased until release.
func (s *Store) takeFrom(id string, p *Place, g *cargo.Graft, keys []string, strict bool) (took int, release func() error, err error) {
	release, err = s.hold(id)
	if err != nil {
		return 0, nil, err
	}
	m, err := s.manifest(id)
	if err == nil && m.Fingerprint.GraftsTo(p.Fingerprint) {
		var stock *cargo.Stock
		if stock, err = cargo.OpenStock(s.tree(id), p.Workspace.CargoHome, m, readRecall(s.tree(id)), strict); err == nil {
			s.used(id)
			return g.Take(stock, keys), release, nil
		}
	}
	return 0, nil, errors.Join(fmt.Errorf("use layer %s: %w", id, err), release())
}

// cloneFile makes the new file dst a clone of src, with its mode, and its time
// unless another is given.
func cloneFile(ctx context.Context, c *reflink.Copier, dst, src string, mtime time.Time) (err error) {
	from, err := openPlain(src, unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer from.Close()
	fi, err := from.Stat()
	if err != nil {
		return err
	}
	to, err := openPlain(dst, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, fi.Mode().Perm())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if _, err := c.File(ctx, to, from); err != nil {
		return err
	}
	if err := to.Chmod(fi.Mode().Perm()); err != nil { // whatever the umask
		return err
	}
	if mtime.IsZero() {
		mtime = fi.ModTime()
	}
	ts := unix.NsecToTimespec(mtime.UnixNano())
	return unix.UtimesNanoAt(unix.AT_FDCWD, dst, []unix.Timespec{ts, ts}, 0)
}

// openPlain opens a regular file without offering it to the runtime's poller, which
// the kernel refuses: cloning 8 KiB takes 65 µs instead of 74 on Btrfs, and instead
// of 77 on XFS.
func openPlain(path string, flags int, perm fs.FileMode) (*os.File, error) {
	for {
		fd, err := unix.Open(path, flags|unix.O_CLOEXEC, uint32(perm))
		if err == nil {
			return os.NewFile(uintptr(fd), path), nil
		}
		if !errors.Is(err, unix.EINTR) {
			return nil, &fs.PathError{Op: "open", Path: path, Err: err}
		}
	}
}

// none is that no layer serves a place of another dependency set.
func (s *Store) none(p *Place, why string) error {
	return &HelpError{
		fmt.Errorf("restore: %w: none of %s has the dependency set of this checkout (%s), %s", ErrNoLayer, s.opts.Dir, p.Fingerprint.ID[:8], why),
		"cargo build && cargo cow snapshot",
	}
}

// nearest lists the layers that hold any of what a checkout needs whose dependency
// set no layer has, the one that holds most first, and what the checkout needs. The
// error wraps ErrNoLayer when none holds any.
func (s *Store) nearest(ctx context.Context, p *Place) ([]Record, map[string]bool, error) {
	list, err := s.Layers(ctx)
	if err != nil {
		return nil, nil, err
	}
	// Another compiler's units have other ids.
	list = slices.DeleteFunc(list, func(r Record) bool { return r.Rustc != p.Fingerprint.Get("rustc") })
	var profiles []string
	for _, r := range list {
		for _, profile := range r.Profiles {
			if len(profiles) < maxPlanned && !slices.Contains(profiles, profile) {
				profiles = append(profiles, profile)
			}
		}
	}
	if len(profiles) == 0 {
		return nil, nil, s.none(p, "or was built by its compiler")
	}
	x, err := s.index(ctx)
	if err != nil {
		return nil, nil, err
	}
	needed, err := s.plan(ctx, p, profiles, x.checked())
	if errors.Is(err, cargo.ErrPlanning) {
		return nil, nil, s.none(p, "and what it needs is not known: "+err.Error())
	}
	if err != nil {
		return nil, nil, err
	}
	worth := map[string]int64{}
	for n, w := range x.worth(needed) {
		worth[x.layers[n]] = w
	}
	list = slices.DeleteFunc(list, func(r Record) bool { return worth[r.ID] == 0 })
	// Of two that hold the same, the newer one.
	slices.SortStableFunc(list, func(a, b Record) int { return cmp.Compare(worth[b.ID], worth[a.ID]) })
	if len(list) == 0 {
		return nil, nil, s.none(p, "or anything that it needs")
	}
	return list, needed, nil
}

// lacking finds out what a checkout needs for which a layer was chosen that was made
// for other dependencies, or other features of them. Where that cannot be found out,
// the layer serves without.
func (s *Store) lacking(ctx context.Context, p *Place, c *choice) error {
	x, err := s.index(ctx)
	if err != nil {
		return err
	}
	needed, err := s.plan(ctx, p, c.record.Profiles[:min(len(c.record.Profiles), maxPlanned)], x.checked())
	if err := ctx.Err(); err != nil {
		return err
	}
	if err == nil {
		c.needed, c.held = needed, x.held(c.record.ID, needed)
	}
	return nil
}

// maxPlanned bounds for how many profiles cargo is asked what it needs, at some
// 0.2 s each.
const maxPlanned = 2
