package cargo

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/lockfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
)

// cratesIO is how lockfiles name the registry that nearly all packages are from.
const cratesIO = "registry+https://github.com/rust-lang/crates.io-index"

// packagesOf is the ingredient that a lockfile comes to.
func packagesOf(l *lockfile.Lockfile) Ingredient {
	local := len(l.Local())
	i := Ingredient{
		Name:   ingPackages,
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
// each manifest, which is read at every restore. A source that is not crates.io
// is named, of a checksum there are eight digits; a local package has no version.
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

// pkg is a line of packageLine's.
type pkg struct{ name, version, source, checksum string }

// parsePackage reads a line of the ingredient of packages.
func parsePackage(line string) pkg {
	var p pkg
	for n, word := range strings.Fields(line) {
		switch {
		case n == 0:
			p.name = word
		case n == 1:
			p.version = word
		case strings.Contains(word, "+"):
			p.source = word
		default:
			p.checksum = word
		}
	}
	return p
}

// text tells one package from another of its name.
func (p pkg) text() string {
	switch {
	case p.version == "":
		return "local"
	case p.source != "":
		return p.version + " (" + p.source + ")"
	}
	return p.version
}

// compatible is the part of a version that semver-compatible ones share.
func (p pkg) compatible() string {
	major, rest, _ := strings.Cut(p.version, ".")
	if major != "0" {
		return major
	}
	minor, patch, _ := strings.Cut(rest, ".")
	if minor != "0" {
		return "0." + minor
	}
	return "0.0." + patch
}

// diffPackages pairs the packages of two lists: of one name first those with
// compatible versions, then what is left.
func diffPackages(before, after []string) []Difference {
	byName := map[string]*[2][]pkg{}
	for side, lines := range [2][]string{before, after} {
		other := [2][]string{after, before}[side]
		for _, line := range lines {
			// Both lists are sorted.
			if _, both := slices.BinarySearch(other, line); both {
				continue
			}
			p := parsePackage(line)
			if byName[p.name] == nil {
				byName[p.name] = new([2][]pkg)
			}
			byName[p.name][side] = append(byName[p.name][side], p)
		}
	}
	var found []Difference
	for name, sides := range byName {
		pair := func(alike func(a, b pkg) bool) {
			sides[0] = slices.DeleteFunc(sides[0], func(a pkg) bool {
				n := slices.IndexFunc(sides[1], func(b pkg) bool { return alike(a, b) })
				if n < 0 {
					return false
				}
				d := Difference{Ingredient: ingPackages, Kind: Changed, Key: name, Old: a.text(), New: sides[1][n].text()}
				if d.Old == d.New {
					d.Old, d.New = a.text()+" (checksum "+a.checksum+")", d.New+" (checksum "+sides[1][n].checksum+")"
				}
				found = append(found, d)
				sides[1] = slices.Delete(sides[1], n, n+1)
				return true
			})
		}
		pair(func(a, b pkg) bool { return a.version == b.version })
		pair(func(a, b pkg) bool { return a.compatible() == b.compatible() })
		pair(func(a, b pkg) bool { return true })
		for _, p := range sides[0] {
			found = append(found, Difference{Ingredient: ingPackages, Kind: Removed, Key: name, Old: p.text()})
		}
		for _, p := range sides[1] {
			found = append(found, Difference{Ingredient: ingPackages, Kind: Added, Key: name, New: p.text()})
		}
	}
	return found
}
