package lockfile

import (
	"strings"
	"unicode/utf8"
)

// rawLockfile is a lockfile as it is written.
type rawLockfile struct {
	Version  *int
	Root     *rawPackage // before Cargo 0.20 (2017)
	Package  []rawPackage
	Metadata map[string]string // version 1 keeps checksums here
}

type rawPackage struct {
	Name         string
	Version      string
	Source       string
	Checksum     string
	Dependencies []string
	Replace      string // what a [replace] table puts in its place
}

// scan reads a lockfile in the very form that cargo writes, one key a line (cargo
// 1.95, ops/lockfile.rs: serialize_resolve), in a fraction of the time that TOML
// at large takes: lockfiles of a thousand packages are read at every command. Of
// anything else, were it as good, it says that it is not ok.
func scan(text string) (r rawLockfile, ok bool) {
	if !utf8.ValidString(text) {
		return rawLockfile{}, false
	}
	var p *rawPackage
	list := false // within dependencies
	for text != "" {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		switch {
		case list && line == "]":
			list = false
			continue
		case list:
			value, begun := strings.CutPrefix(line, ` "`)
			value, ended := strings.CutSuffix(value, `",`)
			if !begun || !ended || !plain(value) {
				return rawLockfile{}, false
			}
			p.Dependencies = append(p.Dependencies, value)
			continue
		case line == "" || line[0] == '#' && plain(strings.ReplaceAll(line, `"`, "")):
			continue
		case line == "[[package]]":
			r.Package = append(r.Package, rawPackage{})
			p = &r.Package[len(r.Package)-1]
			continue
		case p == nil:
			number, ok := strings.CutPrefix(line, "version = ")
			if !ok || r.Version != nil || len(number) != 1 || number[0] < '1' || number[0] > '9' {
				return rawLockfile{}, false
			}
			version := int(number[0] - '0')
			r.Version = &version
			continue
		case line == "dependencies = [":
			if p.Dependencies != nil {
				return rawLockfile{}, false
			}
			p.Dependencies, list = []string{}, true
			continue
		}
		key, value, _ := strings.Cut(line, ` = "`)
		value, ended := strings.CutSuffix(value, `"`)
		field := p.field(key)
		// A key twice, or with nothing to say, is for TOML to judge.
		if field == nil || !ended || value == "" || *field != "" || !plain(value) {
			return rawLockfile{}, false
		}
		*field = value
	}
	return r, !list
}

func (p *rawPackage) field(key string) *string {
	switch key {
	case "name":
		return &p.Name
	case "version":
		return &p.Version
	case "source":
		return &p.Source
	case "checksum":
		return &p.Checksum
	}
	return nil
}

// plain reports whether text stands for itself between quotes.
func plain(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == '"' || r == '\\' })
}
