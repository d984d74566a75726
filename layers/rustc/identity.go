package rustc

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
)

// identity tells one version of an installed file from another without reading it: by
// its real path, its size and its time. A package manager gives what it
// installs another time.
func identity(path string) string {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "not found"
	}
	return identityOf(real)
}

// identityOf is identity for a path that is the real one.
func identityOf(real string) string {
	info, err := os.Stat(real)
	if err != nil {
		return "not found"
	}
	return real + ", " + strconv.FormatInt(info.Size(), 10) + " bytes, " + strconv.FormatInt(info.ModTime().UnixNano(), 10)
}

// identities is the digest of the identities of all files in a directory whose
// names want accepts, "" if there are none. They are looked up from the directory:
// those of a toolchain were an eighth of a call that is answered, by their paths
// (measured).
func identities(dir string, want func(name string) bool) string {
	fd, err := retry(func() (int, error) { return unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	var names []string
	buf := make([]byte, 8<<10)
	for {
		n, err := retry(func() (int, error) { return unix.ReadDirent(fd, buf) })
		if err != nil || n <= 0 {
			break
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
	slices.Sort(names)
	var text []byte
	for _, name := range names {
		var st unix.Stat_t
		if !want(name) || unix.Fstatat(fd, name, &st, 0) != nil || st.Mode&unix.S_IFMT == unix.S_IFDIR {
			continue
		}
		text = append(append(text, name...), ' ')
		text = append(strconv.AppendInt(text, st.Size, 10), ' ')
		text = append(strconv.AppendInt(text, st.Mtim.Nano(), 10), '\n')
	}
	if len(text) == 0 {
		return ""
	}
	return digest.OfText(string(text))
}

func anyName(string) bool { return true }

// retry repeats a call that a signal has interrupted: Go's runtime sends itself
// some.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != syscall.EINTR {
			return n, err
		}
	}
}
