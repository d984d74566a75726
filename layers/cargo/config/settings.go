package config

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Scope is what the meaning of settings depends on, besides the settings.
type Scope struct {
	// Root is the workspace root: paths below it are written from there, so
	// that two checkouts with the same settings have the same lines.
	Root string
	// Host is the triple that is built for where none is configured.
	Host string
	// Unstable: the cargo that reads them allows unstable features (cargo 1.95,
	// core/features.rs: channel). Others ignore [unstable] and what it opens.
	Unstable bool
}

// layoutSwitch is the unstable setting that Layout answers for.
const layoutSwitch = "build-dir-new-layout"

// Settings returns what decides how packages are compiled and where they come
// from, besides profiles and targets, as sorted lines "key = value". Equal
// settings give equal lines, whether they come from files, in which directory,
// or from variables; what Cargo would not look at has none:
//
//   - compiler flags, of the first source that counts. Those of a cfg expression
//     are all listed: whether it matches is for rustc to say;
//   - [unstable], and [host] that it opens, where the cargo allows that;
//   - [source] and paths: where packages are taken from;
//   - what replaces runs of build scripts in [target].
func (c *Config) Settings(s Scope) []string {
	var lines []string
	add := func(key string, value any) { lines = flatten(lines, key, value) }
	addFlags := func(key string, flags []string) {
		if len(flags) > 0 {
			lines = append(lines, key+" = "+quoteList(flags))
		}
	}
	if c.Rustflags.FromEnv {
		addFlags("rustflags", c.Rustflags.Env)
	} else {
		addFlags("rustflags", c.Rustflags.Build)
		for key, flags := range c.Rustflags.Target {
			addFlags("target."+bare(c.triple(key, s.Host))+".rustflags", flags)
		}
	}
	for key, script := range c.links {
		add("target."+key, script)
	}
	for name, source := range c.sources {
		for key, value := range source {
			add("source."+bare(name)+"."+bare(key), fromRoot(value, s.Root))
		}
	}
	if len(c.paths) > 0 {
		var paths []string
		for _, p := range c.paths {
			paths = append(paths, fromRoot(p, s.Root))
		}
		addFlags("paths", paths)
	}
	if s.Unstable {
		unstable := c.unstable()
		delete(unstable, layoutSwitch)
		add("unstable", unstable)
		add("host", c.host)
		add("target-applies-to-host", c.targetAppliesToHost)
	}
	slices.Sort(lines)
	return lines
}

// Values of Layout.
const (
	layoutDefault = "default" // what this cargo does unasked
	layoutUnits   = "units"   // one directory per unit
	layoutClassic = "classic"
)

// Layout returns how the build directory is asked to be laid out. A -Z argument
// of a single build is not seen.
//
// The layout is switched on by an unstable setting (cargo 1.95, core/features.rs:
// CliUnstable), and off, in a cargo that has it by default, by a variable (cargo
// 1.100, workspace/features.rs: is_new_build_dir_layout_opt_out).
func (c *Config) Layout(s Scope) string {
	if c.classicLayout {
		return layoutClassic
	}
	// Locks in finer grains imply it.
	for _, key := range []string{layoutSwitch, "fine-grain-locking"} {
		if on, _ := c.unstable()[key].(bool); s.Unstable && on {
			return layoutUnits
		}
	}
	return layoutDefault
}

// EveryFlag returns the compiler flags that some unit may get, one after the
// other: those that count of the configuration, those of [host], and those of
// profiles, which are given as in a manifest.
func (c *Config) EveryFlag(manifest map[string]any) []string {
	return append(c.UnitFlags(), c.OtherFlags(manifest)...)
}

// UnitFlags returns those flags that the fingerprints of units hold.
func (c *Config) UnitFlags() []string {
	if c.Rustflags.FromEnv {
		return slices.Clone(c.Rustflags.Env)
	}
	all := slices.Clone(c.Rustflags.Build)
	for _, key := range slices.Sorted(maps.Keys(c.Rustflags.Target)) {
		all = append(all, c.Rustflags.Target[key]...)
	}
	return all
}

// OtherFlags returns the flags of profiles and of [host]. Fingerprints hold only a hash
// of them.
func (c *Config) OtherFlags(manifest map[string]any) []string {
	var all []string
	var walk func(v any, flags bool)
	walk = func(v any, flags bool) {
		switch v := v.(type) {
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				walk(v[key], flags || key == "rustflags")
			}
		case []any:
			for _, item := range v {
				walk(item, flags)
			}
		case string:
			if flags {
				all = append(all, strings.Fields(v)...)
			}
		}
	}
	walk(manifest, false)
	walk(c.Profiles, false)
	walk(c.host, false)
	for _, name := range slices.Sorted(maps.Keys(c.ProfileEnv)) {
		walk(c.ProfileEnv[name], strings.HasSuffix(name, "_RUSTFLAGS"))
	}
	return all
}

// triple returns the key that a [target] table would have: where only a variable
// names flags, the triple it is for is known if it is one that is built for.
func (c *Config) triple(key, host string) string {
	for _, t := range append(slices.Clone(c.Targets), host) {
		if t = strings.TrimSuffix(filepath.Base(t), ".json"); key == targetVariable(t, "RUSTFLAGS") {
			return t
		}
	}
	return key
}

// unstable returns the [unstable] table with its variables in it, without settings that
// only say that a feature is off.
func (c *Config) unstable() map[string]any {
	all := map[string]any{}
	for key, value := range c.Unstable {
		all[key] = listText(value)
	}
	for name, value := range c.UnstableEnv {
		key := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, "CARGO_UNSTABLE_"), "_", "-"))
		all[key] = listText(scalar(value))
	}
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == false })
	return all
}

// listText writes a list as the text that may stand for it in a variable:
// separated by commas (cargo 1.95, core/features.rs:
// deserialize_comma_separated_list).
func listText(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	var words []string
	for _, item := range list {
		words = append(words, fmt.Sprint(item))
	}
	return strings.Join(words, ",")
}

// scalar reads a variable as Cargo does where the kind of value is not fixed
// (cargo 1.95, util/context/mod.rs: get_cv_with_env).
func scalar(text string) any {
	if text == "true" || text == "false" {
		return text == "true"
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	return text
}

// fromRoot writes a path below root from there.
func fromRoot(path, root string) string {
	if rel, err := filepath.Rel(root, path); err == nil && filepath.IsAbs(path) && filepath.IsLocal(rel) {
		return "{workspace-root}/" + rel
	}
	return path
}
