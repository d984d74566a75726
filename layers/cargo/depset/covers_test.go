package depset

import (
	"slices"
	"testing"
)

// fingerprintOf makes a fingerprint of packages and profiles, on some machine.
func fingerprintOf(packages, profiles []string, more ...string) *Fingerprint {
	f := new(Fingerprint)
	f.add(ingRustc, "rustc 1.95.0")
	f.addLines(IngredientPackages, "", packages)
	f.addLines(ingProfiles, "", profiles)
	for i := 0; i < len(more); i += 2 {
		f.add(more[i], more[i+1])
	}
	f.seal()
	return f
}

// What is built covers what needs no other package and has no other setting.
func TestCovers(t *testing.T) {
	var (
		packages = []string{"app", "libc 0.2.1 00000000", "serde 1.0.1 01234567", "syn 2.0.1 89abcdef"}
		profiles = []string{"release.lto = true"}
		built    = fingerprintOf(packages, profiles, ingLinker, "cc")
	)
	replaced := func(line, with string) []string {
		lines := slices.Clone(packages)
		lines[slices.Index(lines, line)] = with
		slices.Sort(lines)
		return lines
	}
	for name, tt := range map[string]struct {
		of   *Fingerprint
		in   []string
		want bool
	}{
		"the same":                     {built, []string{"debug"}, true},
		"fewer":                        {fingerprintOf(packages[:3], profiles, ingLinker, "cc"), []string{"debug"}, true},
		"another project":              {fingerprintOf(replaced("app", "other"), profiles, ingLinker, "cc"), []string{"debug"}, true},
		"one more":                     {fingerprintOf(append([]string{"anyhow 1.0.0 00000000"}, packages...), profiles, ingLinker, "cc"), []string{"debug"}, false},
		"another version":              {fingerprintOf(replaced("syn 2.0.1 89abcdef", "syn 2.0.2 89abcdee"), profiles, ingLinker, "cc"), []string{"debug"}, false},
		"another content":              {fingerprintOf(replaced("syn 2.0.1 89abcdef", "syn 2.0.1 89abcdee"), profiles, ingLinker, "cc"), []string{"debug"}, false},
		"of another registry":          {fingerprintOf(replaced("syn 2.0.1 89abcdef", "syn 2.0.1 registry+https://x 89abcdef"), profiles, ingLinker, "cc"), []string{"debug"}, false},
		"no lockfile's lines":          {fingerprintOf(nil, profiles, ingLinker, "cc"), []string{"debug"}, false},
		"release otherwise":            {fingerprintOf(packages, []string{"release.lto = false"}, ingLinker, "cc"), []string{"debug"}, true},
		"release otherwise, and built": {fingerprintOf(packages, []string{"release.lto = false"}, ingLinker, "cc"), []string{"debug", "release"}, false},
		"dev otherwise":                {fingerprintOf(packages, []string{"dev.debug = 0", "release.lto = true"}, ingLinker, "cc"), []string{"debug"}, false},
		"not incremental":              {fingerprintOf(packages, []string{"incremental = false", "release.lto = true"}, ingLinker, "cc"), []string{"debug"}, false},
		"by a variable":                {fingerprintOf(packages, []string{"env.DEV = \"x\"", "release.lto = true"}, ingLinker, "cc"), []string{"debug"}, false},
		"another linker":               {fingerprintOf(packages, profiles, ingLinker, "ld"), []string{"debug"}, false},
		"something more":               {fingerprintOf(packages, profiles, ingLinker, "cc", ingBootstrap, "1"), []string{"debug"}, false},
		"something less":               {fingerprintOf(packages, profiles), []string{"debug"}, false},
	} {
		if got := built.Covers(tt.of, tt.in); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
