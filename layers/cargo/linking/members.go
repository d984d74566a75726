package linking

import (
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Members are the names of an archive's members, but for its index and the table of
// long names. The second result is false if it is no archive, or a damaged one.
func Members(path string) (names []string, ok bool) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, false
	}
	return members(f, info.Size())
}

// members reads the headers of the common ar format, as GNU and BSD have it.
func members(f io.ReaderAt, size int64) (names []string, ok bool) {
	const magic, header = "!<arch>\n", 60
	part := func(at, n int64) string {
		if n < 0 || n > size-at {
			return ""
		}
		b := make([]byte, n)
		if _, err := f.ReadAt(b, at); err != nil {
			return ""
		}
		return string(b)
	}
	if part(0, int64(len(magic))) != magic {
		return nil, false
	}
	long := ""
	for at := int64(len(magic)); at < size; {
		h := part(at, header)
		if h == "" || h[58:] != "`\n" {
			return names, false
		}
		n, err := strconv.ParseInt(strings.TrimSpace(h[48:58]), 10, 64)
		if at += header; err != nil || n < 0 || n > size-at {
			return names, false
		}
		name := strings.TrimRight(h[:16], " ")
		switch {
		case name == "/" || name == "/SYM64/" || name == "__.SYMDEF" || name == "__.SYMDEF SORTED":
		case name == "//":
			long = part(at, n)
		case strings.HasPrefix(name, "#1/"):
			if k, err := strconv.ParseInt(name[3:], 10, 64); err == nil && k <= n {
				names = append(names, strings.TrimRight(part(at, k), "\x00"))
			}
		case strings.HasPrefix(name, "/"):
			if k, err := strconv.Atoi(name[1:]); err == nil && k >= 0 && k <= len(long) {
				name, _, _ = strings.Cut(long[k:], "\n")
				names = append(names, strings.TrimSuffix(name, "/"))
			}
		default:
			names = append(names, strings.TrimSuffix(name, "/"))
		}
		at += n + n%2
	}
	return names, true
}

// Bundles reports whether a library of Rust's, whose members are given, may have taken
// in the archive at path: by its members, or whole. Nothing is left of one that has
// none, and what cannot be read may be anything.
func Bundles(rlib []string, path string) bool {
	has := map[string]bool{}
	for _, name := range rlib {
		has[name] = true
	}
	members, ok := Members(path)
	if !ok || len(members) == 0 || has[path[strings.LastIndexByte(path, '/')+1:]] {
		return true
	}
	for _, name := range members {
		if has[name] {
			return true
		}
	}
	return false
}
