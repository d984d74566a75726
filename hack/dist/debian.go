package main

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/hack/project"
)

// The package depends on nothing: what the programs call is looked for when it is called, and rustup's cargo is no
// package. It has no scripts and no configuration, so removing it leaves nothing.
const control = `Package: cargo-cow
Version: %s
Architecture: %s
Maintainer: The cargo-cow authors <cargo-cow@users.noreply.github.com>
Installed-Size: %d
Recommends: git, cargo | rustup
Suggests: btrfs-progs
Section: devel
Priority: optional
Homepage: https://github.com/cargo-cow/cargo-cow
Description: warm build directories for new checkouts of Rust projects
 cargo-cow keeps the build directories of Rust checkouts the way image stores
 keep images: a snapshot seals one as a read-only layer, and a restore makes a
 writable one from the layer that fits best. Plain cargo then rebuilds only
 what differs in the new checkout.
 .
 On Btrfs a layer is a subvolume, and a restore takes the same time for a
 thousand files and for a hundred thousand. On other file systems files are
 cloned one by one (XFS) or copied.
`

const copyright = `This is cargo-cow, from https://github.com/cargo-cow/cargo-cow.

Copyright 2026 The cargo-cow authors

Licensed under the Apache License, Version 2.0. On Debian systems, its text is in
/usr/share/common-licenses/Apache-2.0.

What it is linked from besides, each with its license: LICENSES-OF-MODULES beside this file.
`

const overrides = `# Go programs are; so they run with any C library, and need none.
cargo-cow: statically-linked-binary [usr/bin/cargo-cow]
cargo-cow: statically-linked-binary [usr/bin/cargo-cow-rustc]
`

const changelog = `cargo-cow (%[1]s) unstable; urgency=medium

  * What this version has is told by its commits:
    https://github.com/cargo-cow/cargo-cow/commits/main

 -- The cargo-cow authors <cargo-cow@users.noreply.github.com>  %[2]s
`

func (r release) pack(p platform) string {
	return "cargo-cow_" + r.version + "_" + p.debian + ".deb"
}

// writePackage has dpkg-deb make the package at to, which it does alike from files that are alike.
func (r release) writePackage(ctx context.Context, to string, p platform, files []file, work string) error {
	files, err := r.debianized(files)
	if err != nil {
		return fmt.Errorf("make package: %w", err)
	}
	dir := filepath.Join(work, "deb-"+p.debian)
	var size, blocks int64
	var md5sums strings.Builder
	for _, f := range files {
		if err := write(filepath.Join(dir, f.path), f.data, f.mode); err != nil {
			return fmt.Errorf("make package: %w", err)
		}
		size += int64(len(f.data))
		blocks++
		fmt.Fprintf(&md5sums, "%x  %s\n", md5.Sum(f.data), f.path)
	}
	// As dpkg-gencontrol reckons: whole KiB of each, and one for each that is no file.
	const kib = 1024
	text := fmt.Sprintf(control, r.version, p.debian, size/kib+blocks)
	err = errors.Join(
		write(filepath.Join(dir, "DEBIAN/control"), []byte(text), 0o644),
		write(filepath.Join(dir, "DEBIAN/md5sums"), []byte(md5sums.String()), 0o644),
	)
	if err == nil {
		err = dated(dir, r.date)
	}
	if err != nil {
		return fmt.Errorf("make package: %w", err)
	}
	env := project.Env(fmt.Sprintf("SOURCE_DATE_EPOCH=%d", r.date.Unix()))
	// One thread, and so one block, whatever processors there are. At level 1 it is a fifth larger than at 6 (6.9 MB, 5.8),
	// in a third of the time (3.3 s, 10.7), which each run of the tests takes four times.
	if _, err := project.Run(ctx, "", env, "dpkg-deb", "--root-owner-group", "--threads-max=1", "-Zxz", "-z1", "--build", dir, to); err != nil {
		return fmt.Errorf("make package: %w", err)
	}
	return nil
}

// debianized puts files where Debian wants them, in the form in which it wants them.
func (r release) debianized(files []file) ([]file, error) {
	var all []file
	for _, f := range files {
		f.path = "usr/" + f.path
		switch {
		case path.Base(f.path) == "LICENSE": // Debian has it
			continue
		case strings.HasPrefix(f.path, "usr/share/man/"):
			data, err := compressed(f.data)
			if err != nil {
				return nil, err
			}
			f.path, f.data = f.path+".gz", data
		}
		f.path = strings.Replace(f.path, "/zsh/site-functions/", "/zsh/vendor-completions/", 1)
		all = append(all, f)
	}
	news, err := compressed(fmt.Appendf(nil, changelog, r.version, r.date.Format(time.RFC1123Z)))
	if err != nil {
		return nil, err
	}
	return append(all,
		file{"usr/" + docs + "copyright", 0o644, []byte(copyright)},
		file{"usr/" + docs + "changelog.gz", 0o644, news},
		file{"usr/share/lintian/overrides/cargo-cow", 0o644, []byte(overrides)},
	), nil
}

func write(path string, data []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, data, mode); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}

// dated gives all below dir one time, and directories the mode that they are to have whatever the umask is.
func dated(dir string, date time.Time) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chmod(path, 0o755)
		}
		if err != nil {
			return err
		}
		return os.Chtimes(path, date, date)
	})
}
