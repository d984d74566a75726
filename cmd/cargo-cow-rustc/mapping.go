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

// A mapping says what is where: here is the place's checkout, there the path at which
// it is seen, and the same for its build directory.
type mapping struct {
	here, there           string
	root                  string // rustc's working directory there
	buildHere, buildThere string
	real                  string    // the place's build directory by its real path
	nested                bool      // here lies below there
	apart                 bool      // the build directory does not come along with the checkout
	git                   [2]string // where the repository is seen, and where it is
}

// systemDirs are never hidden: what is started there would miss them.
var systemDirs = []string{
	"/bin", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/nix", "/opt", "/proc", "/root", "/run", "/sbin", "/sys",
	"/tmp", "/usr", "/var", "/var/tmp",
}

// newMapping reports false where the one cannot be shown at the other.
func newMapping(place *handoff.Handoff, state handoff.State, build string) (*mapping, bool) {
	p := &mapping{here: place.Root, there: state.Root, root: state.Root, buildHere: build, buildThere: state.Build}
	// The whole checkout comes along if the workspace lies in it as it did there.
	if rel, ok := paths.Under(place.Root, place.Checkout); ok && rel != "" {
		if top, ok := strings.CutSuffix(state.Root, "/"+rel); ok && top != "" {
			p.here, p.there = place.Checkout, top
		}
	}
	below, ok := paths.Under(p.here, p.there)
	p.nested = ok && below != ""
	hereRel, in := paths.Under(p.buildHere, p.here)
	thereRel, inThere := paths.Under(p.buildThere, p.there)
	p.apart = !in || !inThere || hereRel != thereRel
	return p, p.here != p.there && !slices.Contains(systemDirs, p.there)
}

// buildAt is the path to show the build directory at: without symbolic links, as it
// will be when the checkout is already seen there.
func (p *mapping) buildAt() (string, bool) {
	if rel, ok := paths.Under(p.buildThere, p.there); ok {
		own := p.here + "/" + rel
		real, err := filepath.EvalSymlinks(own)
		return p.buildThere, err == nil && real == own
	}
	real, err := filepath.EvalSymlinks(p.buildThere)
	if err != nil || p.covers(real) {
		return "", false
	}
	return real, true
}

// toThere returns the path at which something of the place is seen.
func (p *mapping) toThere(path string) string {
	if rel, ok := paths.Under(path, p.buildHere); ok {
		return join(p.buildThere, rel)
	}
	if rel, ok := paths.Under(path, p.here); ok {
		return join(p.there, rel)
	}
	return path
}

// toHere returns what rustc's name for something is called in the place.
func (p *mapping) toHere(path string) string {
	if p.git[0] != "" {
		if rel, ok := paths.Under(path, p.git[0]); ok {
			return join(p.git[1], rel)
		}
		if rel, ok := paths.Under(path, p.toThere(p.git[0])); ok {
			return join(p.git[1], rel)
		}
	}
	if rel, ok := paths.Under(path, p.buildThere); ok {
		return join(p.buildHere, rel)
	}
	if p.nested {
		if _, ok := paths.Under(path, p.here); ok {
			return path
		}
	}
	if rel, ok := paths.Under(path, p.there); ok {
		return join(p.here, rel)
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
func (p *mapping) covers(path string) bool {
	if p.nested {
		if _, ok := paths.Under(path, p.here); ok {
			return false
		}
	}
	if _, ok := paths.Under(path, p.there); ok {
		return true
	}
	_, ok := paths.Under(path, p.buildThere)
	return ok && p.apart
}

// hides reports whether name leads, links followed, to something that is hidden. A
// name that leads nowhere is judged by itself.
func (p *mapping) hides(name string) bool {
	if p.covers(filepath.Clean(name)) {
		return true
	}
	real, err := realPath(name)
	return err == nil && p.covers(real)
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
func (p *mapping) mentioned(text string) bool {
	if mentions(text, p.there, p.keep()) {
		return true
	}
	return p.apart && mentions(text, p.buildThere, p.keep())
}

// keep is the part below there that is not hidden.
func (p *mapping) keep() string {
	if p.nested {
		return p.here
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

// misleads reports whether a symbolic link in dir, a directory of the place, leads
// elsewhere when dir is seen there.
func (p *mapping) misleads(dir, link string) bool {
	to := link
	if !filepath.IsAbs(link) {
		to = filepath.Join(dir, link)
	}
	to = filepath.Clean(to)
	if _, ok := paths.Under(to, p.here); ok {
		return false
	}
	if !filepath.IsAbs(link) && filepath.Join(p.toThere(dir), link) != to {
		return true
	}
	return p.hides(to)
}

// leaves reports whether a relative path leads out of the directory it starts in.
func leaves(path string) bool {
	path = filepath.Clean(path)
	return path == ".." || strings.HasPrefix(path, "../")
}

// faithful reports whether all that rustc has read is the same file for the place:
// text is its list. What it finds at a name must be what the place has there.
func (p *mapping) faithful(text string, remaps []string) bool {
	if ruleAsked.on() {
		ok := true
		depfile.Variables(text, func(_, value string, _ bool) {
			ok = ok && !p.mentioned(value)
		})
		if !ok {
			return false
		}
	}
	for _, name := range depfile.Inputs(text) {
		if !p.sameThere(name, remaps) {
			return false
		}
	}
	return true
}

func (p *mapping) sameThere(name string, remaps []string) bool {
	full := name
	if filepath.IsAbs(name) {
		full = p.toHere(name)
		if p.git[1] != "" {
			if _, ok := paths.Under(full, p.git[1]); ok {
				return true
			}
		}
		// A prefix is replaced in names that begin with it; that of the place was
		// translated.
		for _, from := range remaps {
			if _, ok := paths.Under(name, from); ok && p.toThere(from) != from {
				return false
			}
		}
	} else {
		full = filepath.Join(p.workdir(), name)
		if _, ok := paths.Under(full, p.here); !ok && ruleLeaves.on() {
			return filepath.Join(p.root, name) == full && !p.hides(full)
		}
	}
	if !ruleLinks.on() {
		return true
	}
	real, err := realPath(full)
	if err != nil {
		return false
	}
	if _, ok := paths.Under(full, p.here); ok {
		_, inside := paths.Under(real, p.here)
		_, built := paths.Under(real, p.real)
		return (inside || built) && !p.covers(real)
	}
	return !p.covers(real)
}

// workdir is rustc's working directory without a view.
func (p *mapping) workdir() string {
	rel, _ := paths.Under(p.root, p.there)
	return join(p.here, rel)
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
