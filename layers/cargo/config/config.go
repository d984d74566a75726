// Package config reads what in Cargo's configuration decides how packages are
// built: the config.toml files from a directory upward and in Cargo's home, and
// the variables that override them. Settings and ResolvedProfiles write it so
// that equal meaning is equal text.
//
// It knows the keys that matter for layers and no others, and it does not see
// --config arguments. Merging follows cargo 1.95 (util/context/mod.rs:
// walk_tree, load_includes; config_value.rs: merge): the closer file wins, and
// lists are joined with the closer file's part last.
//
// Load keeps no state and may be called concurrently; a Config is not changed
// after Load and may be read concurrently.
package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Config is the part of the configuration that decides builds. Paths are
// absolute unless the comment says otherwise.
type Config struct {
	// Files are the configuration files that were read: the closest first, each
	// followed by what it includes.
	Files []string

	// Env is the [env] table.
	Env map[string]EnvValue

	Rustflags Rustflags

	// Linkers are the target.<triple>.linker and target.<cfg>.linker programs
	// by triple or cfg expression, or by variable where only the environment
	// names one. A program without a slash is looked up in PATH.
	Linkers map[string]string

	// Programs instead of rustc and around it, or empty. Those without a slash
	// are looked up in PATH.
	Rustc                 string
	RustcWrapper          string
	RustcWorkspaceWrapper string

	// Targets are triples or paths of target specifications (build.target).
	Targets []string

	// TargetDir and BuildDir are empty if not configured. BuildDir may hold
	// templates such as {workspace-root}.
	TargetDir string
	BuildDir  string

	// Profiles is the [profile] table as it is in the files, with maps, lists,
	// strings, numbers and booleans. ProfileEnv are the variables that go
	// before it, CARGO_PROFILE_* and those about incremental compilation.
	Profiles   map[string]any
	ProfileEnv map[string]string

	// Unstable is the [unstable] table, UnstableEnv the CARGO_UNSTABLE_*
	// variables.
	Unstable    map[string]any
	UnstableEnv map[string]string

	incremental         any            // build.incremental
	host                map[string]any // the [host] table
	targetAppliesToHost any
	// links are the tables of [target.<key>] that replace the runs of build
	// scripts, by key and the name of what they link.
	links map[string]any
	// sources are the [source] tables; directories in them, and paths, the
	// packages that take the place of others, are absolute.
	sources       map[string]map[string]string
	paths         []string
	classicLayout bool // asked for by variable
}

// EnvValue is a variable that Cargo sets for rustc and for build scripts.
type EnvValue struct {
	Value string
	// Force: it is set even if the caller's environment has it.
	Force bool
	// Relative: Value is a path relative to Base, the directory that has the
	// .cargo directory of the file in it.
	Relative bool
	Base     string
}

// resolve returns the value that the variable gets.
func (v EnvValue) resolve() string {
	if !v.Relative || filepath.IsAbs(v.Value) {
		return v.Value
	}
	return v.Base + "/" + v.Value // not cleaned, as Cargo does not
}

// Rustflags are the sources of flags for rustc. Cargo takes the first of
// Env, Target and Build that is not empty (cargo 1.95,
// compiler/build_context/target_info.rs: extra_args).
type Rustflags struct {
	// Env are the flags in CARGO_ENCODED_RUSTFLAGS or else RUSTFLAGS. FromEnv
	// tells that one of them is set, were it to nothing.
	FromEnv bool
	Env     []string
	// Target has the flags by triple or cfg expression, or by variable where
	// only the environment names some. Those that match are joined.
	Target map[string][]string
	Build  []string
}

// Load reads the configuration that Cargo sees when it runs in dir, with
// cargoHome as its home and environ, in the form of os.Environ, as its
// environment. Both directories must be absolute. Errors name the file, and the
// line where it is not TOML.
func Load(dir, cargoHome string, environ []string) (*Config, error) {
	l := newLoader(dir, environ)
	root, err := l.files(cargoHome)
	if err != nil {
		return nil, fmt.Errorf("load cargo configuration: %w", err)
	}
	r := &reader{loader: l, root: root}
	c := r.config()
	if r.err != nil {
		return nil, fmt.Errorf("load cargo configuration: %w", r.err)
	}
	return c, nil
}

func (r *reader) config() *Config {
	build := r.table(r.root, "build")
	c := &Config{
		Files:                 r.read,
		Env:                   r.envTable(),
		Rustc:                 r.tool("RUSTC", build["rustc"]),
		RustcWrapper:          r.tool("RUSTC_WRAPPER", build["rustc-wrapper"]),
		RustcWorkspaceWrapper: r.tool("RUSTC_WORKSPACE_WRAPPER", build["rustc-workspace-wrapper"]),
		TargetDir:             r.path("CARGO_BUILD_TARGET_DIR", build["target-dir"]),
		BuildDir:              r.path("CARGO_BUILD_BUILD_DIR", build["build-dir"]),
		Targets:               r.targets(build["target"]),
		Linkers:               map[string]string{},
		Rustflags:             r.rustflags(build["rustflags"]),
		ProfileEnv:            r.variables("CARGO_PROFILE_"),
		UnstableEnv:           r.variables("CARGO_UNSTABLE_"),
		incremental:           build["incremental"].plain(),
		targetAppliesToHost:   r.child(r.root, "target-applies-to-host").plain(),
		links:                 map[string]any{},
		sources:               r.sources(),
		classicLayout:         r.env["__CARGO_TEMPORARY_BUILD_DIR_NEW_LAYOUT_OPT_OUT"] == "1",
	}
	if dir := r.env["CARGO_TARGET_DIR"]; dir != "" {
		c.TargetDir = r.join(r.dir, dir)
	}
	for _, name := range []string{"CARGO_INCREMENTAL", "CARGO_BUILD_INCREMENTAL"} {
		if value, ok := r.env[name]; ok {
			c.ProfileEnv[name] = value
		}
	}
	c.Profiles, _ = r.child(r.root, "profile").plain().(map[string]any)
	c.Unstable, _ = r.child(r.root, "unstable").plain().(map[string]any)
	c.host, _ = r.child(r.root, "host").plain().(map[string]any)
	if list, ok := r.child(r.root, "paths").list(); ok {
		for _, item := range list {
			c.paths = append(c.paths, r.join(base(item.file), r.text(item)))
		}
	}

	known := map[string]bool{}
	for key, target := range r.table(r.root, "target") {
		name := targetVariable(key, "LINKER")
		known[name] = true
		if linker := r.program(name, r.child(target, "linker")); linker != "" {
			c.Linkers[key] = linker
		}
		for lib, child := range r.entries(target) {
			if script, ok := child.plain().(map[string]any); ok {
				c.links[bare(key)+"."+bare(lib)] = script
			}
		}
	}
	for name := range r.variables("CARGO_TARGET_") {
		if strings.HasSuffix(name, "_LINKER") && !known[name] {
			c.Linkers[name] = r.program(name, nil)
		}
	}
	return c
}

// LinkersBelow lists the configured linkers that lie below a directory, sorted.
func (c *Config) LinkersBelow(dir string) []string {
	var list []string
	for _, l := range c.Linkers {
		if strings.HasPrefix(l, dir+"/") {
			list = append(list, l)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (r *reader) sources() map[string]map[string]string {
	sources := map[string]map[string]string{}
	for name, n := range r.table(r.root, "source") {
		sources[name] = map[string]string{}
		for key, child := range r.entries(n) {
			value := fmt.Sprint(child.plain())
			if key == "directory" || key == "local-registry" {
				value = r.join(base(child.file), value)
			}
			sources[name][key] = value
		}
	}
	return sources
}

func (r *reader) rustflags(build *node) Rustflags {
	f := Rustflags{Build: r.words("CARGO_BUILD_RUSTFLAGS", build), Target: map[string][]string{}}
	known := map[string]bool{}
	for key, target := range r.table(r.root, "target") {
		name := targetVariable(key, "RUSTFLAGS")
		known[name] = true
		if flags := r.words(name, r.child(target, "rustflags")); flags != nil {
			f.Target[key] = flags
		}
	}
	for name := range r.variables("CARGO_TARGET_") {
		if strings.HasSuffix(name, "_RUSTFLAGS") && !known[name] {
			f.Target[name] = r.words(name, nil)
		}
	}
	if flags, ok := r.env["CARGO_ENCODED_RUSTFLAGS"]; ok {
		f.FromEnv = true
		if flags != "" {
			f.Env = strings.Split(flags, "\x1f")
		}
	} else if flags, ok := r.env["RUSTFLAGS"]; ok {
		f.FromEnv = true
		for flag := range strings.SplitSeq(flags, " ") {
			if flag = strings.TrimSpace(flag); flag != "" {
				f.Env = append(f.Env, flag)
			}
		}
	}
	return f
}

// targetVariable is the variable for target.<key>.<field> (cargo 1.95,
// util/context/key.rs: push). Cargo has none for cfg expressions.
func targetVariable(key, field string) string {
	if strings.HasPrefix(key, "cfg(") {
		return ""
	}
	return "CARGO_TARGET_" + strings.ToUpper(strings.ReplaceAll(key, "-", "_")) + "_" + field
}

func (r *reader) envTable() map[string]EnvValue {
	env := map[string]EnvValue{}
	for name, n := range r.table(r.root, "env") {
		v := EnvValue{Base: base(n.file)}
		if table, ok := n.value.(map[string]*node); ok {
			v.Value = r.text(table["value"])
			v.Force = r.flag(table["force"])
			v.Relative = r.flag(table["relative"])
		} else {
			v.Value = r.text(n)
		}
		env[name] = v
	}
	return env
}

func (r *reader) targets(n *node) []string {
	env, fromEnv := r.env["CARGO_BUILD_TARGET"]
	var targets []string
	if list, ok := n.list(); ok {
		for _, item := range list {
			targets = append(targets, r.specification(item.file, r.text(item)))
		}
		for _, t := range strings.Fields(env) {
			targets = append(targets, r.specification("", t))
		}
		return targets
	}
	if fromEnv {
		return []string{r.specification("", env)}
	}
	if n == nil {
		return nil
	}
	return []string{r.specification(n.file, r.text(n))}
}

// specification resolves a target that is a file.
func (r *reader) specification(file, target string) string {
	if !strings.HasSuffix(target, ".json") {
		return target
	}
	if file == "" {
		return r.join(r.dir, target)
	}
	return r.join(base(file), target)
}
