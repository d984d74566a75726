package rustc

import (
	"debug/elf"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A toolchain is a compiler and where it has its libraries.
type toolchain struct {
	program string // by its real path
	// root has the compiler's own libraries, in one of libraryDirs.
	root string
	// sysroot has those that programs are linked with.
	sysroot string
	// launched is what the program runs in its turn, and how, where it is not the
	// compiler itself: then compiler is.
	launched []string
	compiler string
}

// actual is the compiler itself.
func (t *toolchain) actual() string {
	if t.compiler != "" {
		return t.compiler
	}
	return t.program
}

// libraryDirs are where below a root distributions keep the compiler's libraries.
var libraryDirs = []string{"/lib", "/lib64", "/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu"}

func isLibrary(name string) bool {
	for _, stem := range []string{driverLibrary, "libstd-", "libLLVM"} {
		if strings.HasPrefix(name, stem) {
			return true
		}
	}
	return false
}

func (t *toolchain) libraries() string {
	list := ""
	for _, dir := range libraryDirs {
		list += identities(t.root+dir, isLibrary)
	}
	return list
}

// findToolchain finds what a call runs, as cargo's own search does: a name without a
// directory by PATH.
func (u *unit) findToolchain(name string) (toolchain, error) {
	path := u.findProgram(name)
	if path == "" {
		return toolchain{}, &Uncacheable{"compiler that is not found", name}
	}
	if t, ok := installed(path); ok {
		return t, nil
	}
	return u.askLauncher(path)
}

// installed is a compiler that lies beside its libraries.
func installed(path string) (toolchain, bool) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return toolchain{}, false
	}
	root := filepath.Dir(filepath.Dir(real))
	t := toolchain{program: real, root: root, sysroot: root}
	// One that lies beside the library and does not load it runs another: a script, or
	// a program made of one, among links to a toolchain's files.
	library := loads(real)
	return t, library != "" && exists(root+"/lib/rustlib") &&
		slices.ContainsFunc(libraryDirs, func(dir string) bool { return exists(root + dir + "/" + library) })
}

// loads returns the compiler's library that a program is linked with, "" if with
// none.
func loads(program string) string {
	f, err := elf.Open(program)
	if err != nil {
		return ""
	}
	defer f.Close()
	names, _ := f.ImportedLibraries()
	for _, name := range names {
		if strings.HasPrefix(name, driverLibrary) {
			return name
		}
	}
	return ""
}

// standardLibrary is what lies in a sysroot, for the target.
func (u *unit) standardLibrary(sysroot string) error {
	if exists(sysroot + "/lib/rustlib/src/rust/library/std/src/lib.rs") {
		u.add("compiler's sources", "there") // messages quote them
	}
	found := false
	triples, _ := os.ReadDir(sysroot + "/lib/rustlib")
	for _, t := range triples {
		if t.Type().IsRegular() {
			continue
		}
		dir := sysroot + "/lib/rustlib/" + t.Name()
		// Without --target it is the compiler's own, which one of them is.
		if std := identities(dir+"/lib", anyName); std != "" && (u.Target == "" || u.Target == t.Name() || filepath.Base(u.Target) == t.Name()+".json") {
			u.add("standard library "+t.Name(), std)
			found = true
		}
		for _, programs := range []string{"/codegen-backends", "/bin", "/bin/gcc-ld"} {
			if list := identities(dir+programs, anyName); list != "" {
				u.add("compiler's "+t.Name()+programs, list)
			}
		}
	}
	if !found && !strings.HasSuffix(u.Target, ".json") {
		return &Uncacheable{"compiler outside of a toolchain", sysroot}
	}
	return nil
}

// askLauncher finds out what a program runs that is not a compiler itself: rustup's, a
// script, one of a version manager's. It is run as cargo runs a compiler to ask it
// something, but that the source is to come from a pipe. As soon as a process of its
// has the compiler's library loaded, the kernel tells which program that is, with which
// arguments and variables; then all of it is ended, before anything was read.
func (u *unit) askLauncher(path string) (toolchain, error) {
	refuse := func(why string) (toolchain, error) {
		return toolchain{}, &Uncacheable{"compiler that does not show what it runs", path + ": " + why}
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return refuse(err.Error())
	}
	probe := u.probe()
	started, end, err := u.startProbe(path, probe)
	if err != nil {
		return refuse(err.Error())
	}
	defer end()
	found, err := awaitCompiler(started)
	if err != nil {
		return refuse(err.Error())
	}
	t := toolchain{program: real, compiler: found.program, root: rootOf(found.library)}
	if t.root == "" {
		return refuse(found.library)
	}
	t.launched = append(t.launched, identityOf(found.program))
	t.launched = append(t.launched, difference("argument ", probe[1:], found.args)...)
	t.launched = append(t.launched, difference("variable ", u.steadyVariables(u.Environ), u.steadyVariables(found.environ))...)
	if t.sysroot = sysrootOf(found.args); t.sysroot == "" {
		t.sysroot = t.root
	}
	return t, nil
}

// rootOf is the root that a compiler's library belongs to (rustc 1.95,
// rustc_session/filesearch.rs: default_from_rustc_driver_dll), "" if to none.
func rootOf(library string) string {
	for _, dir := range libraryDirs {
		if root, ok := strings.CutSuffix(filepath.Dir(library), dir); ok && exists(root+"/lib/rustlib") {
			return root
		}
	}
	return ""
}

// sysrootOf is what arguments say of it.
func sysrootOf(args []string) string {
	for i, a := range args {
		if a == "--sysroot" && i+1 < len(args) {
			return args[i+1]
		}
		if dir, ok := strings.CutPrefix(a, "--sysroot="); ok {
			return dir
		}
	}
	return ""
}

// Compiler says which compiler a name stands for in a directory and environment. It
// goes the way that a call goes; the error is the Uncacheable for which all calls
// would be refused.
func Compiler(name, dir string, environ []string) (program string, err error) {
	u := &unit{Call: &Call{Argv: []string{name}, Options: 1}, Context: Context{Dir: dir, Environ: environ}}
	t, err := u.findToolchain(name)
	if err == nil {
		err = u.standardLibrary(t.sysroot)
	}
	if err != nil {
		return "", err
	}
	return t.actual(), nil
}
