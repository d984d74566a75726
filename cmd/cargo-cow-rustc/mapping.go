package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// A mapping says what is shown where: the checkout lies here and is seen there, and its
// build directory likewise.
type mapping struct {
	here, there           string
	root                  string // rustc's working directory there
	buildHere, buildThere string
	real                  string    // the build directory by its real path
	nested                bool      // here lies below there
	apart                 bool      // the build directory does not come along with the checkout
	git                   [2]string // where the repository is seen, and where it lies
}

// systemDirs are never hidden: what is started there would miss them.
var systemDirs = []string{
	"/bin", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/nix", "/opt", "/proc", "/root", "/run", "/sbin", "/sys",
	"/tmp", "/usr", "/var", "/var/tmp",
}

// newMapping reports false where the checkout cannot be shown at the other path.
func newMapping(h *handoff.Handoff, state handoff.State, build string) (*mapping, bool) {
	m := &mapping{here: h.Root, there: state.Root, root: state.Root, buildHere: build, buildThere: state.Build}
	// The whole checkout comes along if the workspace lies in it as it did there.
	if rel, ok := paths.Under(h.Root, h.Checkout); ok && rel != "" {
		if top, ok := strings.CutSuffix(state.Root, "/"+rel); ok && top != "" {
			m.here, m.there = h.Checkout, top
		}
	}
	below, ok := paths.Under(m.here, m.there)
	m.nested = ok && below != ""
	hereRel, in := paths.Under(m.buildHere, m.here)
	thereRel, inThere := paths.Under(m.buildThere, m.there)
	m.apart = !in || !inThere || hereRel != thereRel
	return m, m.here != m.there && !slices.Contains(systemDirs, m.there)
}

// buildAt is the path to show the build directory at: without symbolic links, as it
// will be when the checkout is already seen there.
func (m *mapping) buildAt() (string, bool) {
	if rel, ok := paths.Under(m.buildThere, m.there); ok {
		own := m.here + "/" + rel
		real, err := filepath.EvalSymlinks(own)
		return m.buildThere, err == nil && real == own
	}
	real, err := filepath.EvalSymlinks(m.buildThere)
	if err != nil || m.covers(real) {
		return "", false
	}
	return real, true
}

// toThere returns the path at which something of this checkout's is seen.
func (m *mapping) toThere(path string) string {
	if rel, ok := paths.Under(path, m.buildHere); ok {
		return join(m.buildThere, rel)
	}
	if rel, ok := paths.Under(path, m.here); ok {
		return join(m.there, rel)
	}
	return path
}

// toHere returns the path here of what rustc has by the path there.
func (m *mapping) toHere(path string) string {
	if m.git[0] != "" {
		if rel, ok := paths.Under(path, m.git[0]); ok {
			return join(m.git[1], rel)
		}
		if rel, ok := paths.Under(path, m.toThere(m.git[0])); ok {
			return join(m.git[1], rel)
		}
	}
	if rel, ok := paths.Under(path, m.buildThere); ok {
		return join(m.buildHere, rel)
	}
	if m.nested {
		if _, ok := paths.Under(path, m.here); ok {
			return path
		}
	}
	if rel, ok := paths.Under(path, m.there); ok {
		return join(m.here, rel)
	}
	return path
}

func join(dir, rel string) string {
	if rel == "" {
		return dir
	}
	return dir + "/" + rel
}

// covers reports whether a path, real and clean, is hidden by what is shown.
func (m *mapping) covers(path string) bool {
	if m.nested {
		if _, ok := paths.Under(path, m.here); ok {
			return false
		}
	}
	if _, ok := paths.Under(path, m.there); ok {
		return true
	}
	_, ok := paths.Under(path, m.buildThere)
	return ok && m.apart
}

// hides reports whether name leads, links followed, to something that is hidden. A
// name that leads nowhere is judged by itself.
func (m *mapping) hides(name string) bool {
	if m.covers(filepath.Clean(name)) {
		return true
	}
	real, err := realPath(name)
	return err == nil && m.covers(real)
}

// realPath asks the kernel, which is quicker than a look at every directory.
func realPath(name string) (string, error) {
	fd, err := unix.Open(name, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	return os.Readlink("/proc/self/fd/" + itoa(fd))
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

// mentioned reports whether a text has the name of something that is hidden.
func (m *mapping) mentioned(text string) bool {
	if mentions(text, m.there, m.keep()) {
		return true
	}
	return m.apart && mentions(text, m.buildThere, m.keep())
}

// keep is the part below there that is not hidden.
func (m *mapping) keep() string {
	if m.nested {
		return m.here
	}
	return ""
}

// mentions looks for dir as the whole of a path or its beginning, except where it
// is the beginning of keep. Checkouts that lie beside dir are often called by its name
// and more, and variables name them: those are no mention, or nothing would be compiled
// with the origin's state there. What excuses a mention is to be keep without doubt, or
// where flags and their lists separate paths: --remap-path-prefix=FROM=TO.
func mentions(text, dir, keep string) bool {
	for i := 0; ; i++ {
		n := strings.Index(text[i:], dir)
		if n < 0 {
			return false
		}
		i += n
		rest, kept := strings.CutPrefix(text[i:], keep)
		kept = kept && keep != "" && (paths.MustEnd(rest, 0) || strings.IndexByte("=\n\t\x1f", rest[0]) >= 0)
		if startsPath(text[i:], dir) && !kept {
			return true
		}
	}
}

// startsPath reports whether text begins with dir and not with a longer name, as a
// reader would say.
func startsPath(text, dir string) bool {
	return strings.HasPrefix(text, dir) && paths.SeemsToEnd(text, len(dir))
}

// misleads reports whether a symbolic link in dir, a directory of this
// checkout, leads elsewhere when dir is seen there.
func (m *mapping) misleads(dir, link string) bool {
	to := link
	if !filepath.IsAbs(link) {
		to = filepath.Join(dir, link)
	}
	to = filepath.Clean(to)
	if _, ok := paths.Under(to, m.here); ok {
		return false
	}
	if !filepath.IsAbs(link) && filepath.Join(m.toThere(dir), link) != to {
		return true
	}
	return m.hides(to)
}

// leaves reports whether a relative path leads out of the directory it starts in.
func leaves(path string) bool {
	path = filepath.Clean(path)
	return path == ".." || strings.HasPrefix(path, "../")
}

// faithful reports whether all that rustc has read, text is its list, are the files of
// this checkout: what it found at a name must be what the checkout has under that name.
func (m *mapping) faithful(text string, remaps []string) bool {
	if ruleAsked.on() {
		ok := true
		depfile.Variables(text, func(_, value string, _ bool) {
			ok = ok && !m.mentioned(value)
		})
		if !ok {
			return false
		}
	}
	for _, name := range depfile.Inputs(text) {
		if !m.sameThere(name, remaps) {
			return false
		}
	}
	return true
}

func (m *mapping) sameThere(name string, remaps []string) bool {
	full := name
	if filepath.IsAbs(name) {
		full = m.toHere(name)
		if m.git[1] != "" {
			if _, ok := paths.Under(full, m.git[1]); ok {
				return true
			}
		}
		// A prefix is replaced in names that begin with it; that of this
		// checkout was translated.
		for _, from := range remaps {
			if _, ok := paths.Under(name, from); ok && m.toThere(from) != from {
				return false
			}
		}
	} else {
		full = filepath.Join(m.workdir(), name)
		if _, ok := paths.Under(full, m.here); !ok && ruleLeaves.on() {
			return filepath.Join(m.root, name) == full && !m.hides(full)
		}
	}
	if !ruleLinks.on() {
		return true
	}
	real, err := realPath(full)
	if err != nil {
		return false
	}
	if _, ok := paths.Under(full, m.here); ok {
		_, inside := paths.Under(real, m.here)
		_, built := paths.Under(real, m.real)
		return (inside || built) && !m.covers(real)
	}
	return !m.covers(real)
}

// workdir is rustc's working directory without a view.
func (m *mapping) workdir() string {
	rel, _ := paths.Under(m.root, m.there)
	return join(m.here, rel)
}

// sameDir reports whether info is still that of the directory at path.
func sameDir(path string, info os.FileInfo) bool {
	now, err := os.Lstat(path)
	if err != nil {
		return false
	}
	a, ok := info.Sys().(*syscall.Stat_t)
	b, same := now.Sys().(*syscall.Stat_t)
	return ok && same && a.Dev == b.Dev && a.Ino == b.Ino
}

// spelled are the paths that mean something else there, the longest first.
func (m *mapping) spelled() []string {
	dirs := []string{m.there}
	if m.apart {
		dirs = append(dirs, m.buildThere)
	}
	if m.git[0] != "" {
		dirs = append(dirs, m.git[0])
		if there := m.toThere(m.git[0]); there != m.git[0] {
			dirs = append(dirs, there)
		}
	}
	for i := range dirs {
		for k := i; k > 0 && len(dirs[k]) > len(dirs[k-1]); k-- {
			dirs[k], dirs[k-1] = dirs[k-1], dirs[k]
		}
	}
	return dirs
}
