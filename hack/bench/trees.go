package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/hack/bench/bulk"
	"github.com/cargo-cow/cargo-cow/hack/project"
	"github.com/cargo-cow/cargo-cow/hack/scratch"
)

// trees measures what cloning one target directory costs with each driver, on the file system it is for, against cp on
// the same.
type trees struct {
	clonetree string
	disks     []*treeDisk
}

// A treeDisk is a file system with the trees that are cloned there.
type treeDisk struct {
	fstype, driver string
	space          *scratch.Space
	trees          map[int]string // by the number of files
}

// treeRoom is more than three copies of the largest tree.
const treeRoom = 8 << 30

func (d *treeDisk) clones(files int) string {
	return fmt.Sprintf("clone of %d files by the driver `%s` on %s", files, d.driver, d.fstype)
}

func (d *treeDisk) copies(flags string) string {
	return fmt.Sprintf("`cp %s` of the same on %s", flags, d.fstype)
}

const plainCopy, reflinkCopy = "-a", "-a --reflink=always"

func (*trees) aims() []aim {
	at := func(fstype, driver string) *treeDisk { return &treeDisk{fstype: fstype, driver: driver} }
	btrfs, xfs, ext4 := at(scratch.Btrfs, "btrfs"), at(scratch.XFS, "reflink"), at(scratch.Ext4, "copy")
	return []aim{
		{what: btrfs.clones(large), against: btrfs.clones(small), ratio: 1.3},
		{what: btrfs.clones(middle), against: btrfs.copies(reflinkCopy), ratio: 1. / 2},
		{what: btrfs.clones(middle), against: btrfs.copies(plainCopy)},
		{what: xfs.clones(middle), against: xfs.copies(reflinkCopy), ratio: 1. / 2, paired: true},
		{what: xfs.clones(middle), against: xfs.copies(plainCopy), paired: true},
		{what: ext4.clones(middle), against: ext4.copies(plainCopy), ratio: 1. / 2, paired: true},
	}
}

func (g *trees) prepare(b *bencher, dir string) (facts []string, err error) {
	g.clonetree = filepath.Join(dir, "clonetree")
	if _, err := project.Run(b.ctx, "", nil, "go", "build", "-o", g.clonetree, "github.com/cargo-cow/cargo-cow/hack/bench/clonetree"); err != nil {
		return nil, err
	}
	origin := filepath.Join(dir, "origin")
	if err := project.Workspace(b.ctx, origin); err != nil {
		return nil, err
	}
	if _, err := project.Cargo(b.ctx, origin, nil, "build", "--locked"); err != nil {
		return nil, err
	}
	for _, d := range []treeDisk{{fstype: "btrfs", driver: "btrfs"}, {fstype: "xfs", driver: "reflink"}, {fstype: "ext4", driver: "copy"}} {
		if d.space, err = scratch.MakeOf(b.ctx, d.fstype, treeRoom); err != nil {
			return nil, err
		}
		*b.others = append(*b.others, d.space)
		d.trees = map[int]string{}
		g.disks = append(g.disks, &d)
	}
	target := filepath.Join(origin, "target")
	for _, files := range []int{small, middle, large} {
		n, err := bulk.Count(target)
		if err == nil {
			_, err = bulk.Fill(filepath.Join(target, "debug"), files-n)
		}
		if err != nil {
			return nil, err
		}
		for _, d := range g.disks {
			if files != middle && d.driver != "btrfs" {
				continue // only there the number of files must not matter
			}
			if err := g.plant(b, d, files, target); err != nil {
				return nil, err
			}
		}
		if files == middle {
			out, err := project.Run(b.ctx, "", nil, "du", "-sh", "--apparent-size", target)
			if err != nil {
				return nil, err
			}
			facts = append(facts, fmt.Sprintf("target of %d files, %s", files, out[:max(0, len(out)-len(target)-2)]))
		}
	}
	return facts, nil
}

// plant puts a tree of the driver's on its disk.
func (g *trees) plant(b *bencher, d *treeDisk, files int, target string) error {
	copied := filepath.Join(d.space.Dir, "copied")
	d.trees[files] = filepath.Join(d.space.Dir, fmt.Sprint(files))
	_, err := project.Run(b.ctx, "", nil, "cp", "-a", target, copied)
	if err == nil {
		_, err = project.Run(b.ctx, "", nil, g.clonetree, d.driver, copied, d.trees[files])
	}
	return errors.Join(err, os.RemoveAll(copied))
}

func (g *trees) round(b *bencher) error {
	for _, d := range g.disks {
		var steps []func() error
		for files := range d.trees {
			steps = append(steps, func() error { return g.measure(b, d, d.clones(files), files, g.clonetree, d.driver) })
		}
		if d.driver != "copy" {
			steps = append(steps, func() error { return g.measure(b, d, d.copies(reflinkCopy), middle, "cp", "-a", "--reflink=always") })
		}
		steps = append(steps, func() error { return g.measure(b, d, d.copies(plainCopy), middle, "cp", "-a") })
		if err := inTurn(steps...); err != nil {
			return err
		}
	}
	return nil
}

// measure has a command copy the tree of so many files, from which each begins anew.
func (g *trees) measure(b *bencher, d *treeDisk, name string, files int, command ...string) error {
	to := filepath.Join(d.space.Dir, "to")
	clear := func() error {
		if _, err := os.Lstat(to); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if _, err := project.Run(b.ctx, "", nil, "btrfs", "subvolume", "delete", to); err != nil {
			if err := os.RemoveAll(to); err != nil {
				return err
			}
		}
		_, err := d.space.Used() // waits for the disk
		return err
	}
	err := b.measure(name, clear, func() error {
		_, err := project.Run(b.ctx, "", nil, command[0], append(command[1:], d.trees[files], to)...)
		return err
	})
	return errors.Join(err, clear())
}
