package doctor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/cmd/internal/pooling"
	"github.com/cargo-cow/cargo-cow/driver/pool"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/reflink/mounts"
)

// disk finds what the file system of the directory makes possible, by trying, and what of its
// mount is in the way.
func (d *Doctor) disk(ctx context.Context) {
	dir := d.Session.Dir()
	best, name, tried := d.Session.Disk(ctx)
	switch {
	case best == nil:
		d.find(Bad, "disk", "nothing can be made in "+dir+" ("+name+"): "+tried, "")
		return
	case best.Caps().ConstantTime:
		d.find(Fine, "disk", name+", driver "+best.Name()+": a restore takes constant time", "")
	case best.Caps().SharesData:
		d.find(Fine, "disk", name+", driver "+best.Name()+": a restore copies file by file, by reference; "+tried, "")
	default:
		d.find(Note, "disk", name+", driver "+best.Name()+": a layer takes its full size; "+tried, "")
	}
	d.pool(!best.Caps().SharesData)
	if best.Caps().ConstantTime {
		d.mount(dir)
	}
}

// pool finds how the machine's pool is; one that is not there is worth a word where it would help.
func (d *Doctor) pool(helps bool) {
	s, err := pooling.Of(d.Environ).State()
	switch {
	case errors.Is(err, pool.ErrNone) && helps:
		d.find(Note, "pool", "there is none: in one, worktrees and clones are snapshots", pooling.AsRoot("create"))
	case errors.Is(err, pool.ErrNone):
	case err != nil:
		d.find(Bad, "pool", err.Error(), "")
	default:
		problems := pooling.Problems(s)
		for _, p := range problems {
			d.find(Bad, "pool", p.Problem, p.Help)
		}
		if len(problems) == 0 {
			d.find(Fine, "pool", s.Mount, "")
		}
	}
}

// mount looks at the options of the mount that a directory lies on.
func (d *Doctor) mount(dir string) {
	m, err := mounts.Of(dir)
	if err != nil {
		return
	}
	place, options := m.Point, m.Options
	remount := func(option string) string {
		return "sudo mount -o remount," + option + " " + paths.ShellWord(place)
	}
	has := func(option string) bool { return slices.Contains(options, option) }
	if has("autodefrag") {
		d.find(Bad, "mount", place+" is mounted with autodefrag, which undoes what layers share", remount("noautodefrag"))
	}
	if has("nodatacow") || has("nodatasum") {
		d.find(Bad, "mount", place+" is mounted with "+options[slices.IndexFunc(options, func(o string) bool { return strings.HasPrefix(o, "nodata") })]+": its new files cannot be cloned", remount("datasum,datacow"))
	}
	if os.Geteuid() != 0 && !has("user_subvol_rm_allowed") {
		d.find(Note, "mount", "a tree is deleted file by file: "+place+" is mounted without user_subvol_rm_allowed", remount("user_subvol_rm_allowed"))
	}
}

// snapshotTools finds programs that take snapshots of the subvolume around a store: what is
// removed from the store stays on the disk as long as theirs. Layers are subvolumes of their own,
// which those snapshots do not hold; the warehouse and the records are files.
func (d *Doctor) snapshotTools(store string) {
	configs, _ := filepath.Glob("/etc/snapper/configs/*")
	for _, c := range configs {
		text, err := os.ReadFile(c)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			of, ok := strings.CutPrefix(strings.TrimSpace(line), "SUBVOLUME=")
			if of = strings.Trim(of, `"`); ok && sameSubvolume(of, filepath.Dir(store)) {
				d.find(Note, "snapshots", "snapper ("+filepath.Base(c)+") keeps what is removed from "+store+" until its snapshots of "+of+" go", "")
			}
		}
	}
}

// sameSubvolume reports whether two directories lie in one subvolume: it has a device number of
// its own.
func sameSubvolume(a, b string) bool {
	var x, y unix.Stat_t
	return unix.Stat(a, &x) == nil && unix.Stat(b, &y) == nil && x.Dev == y.Dev
}
