package rustc

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// unusualTargets are in the names of targets for which more is written than is
// announced, and which have linkers and libraries of their own.
var unusualTargets = []string{"windows", "apple", "uefi", "emscripten", "cygwin", ".json"}

// linkInputs is what a linker puts together, beside what it is called with.
func (u *unit) linkInputs() error {
	if slices.ContainsFunc(unusualTargets, func(name string) bool { return strings.Contains(u.Target, name) }) {
		return &Uncacheable{"target that is linked in another way", u.Target}
	}
	digest, natives, err := u.linkedUnits()
	if err != nil {
		return err
	}
	u.add("all crates below", digest)
	natives = append(append(natives, u.Natives...), u.askedNatives...)
	if len(natives) > 0 {
		u.linkedReach = u.linkedReach.Join(rustsrc.Reach{Any: "a native library"})
	}
	slices.SortFunc(natives, compareNatives)
	for _, n := range slices.Compact(natives) {
		what := u.resolveNative(n, true)
		if what == thin {
			return &Uncacheable{"archive of names", n.Name}
		}
		u.add("library "+n.Name, what)
	}
	// Sources may ask for one through another crate's macro, of which nothing tells
	// before they are compiled.
	for _, dir := range u.nativeDirs {
		if !strings.Contains(dir, "/build/") {
			continue
		}
		archives, _ := filepath.Glob(globQuote(dir) + "/*.a")
		for _, path := range archives {
			digest, err := libraryDigest(path)
			if err != nil {
				return &Uncacheable{"library that cannot be read", path}
			}
			u.add("library of a script "+filepath.Base(path), digest)
		}
	}
	u.linker()
	return nil
}

var globQuote = strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace

// linkedUnits looks at all units that are linked into what the call makes: their
// contents, and the native libraries they ask for.
func (u *unit) linkedUnits() (contents string, natives []Native, err error) {
	w := &linkWalk{unit: u, seen: map[string]bool{}}
	for _, e := range u.Externs {
		if e.Path == "" {
			continue
		}
		if err := w.visit(e.Path); err != nil {
			return "", nil, err
		}
	}
	slices.Sort(w.contents)
	return digest.OfText(strings.Join(w.contents, "\n")), w.natives, nil
}

// A linkWalk goes from units to those they were compiled against.
type linkWalk struct {
	unit     *unit
	seen     map[string]bool
	contents []string // a line for each unit: its name and the digest of what is linked
	natives  []Native
}

func (w *linkWalk) visit(output string) error {
	dir, name := filepath.Dir(output), unitName(output)
	if w.seen[dir+"/"+name] {
		return nil
	}
	w.seen[dir+"/"+name] = true
	t, err := ReadTrailer(output)
	if filepath.Ext(output) == ".so" {
		if err == nil {
			return nil // a macro; nothing of it is linked
		}
		return w.sharedLibrary(output, name)
	}
	if err != nil || t.Key == "" {
		return &Uncacheable{"dependency without record", name}
	}
	digest := t.linkDigest(dir)
	if digest == "" {
		return &Uncacheable{"dependency that cannot be linked", name}
	}
	w.contents = append(w.contents, name+" "+digest)
	w.natives = append(w.natives, t.Natives...)
	w.unit.linkedReach = w.unit.linkedReach.Join(t.Reach)
	w.unit.linkedDepFiles = append(w.unit.linkedDepFiles, dir+"/"+name+".d")
	for _, dep := range t.Deps {
		if err := w.visit(filepath.Join(dir, dep)); err != nil {
			return err
		}
	}
	return nil
}

// sharedLibrary is one of Rust's, which has no record.
func (w *linkWalk) sharedLibrary(path, name string) error {
	digest, _, err := Digest(path)
	if err != nil {
		return &Uncacheable{"dependency that cannot be linked", name}
	}
	w.contents = append(w.contents, name+" "+digest)
	w.unit.linkedReach = w.unit.linkedReach.Join(rustsrc.Unread)
	return nil
}

// linker says what links, and what is linked into everything.
func (u *unit) linker() {
	names := slices.Clone(linkers)
	if u.Linker != "" {
		names = append([]string{u.Linker}, names...)
	}
	for _, value := range u.fileValues {
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
		path := u.findProgram(name)
		if path == "" {
			continue
		}
		value := identity(path)
		if paths.Below(path, u.Dir) {
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
	for _, name := range linkerVariables {
		if value, ok := u.env(name); ok {
			u.add("variable "+name, value)
		}
	}
	for _, e := range u.Environ {
		// Nix puts a script before each compiler and linker, which reads these.
		if name, value, _ := strings.Cut(e, "="); strings.HasPrefix(name, "NIX_") && !slices.Contains(nixShellVariables, name) {
			u.add("variable "+name, u.portableText(value))
		}
	}
}

// linkers are programs that link by default, and what those call.
var linkers = []string{"cc", "ld", "collect2"}

// linkerVariables are variables that gcc, clang and ld look at.
var linkerVariables = []string{
	"LIBRARY_PATH", "COMPILER_PATH", "GCC_EXEC_PREFIX", "LD_RUN_PATH", "CCC_OVERRIDE_OPTIONS", "LDEMULATION", "SDKROOT", "MACOSX_DEPLOYMENT_TARGET",
}

// nixShellVariables are variables of Nix that are for its users' shells.
var nixShellVariables = []string{"NIX_PATH", "NIX_PROFILES", "NIX_REMOTE", "NIX_SSL_CERT_FILE", "NIX_USER_PROFILE_DIR"}

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
	return digest.OfText(text)
}
