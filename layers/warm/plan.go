// Package warm reads ahead what the first build after an edit in a restored build
// directory will read. A snapshot shares data with what it was made from, but has a
// page cache of its own, which is empty at first.
//
// It only ever reads. Plan chooses the files; Run brings them into the page cache,
// one after the other, and gives way to everybody: it has the idle priority for
// processor and disk, and ends when its context does. Idle makes a context that
// ends when a build begins. All functions may be called concurrently; what is
// removed meanwhile is passed over.
package warm

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/incremental"
)

// File is one file to read.
type File struct {
	Path string // absolute, if the build directory was given so
	Size int64  // bytes
}

// Plan lists the files of a build directory that a build after an edit reads, in
// about the order in which it does, and their bytes. They are those of the profile
// that was built last: metadata of libraries and macros, what rustc keeps of its
// newest finished session for each crate, libraries.
func Plan(buildDir string) (files []File, bytes int64, err error) {
	profiles, err := builddir.Profiles(buildDir)
	if err != nil {
		return nil, 0, fmt.Errorf("plan reading of %s: %w", buildDir, err)
	}
	var best *profile
	for _, name := range profiles {
		p, err := readProfile(filepath.Join(buildDir, name))
		if err != nil {
			return nil, 0, fmt.Errorf("plan reading of %s: %w", buildDir, err)
		}
		if best == nil || p.later(best) {
			best = p
		}
	}
	if best == nil {
		return nil, 0, nil
	}
	listed := map[inode]bool{}
	for _, paths := range [][]string{best.metadata, best.state, best.libraries} {
		for _, path := range paths {
			fi, err := os.Lstat(path)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, 0, fmt.Errorf("plan reading of %s: %w", buildDir, err)
			}
			st := fi.Sys().(*syscall.Stat_t)
			id := inode{uint64(st.Dev), st.Ino}
			if !fi.Mode().IsRegular() || fi.Size() == 0 || listed[id] {
				continue
			}
			listed[id] = true
			files = append(files, File{path, fi.Size()})
			bytes += fi.Size()
		}
	}
	return files, bytes, nil
}

// inode tells names of one file: rustc hard-links what it keeps.
type inode struct{ dev, ino uint64 }

// profile is what one profile directory has.
type profile struct {
	newest  string // name of the newest finished session, which begins with its time
	written int64  // when outputs were last added, in ns

	metadata, state, libraries []string
}

// later reports whether p was built after q, as far as can be told: the time of a
// session survives every copy.
func (p *profile) later(q *profile) bool {
	return cmp.Or(strings.Compare(p.newest, q.newest), cmp.Compare(p.written, q.written)) > 0
}

// readProfile lists what a profile directory has.
func readProfile(dir string) (*profile, error) {
	p := &profile{}
	// Both layouts: all outputs side by side, or one directory for each unit.
	if err := p.outputs(filepath.Join(dir, "deps")); err != nil {
		return nil, err
	}
	units, err := filepath.Glob(filepath.Join(quoteGlob(dir), "build", "*", "*", "out"))
	if err != nil {
		return nil, err
	}
	for _, unit := range units {
		if fi, err := os.Stat(filepath.Join(filepath.Dir(unit), "fingerprint")); err != nil || !fi.IsDir() {
			continue // what a build script made, in the other layout
		}
		if err := p.outputs(unit); err != nil {
			return nil, err
		}
	}
	return p, p.sessions(filepath.Join(dir, "incremental"))
}

func (p *profile) outputs(dir string) error {
	entries, err := readDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch filepath.Ext(e.Name()) {
		case ".rmeta", ".so":
			p.metadata = append(p.metadata, path)
		case ".rlib":
			p.libraries = append(p.libraries, path)
		}
	}
	if fi, err := os.Stat(dir); err == nil {
		p.written = max(p.written, fi.ModTime().UnixNano())
	}
	return nil
}

// sessions adds, for each crate, the session that rustc will start from.
func (p *profile) sessions(dir string) error {
	crates, err := readDir(dir)
	if err != nil {
		return err
	}
	for _, crate := range crates {
		entries, err := readDir(filepath.Join(dir, crate.Name()))
		if err != nil {
			return err
		}
		var names []string
		for _, e := range entries {
			if e.IsDir() && incremental.IsSession(e.Name()) {
				names = append(names, e.Name())
			}
		}
		newest := incremental.Newest(names)
		if newest == "" {
			continue
		}
		p.newest = max(p.newest, newest)
		kept := filepath.Join(dir, crate.Name(), newest)
		files, err := readDir(kept)
		if err != nil {
			return err
		}
		for _, f := range files {
			p.state = append(p.state, filepath.Join(kept, f.Name()))
		}
	}
	return nil
}

// readDir returns nothing for what is not there, or is no directory.
func readDir(dir string) ([]fs.DirEntry, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, nil
	}
	return entries, err
}

// quoteGlob makes a path one that matches itself.
func quoteGlob(path string) string {
	var b strings.Builder
	for _, r := range []byte(path) {
		if slices.Contains([]byte(`*?[\`), r) {
			b.WriteByte('\\')
		}
		b.WriteByte(r)
	}
	return b.String()
}
