// Package lockfile reads Cargo.lock, in the versions 1 to 4 of its format.
//
// Parse keeps no state and may be called concurrently; a Lockfile is not
// changed after Parse and may be read concurrently.
package lockfile

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// ErrFormat is wrapped by errors about a file that is not a lockfile of a known
// version.
var ErrFormat = errors.New("malformed lockfile")

// ID names one package of a lockfile. Source is as written there: empty for a
// path package, else "registry+URL", "sparse+URL" or "git+URL#commit".
type ID struct {
	Name    string
	Version string
	Source  string
}

func (a ID) compare(b ID) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Source, b.Source))
}

// Package is one package and what it depends on.
type Package struct {
	ID
	// Checksum is the SHA-256 of a registry package's archive in hexadecimal,
	// or empty.
	Checksum string
	// Dependencies hold those of every platform and kind, sorted, with the
	// names, versions and sources of the packages they were resolved to.
	Dependencies []ID
}

// Lockfile is the content of a Cargo.lock.
type Lockfile struct {
	Version int
	// Packages are sorted by name, version and source, as text.
	Packages []Package
}

// Local returns the packages without a source, which are those in path
// dependencies and the workspace.
func (l *Lockfile) Local() []Package {
	var local []Package
	for _, p := range l.Packages {
		if p.Source == "" {
			local = append(local, p)
		}
	}
	return local
}

// Parse reads a Cargo.lock (cargo 1.95, core/resolver/encode.rs:
// EncodableResolve). Errors name the line if the file is not TOML.
func Parse(data []byte) (*Lockfile, error) {
	r, ok := scan(string(data))
	if !ok {
		r = rawLockfile{}
		if err := toml.Unmarshal(data, &r); err != nil {
			var syntax *toml.DecodeError
			if errors.As(err, &syntax) {
				line, column := syntax.Position()
				return nil, fmt.Errorf("parse lockfile: %w: line %d, column %d: %w", ErrFormat, line, column, err)
			}
			return nil, fmt.Errorf("parse lockfile: %w: %w", ErrFormat, err)
		}
	}
	return r.lockfile()
}

// lockfile checks what was read and resolves it.
func (raw *rawLockfile) lockfile() (*Lockfile, error) {
	if raw.Root != nil {
		raw.Package = append(raw.Package, *raw.Root)
	}

	l := &Lockfile{Version: 1}
	if raw.Version != nil {
		l.Version = *raw.Version
		if l.Version != 3 && l.Version != 4 {
			return nil, fmt.Errorf("parse lockfile: %w: version %d is not known", ErrFormat, l.Version)
		}
	}
	for _, r := range raw.Package {
		p := Package{ID: ID{r.Name, r.Version, r.Source}, Checksum: r.Checksum}
		if p.Name == "" || p.Version == "" {
			return nil, fmt.Errorf("parse lockfile: %w: package %q has no name or no version", ErrFormat, p.Name)
		}
		if p.Checksum != "" {
			// The first two versions do not say which they are.
			l.Version = max(l.Version, 2)
		} else if sum := raw.Metadata[fmt.Sprintf("checksum %s %s (%s)", p.Name, p.Version, p.Source)]; sum != "<none>" {
			p.Checksum = sum
		}
		l.Packages = append(l.Packages, p)
	}

	byName := make(map[string][]ID, len(l.Packages))
	for _, p := range l.Packages {
		byName[p.Name] = append(byName[p.Name], p.ID)
	}
	for i, r := range raw.Package {
		edges := r.Dependencies
		if r.Replace != "" {
			edges = append(edges, r.Replace)
		}
		for _, text := range edges {
			dep, err := resolve(byName, text)
			if err != nil {
				return nil, fmt.Errorf("parse lockfile: package %s: %w", r.Name, err)
			}
			l.Packages[i].Dependencies = append(l.Packages[i].Dependencies, dep)
		}
		slices.SortFunc(l.Packages[i].Dependencies, ID.compare)
	}
	slices.SortFunc(l.Packages, func(a, b Package) int { return a.compare(b.ID) })
	for i := 1; i < len(l.Packages); i++ {
		if p := l.Packages[i]; p.ID == l.Packages[i-1].ID {
			return nil, fmt.Errorf("parse lockfile: %w: package %s %s is there twice", ErrFormat, p.Name, p.Version)
		}
	}
	return l, nil
}

// resolve reads "name", "name version" or "name version (source)"; what is left
// out is unique among the packages of that name. A source has no commit here.
// No source can also mean a path package, which is preferred then.
func resolve(byName map[string][]ID, text string) (ID, error) {
	name, rest, more := strings.Cut(text, " ")
	if ids := byName[name]; !more && len(ids) == 1 {
		return ids[0], nil
	}
	version, source, _ := strings.Cut(rest, " ")
	source = strings.TrimSuffix(strings.TrimPrefix(source, "("), ")")
	var found []ID
	for _, id := range byName[name] {
		idSource, _, _ := strings.Cut(id.Source, "#")
		if (version == "" || version == id.Version) && (source == "" || source == idSource) {
			found = append(found, id)
		}
	}
	if len(found) > 1 && source == "" {
		found = slices.DeleteFunc(found, func(id ID) bool { return id.Source != "" })
	}
	if len(found) != 1 {
		return ID{}, fmt.Errorf("%w: dependency %q fits %d packages", ErrFormat, text, len(found))
	}
	return found[0], nil
}

// PlainSource returns the source of a package of l in the spelling of version 3:
// version 4 writes the reference of a git source percent-encoded (cargo-util-schemas
// 0.13, core/source_kind.rs: PrettyRef).
func (l *Lockfile) PlainSource(p *Package) string {
	if l.Version < 4 || !strings.HasPrefix(p.Source, "git+") {
		return p.Source
	}
	address, commit, hasCommit := strings.Cut(p.Source, "#")
	address, reference, ok := strings.Cut(address, "?")
	kind, name, hasName := strings.Cut(reference, "=")
	if !ok || !hasName {
		return p.Source
	}
	plain, err := url.QueryUnescape(name)
	if err != nil {
		return p.Source
	}
	source := address + "?" + kind + "=" + plain
	if hasCommit {
		source += "#" + commit
	}
	return source
}
