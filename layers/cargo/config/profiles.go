package config

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

type table = map[string]any

// builtin are the profiles that are always there, with what they inherit (cargo
// 1.95, core/profiles.rs: predefined_profiles). dev and release inherit nothing.
var builtin = map[string]string{"dev": "", "release": "", "test": "dev", "bench": "release", "doc": "dev"}

// defaults are the values of the two root profiles that can be stated without
// changing anything (cargo 1.95, core/profiles.rs: default_dev, default_release).
// That of incremental is not among them: since 1.99 it depends on CI.
var defaults = map[string]map[string]string{
	"dev": {"opt-level": "0", "lto": "false", "debug": "2", "debug-assertions": "true", "overflow-checks": "true",
		"rpath": "false", "panic": `"unwind"`, "rustflags": "[]"},
	"release": {"opt-level": "3", "lto": "false", "debug": "0", "debug-assertions": "false", "overflow-checks": "false",
		"rpath": "false", "panic": `"unwind"`, "rustflags": "[]"},
}

// profileFields are the keys of a profile that variables can set (cargo-util-schemas
// 0.13, manifest/mod.rs: TomlProfile).
var profileFields = []string{
	"opt-level", "lto", "codegen-backend", "codegen-units", "debug", "split-debuginfo", "debug-assertions", "rpath",
	"panic", "overflow-checks", "incremental", "dir-name", "inherits", "strip", "rustflags", "trim-paths",
	"hint-mostly-unused",
}

// ResolvedProfiles returns all profiles as Cargo resolves them, as sorted lines
// such as `release.lto = "thin"`. manifest is the [profile] table of the
// workspace's manifest; the configuration goes before it and variables go before
// both (cargo 1.95, core/profiles.rs: merge_config_profiles). What a line says
// that would hold without it is left out, and what can be spelled in several
// ways is written in one.
func (c *Config) ResolvedProfiles(manifest map[string]any) []string {
	env := maps.Clone(c.ProfileEnv)
	own := c.ownProfiles(manifest, env)
	lines := c.incrementalLine(env)
	global := len(lines) > 0
	for name := range own {
		base := defaults[name]
		if base == nil {
			base = resolved(own, parent(own, name), []string{name})
		}
		for key, value := range leaves(own[name]) {
			if key == "inherits" && strconv.Quote(builtin[name]) == value {
				continue
			}
			if global && (key == "incremental" || strings.HasSuffix(key, ".incremental")) {
				continue
			}
			if base[key] != value {
				lines = append(lines, bare(name)+"."+key+" = "+value)
			}
		}
	}
	// Of profiles that only variables speak of.
	for name, value := range env {
		lines = append(lines, "env."+name+" = "+strconv.Quote(value))
	}
	slices.Sort(lines)
	return lines
}

// ownProfiles merges what manifest, files and variables say of each profile, and
// deletes from env the variables that were used.
func (c *Config) ownProfiles(manifest map[string]any, env map[string]string) map[string]table {
	own := map[string]table{}
	for name := range builtin {
		own[name] = table{}
	}
	for _, from := range []map[string]any{manifest, c.Profiles} {
		for name, v := range from {
			if t, ok := v.(table); ok {
				own[name] = overlay(own[name], t)
			}
		}
	}
	// The words of a variable follow the list of a file.
	set := func(file table, prefix string) table {
		t := table{}
		for _, field := range profileFields {
			name := prefix + variable(field)
			value, ok := env[name]
			if !ok {
				continue
			}
			delete(env, name)
			t[field] = scalar(value)
			if field == "rustflags" {
				list, _ := file[field].([]any)
				t[field] = slices.Concat(list, words(value))
			}
		}
		return t
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		prefix := "CARGO_PROFILE_" + variable(name) + "_"
		file, _ := c.Profiles[name].(table)
		script, _ := file["build-override"].(table)
		said := set(file, prefix)
		said["build-override"] = set(script, prefix+"BUILD_OVERRIDE_")
		// Only packages that a file names can have variables.
		packages, _ := file["package"].(table)
		for spec, v := range packages {
			t, _ := v.(table)
			said = overlay(said, table{"package": table{spec: set(t, prefix+"PACKAGE_"+spec+"_")}})
		}
		own[name] = overlay(own[name], said)
	}
	return own
}

// IncrementalKey begins the line of a setting that overrides those of profiles.
const IncrementalKey = "incremental = "

// incrementalLine returns the line of what overrides the profiles' own settings (cargo
// 1.95, core/profiles.rs: Profiles::new), if anything does. It deletes the variables that
// it has used from env.
func (c *Config) incrementalLine(env map[string]string) []string {
	value, ok := env["CARGO_INCREMENTAL"]
	delete(env, "CARGO_INCREMENTAL")
	value2, ok2 := env["CARGO_BUILD_INCREMENTAL"]
	delete(env, "CARGO_BUILD_INCREMENTAL")
	switch {
	case ok:
		return []string{IncrementalKey + valueText(value == "1")}
	case ok2:
		return []string{IncrementalKey + valueText(scalar(value2))}
	case c.incremental != nil:
		return []string{IncrementalKey + valueText(c.incremental)}
	}
	return nil
}

// parent is what a profile inherits, "" for the two that inherit nothing.
func parent(own map[string]table, name string) string {
	if name == "dev" || name == "release" {
		return ""
	}
	if p, ok := own[name]["inherits"].(string); ok {
		return p
	}
	return builtin[name]
}

// resolved returns the values a profile has in the end. below are the profiles
// that inherit it: a loop, which Cargo refuses, ends.
func resolved(own map[string]table, name string, below []string) map[string]string {
	if name == "" || slices.Contains(below, name) {
		return nil
	}
	values := maps.Clone(defaults[name])
	if values == nil {
		values = maps.Clone(resolved(own, parent(own, name), append(below, name)))
	}
	if values == nil {
		values = map[string]string{}
	}
	maps.Copy(values, leaves(own[name]))
	// These are not inherited.
	delete(values, "inherits")
	delete(values, "dir-name")
	return values
}

// overlay returns t with from over it, leaf by leaf; neither is changed.
func overlay(t, from table) table {
	out := table{}
	maps.Copy(out, t)
	for key, v := range from {
		if sub, ok := v.(table); ok {
			old, _ := out[key].(table)
			out[key] = overlay(old, sub)
		} else {
			out[key] = v
		}
	}
	return out
}

// leaves returns the values in a profile by dotted key, each in the one form in
// which Cargo keeps it.
func leaves(t table) map[string]string {
	found := map[string]string{}
	var walk func(prefix string, t table)
	walk = func(prefix string, t table) {
		for key, v := range t {
			if sub, ok := v.(table); ok {
				walk(prefix+bare(key)+".", sub)
			} else {
				found[prefix+bare(key)] = profileValue(key, v)
			}
		}
	}
	walk("", t)
	return found
}

// profileValue writes a value as Cargo understands it: two texts differ if the
// hash of Cargo's Profile does (cargo 1.95, core/profiles.rs: merge_profile;
// cargo-util-schemas 0.13, manifest/mod.rs: TomlDebugInfo, TomlTrimPaths). lto =
// true and "fat" are two settings for it.
func profileValue(field string, v any) string {
	switch plain := v.(type) {
	case []any:
		if field == "trim-paths" {
			if v = listText(plain); len(plain) == 0 {
				v = "none"
			}
		}
	case int64:
		// The text of a variable may look like a number.
		if slices.Contains([]string{"dir-name", "inherits", "panic", "split-debuginfo", "codegen-backend"}, field) {
			v = strconv.FormatInt(plain, 10)
		}
	case bool, string:
		if same, ok := spellings[field][v]; ok {
			v = same
		}
	}
	return valueText(v)
}

// spellings are the values that Cargo keeps as another one, by field.
var spellings = map[string]map[any]any{
	"debug":      {true: 2, false: 0, "none": 0, "limited": 1, "full": 2},
	"lto":        {"n": "off", "no": "off", "none": "off"},
	"strip":      {true: "symbols", false: "none"},
	"trim-paths": {true: "all", false: "none"},
}

// variable is a key as it occurs in the names of variables.
func variable(key string) string { return strings.ToUpper(strings.ReplaceAll(key, "-", "_")) }

func words(text string) []any {
	var list []any
	for w := range strings.FieldsSeq(text) {
		list = append(list, w)
	}
	return list
}
