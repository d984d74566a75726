package config

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const host = "x86_64-unknown-linux-gnu"

// settings are the lines of a checkout with one configuration file.
func settings(t *testing.T, file string, environ ...string) string {
	t.Helper()
	return settingsOf(t, map[string]string{"a/b/.cargo/config.toml": file}, true, environ...)
}

func settingsOf(t *testing.T, files map[string]string, unstable bool, environ ...string) string {
	t.Helper()
	files["home/x"], files["a/b/x"] = "", ""
	top := write(t, files)
	lines := load(t, top, environ...).Settings(Scope{filepath.Join(top, "a/b"), host, unstable})
	if !slices.IsSorted(lines) {
		t.Errorf("not sorted: %q", lines)
	}
	return strings.Join(lines, "\n")
}

func TestSettingsOfEqualMeaning(t *testing.T) {
	const flags = "[build]\nrustflags = [\"-g\"]\n"
	for name, pair := range map[string][2]string{
		"a string for a list":    {settings(t, flags), settings(t, "build = { rustflags = ' -g ' } # x\n")},
		"a variable for a key":   {settings(t, flags), settings(t, "", "CARGO_BUILD_RUSTFLAGS=-g")},
		"RUSTFLAGS":              {settings(t, flags), settings(t, "", "RUSTFLAGS= -g")},
		"encoded flags":          {settings(t, flags), settings(t, "", "CARGO_ENCODED_RUSTFLAGS=-g", "RUSTFLAGS=-O")},
		"what RUSTFLAGS hides":   {settings(t, flags, "RUSTFLAGS=-O"), settings(t, "[target.'cfg(unix)']\nrustflags = ['-g']\n", "RUSTFLAGS=-O")},
		"no flags":               {settings(t, flags, "RUSTFLAGS="), settings(t, "")},
		"an empty list":          {settings(t, "[target."+host+"]\nrustflags = []\n"), settings(t, "")},
		"a target's variable":    {settings(t, "[target."+host+"]\nrustflags = ['-g']\n"), settings(t, "", "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS=-g")},
		"unstable on stable":     {settingsOf(t, map[string]string{"a/b/.cargo/config.toml": "[unstable]\nbuild-std = ['core']\n[host]\nlinker = 'x'\n"}, false, "CARGO_UNSTABLE_BINDEPS=true"), ""},
		"unstable, switched off": {settings(t, "[unstable]\nbuild-std = ['core', 'alloc']\nbindeps = false\n"), settings(t, "", "CARGO_UNSTABLE_BUILD_STD=core,alloc")},
		"the layout's switch":    {settings(t, "[unstable]\nbuild-dir-new-layout = true\n"), settings(t, "", "CARGO_UNSTABLE_BUILD_DIR_NEW_LAYOUT=true")},
		"jobs and aliases":       {settings(t, "[build]\njobs = 3\n[alias]\nb = 'build'\n[term]\nquiet = true\n"), settings(t, "", "CARGO_BUILD_JOBS=2")},
		"files":                  {settings(t, flags+"[source.a]\nreplace-with = 'b'\n"), settingsOf(t, map[string]string{"a/.cargo/config": flags, "home/config.toml": "source.a.replace-with = \"b\"\n"}, true)},
		"includes":               {settings(t, flags), settingsOf(t, map[string]string{"a/b/.cargo/config.toml": "include = ['f.toml']\n", "a/b/.cargo/f.toml": flags}, true)},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %s\n%s", name, pair[0], pair[1])
		}
	}
}

func TestSettingsDiffer(t *testing.T) {
	const file = "[build]\nrustflags = ['-g']\n[source.crates-io]\nreplace-with = 'v'\n[source.v]\ndirectory = 'vendor'\n"
	seen := map[string]string{settings(t, file): "nothing"}
	tell := func(name, text string) {
		if other, dup := seen[text]; dup {
			t.Errorf("with %s it is as with %s:\n%s", name, other, text)
		}
		seen[text] = name
	}
	for _, v := range []string{"RUSTFLAGS=-O", "CARGO_ENCODED_RUSTFLAGS=a b\x1fc", "RUSTFLAGS=a b c", "RUSTFLAGS=", "CARGO_BUILD_RUSTFLAGS=-O",
		"CARGO_TARGET_X_RUSTFLAGS=-O", "CARGO_UNSTABLE_BUILD_STD=core"} {
		tell(v, settings(t, file, v))
	}
	for _, more := range []string{"[target.x]\nrustflags = 'b'\n", "[target.'cfg(x)']\nrustflags = 'b'\n", "[target.x.z]\nrustc-link-lib = ['z']\n",
		"[target.x.z]\nrustc-link-lib = ['y']\n", "[host]\nrustflags = ['b']\n", "[source.w]\nregistry = 'https://a'\n", "[unstable]\nhost-config = true\n"} {
		tell(more, settings(t, file+more))
	}
	tell("paths", settings(t, "paths = ['/p']\n"+file))
	tell("target-applies-to-host", settings(t, "target-applies-to-host = true\n"+file))
	tell("another directory", settings(t, strings.Replace(file, "'vendor'", "'other'", 1)))
	tell("another order of flags", settings(t, strings.Replace(file, "['-g']", "['-x', '-g']", 1)))
	tell("flags in an order", settings(t, strings.Replace(file, "['-g']", "['-g', '-x']", 1)))
}

// Paths in the workspace are the same in every checkout, others are what they are.
func TestSettingsMove(t *testing.T) {
	got := settingsOf(t, map[string]string{"a/b/.cargo/config.toml": "paths = ['p', '/q']\n[source.v]\ndirectory = 'vendor'\n[source.w]\nlocal-registry = '/mirror'\n"}, false)
	check(t, "Settings", strings.Split(got, "\n"), []string{
		`paths = ["{workspace-root}/p", "/q"]`,
		`source.v.directory = "{workspace-root}/vendor"`,
		`source.w.local-registry = "/mirror"`,
	})
}

func TestLayout(t *testing.T) {
	for _, tc := range []struct {
		file, environ string
		unstable      bool
		want          string
	}{
		{"", "", true, layoutDefault},
		{"[unstable]\nbuild-dir-new-layout = true\n", "", true, layoutUnits},
		{"[unstable]\nbuild-dir-new-layout = true\n", "", false, layoutDefault},
		{"[unstable]\nbuild-dir-new-layout = false\n", "", true, layoutDefault},
		{"[unstable]\nbuild-dir-new-layout = true\n", "CARGO_UNSTABLE_BUILD_DIR_NEW_LAYOUT=false", true, layoutDefault},
		{"[unstable]\nfine-grain-locking = true\n", "", true, layoutUnits},
		{"", "CARGO_UNSTABLE_BUILD_DIR_NEW_LAYOUT=true", true, layoutUnits},
		{"", "CARGO_UNSTABLE_BUILD_DIR_NEW_LAYOUT=true", false, layoutDefault},
		{"", "__CARGO_TEMPORARY_BUILD_DIR_NEW_LAYOUT_OPT_OUT=1", false, layoutClassic},
	} {
		top := write(t, map[string]string{"a/b/.cargo/config.toml": tc.file})
		check(t, "Layout with "+tc.file+tc.environ, load(t, top, tc.environ).Layout(Scope{top, host, tc.unstable}), tc.want)
	}
}

func TestEveryFlag(t *testing.T) {
	top := write(t, map[string]string{"a/b/.cargo/config.toml": "[build]\nrustflags = ['a']\n[target.'cfg(x)']\nrustflags = ['b', 'c d']\n" +
		"[profile.dev.package.x]\nrustflags = ['e']\n[host]\nrustflags = ['f']\nlinker = 'no'\n"})
	manifest := map[string]any{"release": map[string]any{"rustflags": []any{"g"}, "lto": "no"}}
	want := []string{"a", "b", "c d", "g", "e", "f", "h", "i"}
	check(t, "EveryFlag", load(t, top, "CARGO_PROFILE_DEV_RUSTFLAGS=h i", "CARGO_PROFILE_DEV_LTO=no").EveryFlag(manifest), want)
	check(t, "EveryFlag with RUSTFLAGS", load(t, top, "RUSTFLAGS=z").EveryFlag(nil), []string{"z", "e", "f"})
}
