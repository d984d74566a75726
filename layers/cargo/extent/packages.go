package extent

import (
	"bytes"

	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// Packages tells the directories of a workspace's packages from others that have a
// manifest, such as templates and fixtures, without asking cargo: the lockfile names
// the packages that come from no registry. What cannot be told is no package's
// directory, and counts as what it lies in.
type Packages struct {
	root  string
	local map[string]bool
}

// PackagesOf speaks of the workspace in root.
func PackagesOf(root string) *Packages { return &Packages{root: root} }

// Has reports whether dir is that of a package of the workspace.
func (p *Packages) Has(dir string) bool {
	name := packageName(dir + "/Cargo.toml")
	if name == "" {
		return false
	}
	if p.local == nil {
		p.local = localPackages(p.root + "/Cargo.lock")
	}
	return p.local[name]
}

// packageName is the name that a manifest gives to a package, "" for none or one
// that is written in another way than everybody does.
func packageName(path string) string {
	text, err := regular.Read(path)
	if err != nil {
		return ""
	}
	inside := false
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if bytes.HasPrefix(line, []byte("[")) {
			inside = bytes.Equal(line, []byte("[package]"))
		}
		if key, value, ok := bytes.Cut(line, []byte("=")); inside && ok && string(bytes.TrimSpace(key)) == "name" {
			return quoted(value)
		}
	}
	return ""
}

// localPackages lists the packages of a lockfile that have no source.
func localPackages(path string) map[string]bool {
	local := map[string]bool{}
	text, err := regular.Read(path)
	if err != nil {
		return local
	}
	for _, part := range bytes.Split(text, []byte("[[package]]"))[1:] {
		name, sourced := "", false
		for line := range bytes.Lines(part) {
			key, value, _ := bytes.Cut(line, []byte("="))
			switch string(bytes.TrimSpace(key)) {
			case "name":
				name = quoted(value)
			case "source":
				sourced = true
			}
		}
		if !sourced {
			local[name] = true
		}
	}
	return local
}

// quoted is the text of a plain string; a comment may follow it.
func quoted(value []byte) string {
	value = bytes.TrimSpace(value)
	if len(value) < 2 || value[0] != '"' && value[0] != '\'' {
		return ""
	}
	end := bytes.IndexByte(value[1:], value[0])
	if end < 0 {
		return ""
	}
	return string(value[1 : 1+end])
}
