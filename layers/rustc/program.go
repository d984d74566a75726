package rustc

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// findProgram finds a program as a child in the working directory would.
func (u *unit) findProgram(name string) string {
	path, _ := u.env("PATH")
	return LookPath(name, path, u.Dir)
}

// LookPath finds a program as execvp(3) does in directory dir, "" if there is none.
// Package os/exec would double what our wrapper imports.
func LookPath(name, path, dir string) string {
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = dir + "/" + name
		}
		return name
	}
	for in := range strings.SplitSeq(path, ":") {
		if !filepath.IsAbs(in) {
			in = filepath.Join(dir, in) // an empty one is the directory itself
		}
		var st unix.Stat_t
		file := in + "/" + name
		if unix.Stat(file, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && unix.Faccessat(unix.AT_FDCWD, file, unix.X_OK, unix.AT_EACCESS) == nil {
			return file
		}
	}
	return ""
}
