package depset

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/lockfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
)

// cratesIO is how lockfiles name the registry that nearly all packages are from.
const cratesIO = "registry+https://github.com/rust-lang/crates.io-index"

// PackagesOf returns the ingredient that stands for a lockfile.
func PackagesOf(l *lockfile.Lockfile) Ingredient {
	local := len(l.Local())
	i := Ingredient{
		Name:   IngredientPackages,
		Value:  fmt.Sprintf("%d from registries and git, %d local", len(l.Packages)-local, local),
		Digest: digest.Of(canonicalLock(l)),
	}
	for n := range l.Packages {
		i.Lines = append(i.Lines, packageLine(l, &l.Packages[n]))
	}
	slices.Sort(i.Lines)
	return i
}

// canonicalLock is the lockfile without what does not decide a registry unit:
// order, form, and the versions of the workspace's own packages.
func canonicalLock(l *lockfile.Lockfile) []byte {
	lines := make([]string, len(l.Packages))
	var line []byte
	for n := range l.Packages {
		p := &l.Packages[n]
		line = appendQuoted(line[:0], p.Name)
		if p.Source != "" {
			for _, text := range [...]string{p.Version, l.PlainSource(p), p.Checksum} {
				line = appendQuoted(append(line, ' '), text)
			}
		}
		lines[n] = string(append(line, '\n'))
	}
	slices.Sort(lines)
	return []byte(strings.Join(lines, ""))
}

// appendQuoted is strconv.AppendQuote, quicker for what stands for itself, as
// nearly all in a lockfile does.
func appendQuoted(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return strconv.AppendQuote(b, text)
		}
	}
	return append(append(append(b, '"'), text...), '"')
}

// packageLine names a package for people, in some 30 bytes: 150 of them lie in
// each manifest, which is read at every restore. A source is named unless it is
// crates.io; a checksum is cut to eight digits; a local package has no version.
func packageLine(l *lockfile.Lockfile, p *lockfile.Package) string {
	if p.Source == "" {
		return p.Name
	}
	line := p.Name + " " + p.Version
	if source := l.PlainSource(p); source != cratesIO {
		line += " " + strings.ReplaceAll(source, " ", "%20")
	}
	if p.Checksum != "" {
		line += " " + p.Checksum[:min(8, len(p.Checksum))]
	}
	return line
}

// Package is a package as a line of IngredientPackages names it. Version is "" of a local
// one, Source "" also of one from crates.io.
type Package struct{ Name, Version, Source, checksum string }

// ParsePackage reads a line of IngredientPackages.
func ParsePackage(line string) Package {
	var p Package
	for n, word := range strings.Fields(line) {
		switch {
		case n == 0:
			p.Name = word
		case n == 1:
			p.Version = word
		case strings.Contains(word, "+"):
			p.Source = word
		default:
			p.checksum = word
		}
	}
	return p
}

// text tells one package from another of its name.
func (p Package) text() string {
	switch {
	case p.Version == "":
		return "local"
	case p.Source != "":
		return p.Version + " (" + p.Source + ")"
	}
	return p.Version
}

// compatible is the part of a version that semver-compatible ones share.
func (p Package) compatible() string {
	major, rest, _ := strings.Cut(p.Version, ".")
	if major != "0" {
		return major
	}
	minor, patch, _ := strings.Cut(rest, ".")
	if minor != "0" {
		return "0." + minor
	}
	return "0.0." + patch
}

// Locked are the packages from registries and git that a lockfile has, by the names of
// their directories below CARGO_HOME.
type Locked struct {
	registry map[string]bool // name-version
	revs     []string        // commits
}

// LockedSources returns what l has of registries and git.
func LockedSources(l *lockfile.Lockfile) Locked {
	k := Locked{registry: map[string]bool{}}
	for _, p := range l.Packages {
		if _, rev, ok := strings.Cut(p.Source, "#"); ok && strings.HasPrefix(p.Source, "git+") {
			k.revs = append(k.revs, rev)
		} else if p.Source != "" {
			k.registry[p.Name+"-"+p.Version] = true
		}
	}
	return k
}

// Locked returns what the lockfile that f was computed from has of registries and git.
func (f *Fingerprint) Locked() Locked {
	k := Locked{registry: map[string]bool{}}
	packages, _ := f.Find(IngredientPackages)
	for _, line := range packages.Lines {
		p := ParsePackage(line)
		if _, rev, ok := strings.Cut(p.Source, "#"); ok && strings.HasPrefix(p.Source, "git+") {
			k.revs = append(k.revs, rev)
		} else {
			k.registry[p.Name+"-"+p.Version] = true
		}
	}
	return k
}

// Have reports whether the package in from, a directory below CARGO_HOME, may be in the
// lockfile. Cargo names a git checkout after the first digits of its commit.
func (k Locked) Have(from string) bool {
	name := path.Base(from)
	if strings.HasPrefix(from, "git/") {
		return slices.ContainsFunc(k.revs, func(rev string) bool { return strings.HasPrefix(rev, name) })
	}
	return k.registry[name]
}
