package justintime

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/locate"
)

// A cargo is the process that has called the wrapper.
type cargo struct {
	exe  string
	cwd  string
	args []string // without its own name
	// caching: it holds the lock of the package cache, so that a cargo which needs that would wait for this one (cargo
	// update; cargo build that resolves a new dependency).
	caching func() bool
}

// parent looks at the parent of this process.
func parent() (*cargo, error) {
	proc := "/proc/" + strconv.Itoa(os.Getppid())
	exe, err := os.Readlink(proc + "/exe")
	if err != nil {
		return nil, err
	}
	cwd, err := os.Readlink(proc + "/cwd")
	if err != nil {
		return nil, err
	}
	line, err := os.ReadFile(proc + "/cmdline")
	if err != nil {
		return nil, err
	}
	c := &cargo{exe: exe, cwd: cwd, caching: func() bool { return holdsCache(proc) }}
	if args := strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00"); len(args) > 0 {
		c.args = args[1:]
	}
	return c, nil
}

// holdsCache reports whether a process has the lock file of the package cache open. In doubt it has.
func holdsCache(proc string) bool {
	fds, err := os.ReadDir(proc + "/fd")
	return err != nil || slices.ContainsFunc(fds, func(fd os.DirEntry) bool {
		file, err := os.Readlink(proc + "/fd/" + fd.Name())
		return err == nil && strings.HasPrefix(filepath.Base(file), ".package-cache")
	})
}

// notBuilding are the commands of cargo's own that build nothing in the workspace's build directory, or have made it by
// now. All others may: many are aliases.
var notBuilding = []string{
	"add", "clean", "config", "fetch", "generate-lockfile", "help", "info", "init", "install", "locate-project", "login", "logout", "metadata",
	"new", "owner", "package", "pkgid", "publish", "read-manifest", "remove", "report", "rm", "search", "tree", "uninstall", "update",
	"vendor", "verify-project", "version", "yank",
}

// request says what is to be restored for a cargo before it builds, nil where nothing is.
func (c *cargo) request(env []string) *request {
	getenv := locate.Getenv(env)
	if filepath.Base(c.exe) != "cargo" || IsOff(env) || getenv("OUT_DIR") != "" {
		return nil // OUT_DIR: a build script or a macro runs it
	}
	line, ok := parseLine(c.args)
	if !ok || slices.Contains(notBuilding, line.command) {
		return nil
	}
	r := &request{dir: c.cwd, command: commandOf(line.command, line.profile)}
	if line.manifest != "" {
		if filepath.Base(line.manifest) != "Cargo.toml" {
			return nil // a single file's script
		}
		r.dir = filepath.Dir(c.path(line.manifest))
		// The command finds Cargo's configuration from where it runs, Cargo from where it was called.
		if !slices.Equal(configFiles(c.cwd), configFiles(r.dir)) {
			return nil
		}
	}
	// The command asks this very cargo, whose questions to the compiler are to be answered by it alone.
	set := []string{Switch + "=" + Off, "CARGO=" + c.exe}
	target := line.target
	for _, name := range []string{"CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"} {
		if target == "" {
			target = getenv(name)
		}
	}
	switch {
	case target != "" && !isWithin(c.path(target), r.dir):
		r.target = c.path(target)
		set = append(set, "CARGO_TARGET_DIR="+r.target)
		if isBuilt(r.target) {
			return nil
		}
	case builtAbove(r.dir):
		return nil
	case target != "":
		// An editor's, inside the one that all others build in: that is restored first, since
		// it will count as built then.
		set = append(set, "CARGO_TARGET_DIR=", "CARGO_BUILD_TARGET_DIR=")
	}
	if c.caching() { // asked last, as it costs most
		return nil
	}
	// clippy's is none of the workspace's, and what cargo is to build it is told by (cargo clippy sets it itself).
	if strings.HasPrefix(filepath.Base(getenv("RUSTC_WORKSPACE_WRAPPER")), "clippy-driver") {
		set = append(set, "RUSTC_WORKSPACE_WRAPPER=")
	}
	r.env = with(env, set...)
	return r
}

// path is where a name on cargo's command line leads.
func (c *cargo) path(name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(c.cwd, name)
}

// A line is what of a command line decides where cargo builds.
type line struct{ command, manifest, target, profile string }

// valued are flags whose next word belongs to them, as far as these may come before the command or look like it.
var valued = []string{"--color", "--explain", "-C", "--message-format", "-p", "--package", "-j", "--jobs", "--target", "-F", "--features", "--bin", "--example", "--test", "--bench", "--exclude"}

// parseLine reads cargo's arguments. It is not ok where they have what is not understood here: configuration, or
// unstable flags.
func parseLine(args []string) (l line, ok bool) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		name, value, attached := strings.Cut(arg, "=")
		next := func() string {
			if !attached && i+1 < len(args) {
				i++
				return args[i]
			}
			return value
		}
		switch {
		case arg == "--":
			return l, l.command != ""
		case name == "--config" || strings.HasPrefix(arg, "-Z") || name == "--lockfile-path":
			return l, false
		case name == "--manifest-path":
			l.manifest = next()
		case name == "--target-dir":
			l.target = next()
		case name == "--profile":
			l.profile = next()
		case arg == "--release" || arg == "-r":
			l.profile = "release"
		case slices.Contains(valued, name):
			next()
		case strings.HasPrefix(arg, "-") || strings.HasPrefix(arg, "+"):
		case l.command == "":
			l.command = arg
		}
	}
	return l, l.command != ""
}
