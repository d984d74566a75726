package rustc

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/zeebo/blake3"
	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/cargo/extent"
)

// Absent stands for the digest of a file that is not there.
const Absent = ""

// Digest is that of a file's content, as hex digits, and its size in bytes. Links
// are followed. What is no regular file, such as a pipe, is an error: reading it
// might never end.
func Digest(path string) (digest string, size int64, err error) {
	f, err := open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.close()
	h := blake3.New()
	buf := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buf)
	for {
		n, err := f.read(buf[:])
		if err != nil {
			return "", 0, err
		}
		if n == 0 {
			return hexDigest(h), size, nil
		}
		size += int64(n)
		h.Write(buf[:n])
	}
}

const bufferSize = 128 << 10

// buffers are used again: fresh memory costs a fault for each page.
var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// readFile returns a file's content, and when it may last have changed.
func readFile(path string) ([]byte, time.Time, error) {
	f, err := open(path)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer f.close()
	text := make([]byte, 0, f.size+1)
	for {
		if len(text) == cap(text) {
			text = slices.Grow(text, bufferSize)
		}
		n, err := f.read(text[len(text):cap(text)])
		if err != nil {
			return nil, time.Time{}, err
		}
		if n == 0 {
			return text, f.changed, nil
		}
		text = text[:len(text)+n]
	}
}

// file is a regular file that is read. An os.File costs five more calls of the
// kernel, for a poller that regular files have no use for: with the 56 sources of a
// middling crate that was a third of a call that is answered (measured).
type file struct {
	fd      int
	path    string
	size    int64
	changed time.Time
}

func open(path string) (*file, error) {
	fd, err := retry(func() (int, error) {
		return syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	})
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	f := &file{fd: fd, path: path}
	var st syscall.Stat_t
	if err = syscall.Fstat(fd, &st); err == nil && st.Mode&syscall.S_IFMT != syscall.S_IFREG {
		err = errors.New("not a regular file")
	}
	if err != nil {
		f.close()
		return nil, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	f.size, f.changed = st.Size, changed(&st)
	return f, nil
}

func (f *file) read(b []byte) (int, error) {
	n, err := retry(func() (int, error) { return syscall.Read(f.fd, b) })
	if err != nil {
		return 0, &fs.PathError{Op: "read", Path: f.path, Err: err}
	}
	return n, nil
}

func (f *file) close() { _ = syscall.Close(f.fd) }

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

// changed is when a file's content may last have changed: the later of its time,
// which anybody can set, and that of its inode, which nobody can.
func changed(st *syscall.Stat_t) time.Time {
	t, c := time.Unix(st.Mtim.Unix()), time.Unix(st.Ctim.Unix())
	if c.After(t) {
		return c
	}
	return t
}

func hexDigest(h *blake3.Hasher) string { return hex.EncodeToString(h.Sum(nil)[:digestSize]) }

// exists reports whether there is something of that name.
func exists(path string) bool {
	var st syscall.Stat_t
	return syscall.Stat(path, &st) == nil
}

// digestOrAbsent is Digest for a file that need not be there.
func digestOrAbsent(path string) (string, error) {
	digest, _, err := Digest(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Absent, nil
	}
	return digest, err
}

// identity tells one version of an installed file from another without reading it:
// what it is really called, its size and its time. A package manager gives what it
// installs another time.
func identity(path string) string {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "not found"
	}
	return identityOf(real)
}

// identityOf is identity of what is really called so.
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
	return digestText(string(text))
}

// scriptCrate begins the names that cargo gives to the crates of build scripts.
const scriptCrate = "build_script_"

// wrapper is another wrapper around the compiler. What it writes may be its own: one
// puts a launcher in the place of a build script's program, which works only with a
// file beside it (kache 2.0).
func (u *unit) wrapper() error {
	if u.around.Wrapper == "" {
		return nil
	}
	if strings.HasPrefix(u.Crate, scriptCrate) {
		return &Odd{"build script by another wrapper", u.around.Wrapper}
	}
	u.add("wrapper", identity(u.look(u.around.Wrapper)))
	return nil
}

// driven are variables that clippy looks at, beside its own arguments and those that
// the compiler lists (clippy of rustc 1.95, src/driver.rs, clippy_utils/msrvs.rs and
// diagnostics.rs).
var driven = []string{"CLIPPY_ARGS", "CARGO_PRIMARY_PACKAGE", "CARGO_PKG_RUST_VERSION", "CLIPPY_DISABLE_DOCS_LINKS", "SYSROOT"}

// clippy is what decides clippy's lints beside its arguments: it looks for its
// settings from the package upwards, and lists only those it found (clippy of rustc
// 1.95, clippy_config/conf.rs: lookup_conf_file). Some lints read manifests.
func (u *unit) clippy() string {
	home, _ := u.env("CARGO_MANIFEST_DIR")
	dir, ok := u.env("CLIPPY_CONF_DIR")
	if !ok {
		dir = home
	}
	text := ""
	look := func(path string) {
		if digest, err := digestOrAbsent(path); err != nil || digest != Absent {
			text += filepath.Base(path) + " " + digest + "\n"
		}
	}
	dir = u.abs(dir)
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	for dir = filepath.Clean(dir); ; dir = filepath.Dir(dir) {
		for _, name := range extent.Lints {
			look(dir + "/" + name)
		}
		if dir == "/" {
			break
		}
	}
	for _, path := range []string{u.abs(home) + "/Cargo.toml", u.cwd + "/Cargo.toml", u.cwd + "/Cargo.lock"} {
		look(path)
	}
	for _, name := range driven {
		if value, ok := u.env(name); ok {
			text += name + "=" + value + "\x00"
		}
	}
	return digestText(text)
}

// linkers are programs that link by default, and what those call.
var linkers = []string{"cc", "ld", "collect2"}

// systemDirs are where libraries are found that no argument names a directory of,
// on Debian, Fedora, Arch and musl systems.
var systemDirs = []string{
	"/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/lib/aarch64-linux-gnu",
	"/usr/lib64", "/lib64", "/usr/lib", "/lib",
}

// startFiles are linked into every program: a C library's, and the C compiler's.
func startFiles() string {
	var names []string
	for _, dir := range systemDirs {
		for _, name := range []string{"Scrt1.o", "crt1.o", "libc.so", "libc.so.6", "libc.a", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"} {
			names = append(names, dir+"/"+name)
		}
	}
	for _, pattern := range []string{"/usr/lib/gcc/*/*", "/usr/lib64/gcc/*/*", "/usr/lib/gcc-cross/*/*", "/usr/lib/clang/*"} {
		dirs, _ := filepath.Glob(pattern)
		for _, dir := range dirs {
			names = append(names, dir+"/crtbeginS.o", dir+"/libgcc.a", dir+"/libgcc_s.so", dir+"/collect2")
		}
	}
	// Those of compilers for other processors.
	for _, name := range []string{"Scrt1.o", "crt1.o", "libc.so", "libc.so.6", "libc.a"} {
		cross, _ := filepath.Glob("/usr/*-linux-*/lib/" + name)
		names = append(names, cross...)
	}
	text := ""
	for _, name := range names {
		if info, err := os.Stat(name); err == nil {
			text += name + " " + strconv.FormatInt(info.Size(), 10) + " " + strconv.FormatInt(info.ModTime().UnixNano(), 10) + "\n"
		}
	}
	return digestText(text)
}

// linkerReads are variables that gcc, clang and ld look at.
var linkerReads = []string{
	"LIBRARY_PATH", "COMPILER_PATH", "GCC_EXEC_PREFIX", "LD_RUN_PATH", "CCC_OVERRIDE_OPTIONS", "LDEMULATION", "SDKROOT", "MACOSX_DEPLOYMENT_TARGET",
}

// nixOthers are variables of Nix that are for its users' shells.
var nixOthers = []string{"NIX_PATH", "NIX_PROFILES", "NIX_REMOTE", "NIX_SSL_CERT_FILE", "NIX_USER_PROFILE_DIR"}

// linker says what links, and what is linked into everything.
func (u *unit) linker() {
	names := slices.Clone(linkers)
	if u.Linker != "" {
		names = append([]string{u.Linker}, names...)
	}
	for _, value := range u.files {
		for arg := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ' ' || r == ',' }) {
			// -fuse-ld=mold, and --ld-path=/usr/bin/mold
			if ld, ok := strings.CutPrefix(arg, "-fuse-ld="); ok {
				names = append(names, "ld."+ld, ld)
			}
			if ld, ok := strings.CutPrefix(arg, "--ld-path="); ok {
				names = append(names, ld)
			}
		}
	}
	for _, name := range names {
		path := u.look(name)
		if path == "" {
			continue
		}
		value := identity(path)
		if in(path, u.cwd) {
			// One of the project's own is the same wherever its content is.
			digest, err := digestOrAbsent(path)
			value = "content " + digest
			if err != nil {
				value = err.Error()
			}
		}
		u.add("linker "+name, value)
	}
	u.add("start files", startFiles())
	for _, name := range linkerReads {
		if value, ok := u.env(name); ok {
			u.add("variable "+name, value)
		}
	}
	for _, e := range u.environ {
		// Nix puts a script before each compiler and linker, which reads these.
		if name, value, _ := strings.Cut(e, "="); strings.HasPrefix(name, "NIX_") && !slices.Contains(nixOthers, name) {
			u.add("variable "+name, u.localText(value))
		}
	}
}

// look finds a program as a child in the working directory would.
func (u *unit) look(name string) string {
	path, _ := u.env("PATH")
	return LookPath(name, path, u.cwd)
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

// in reports whether a path is below a directory; both are clean.
func in(path, dir string) bool { return strings.HasPrefix(path, dir+"/") }
