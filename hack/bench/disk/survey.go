package main

import (
	"crypto/sha256"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// The kinds of files in a target directory.
const (
	programs     = "programs and tests"
	incremental  = "incremental state"
	scripts      = "build scripts, and what they wrote"
	dependencies = "dependencies"
	rest         = "cargo's own records, and the rest"
)

var kinds = []string{dependencies, scripts, programs, incremental, rest}

// A survey tells what is in target directories, in bytes by kind. A file of several names counts once.
type survey struct {
	all  map[string]int64
	once map[string]int64 // if equal files were one: the least that sharing whole files can come to
}

func (s survey) total() (all, once int64) {
	for _, kind := range kinds {
		all, once = all+s.all[kind], once+s.once[kind]
	}
	return all, once
}

// look reads the targets of a project each, whose package is called as the project is.
func look(targets []target) (survey, error) {
	s := survey{map[string]int64{}, map[string]int64{}}
	inodes, contents := map[[2]uint64]bool{}, map[[sha256.Size]byte]bool{}
	for _, t := range targets {
		err := filepath.WalkDir(t.dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			var st unix.Stat_t
			if err := unix.Lstat(path, &st); err != nil {
				return err
			}
			inode := [2]uint64{st.Dev, st.Ino}
			if inodes[inode] {
				return nil
			}
			inodes[inode] = true
			sum, err := digest(path)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(t.dir, path)
			if err != nil {
				return err
			}
			kind := kindOf(rel, t.project, st.Mode&0o111 != 0)
			s.all[kind] += st.Size
			if !contents[sum] {
				contents[sum] = true
				s.once[kind] += st.Size
			}
			return nil
		})
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

// A target is a project's target directory.
type target struct{ dir, project string }

// kindOf is the kind of a file by its path in a target directory, of Cargo's layout of 1.95.
func kindOf(rel, project string, executable bool) string {
	parts := strings.Split(filepath.ToSlash(rel), "/")
	name := parts[len(parts)-1]
	own := name == project || strings.HasPrefix(name, project+"-")
	switch {
	case slices.Contains(parts, "incremental"):
		return incremental
	case slices.Contains(parts, "build"):
		return scripts
	case own && executable:
		return programs
	case slices.Contains(parts, "deps") && !own:
		return dependencies
	}
	return rest
}

func digest(path string) (sum [sha256.Size]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return sum, err
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}
