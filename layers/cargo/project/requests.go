package project

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// Requested returns a digest of what decides, beside the dependency-set fingerprint,
// which units a build needs: the dependencies and features that the manifests
// name, the resolver, and which package of the lockfile uses which. A checkout that has
// this in common with a layer finds all its registry units there.
func (ws *Workspace) Requested() string {
	var lines []string
	for _, p := range ws.Packages {
		lines = append(lines, p.Requests)
	}
	slices.Sort(lines)
	var m struct {
		Workspace struct {
			Resolver string   `toml:"resolver"`
			Default  []string `toml:"default-members"`
		} `toml:"workspace"`
		Package struct {
			Resolver string `toml:"resolver"`
		} `toml:"package"`
	}
	b, err := regular.Read(filepath.Join(ws.Root, "Cargo.toml"))
	if err == nil {
		err = toml.Unmarshal(b, &m)
	}
	if err != nil {
		lines = append(lines, "unreadable manifest "+digest.Of(b)) // cargo will complain
	}
	lines = append(lines, fmt.Sprintf("%q %q %q", m.Workspace.Resolver, m.Workspace.Default, m.Package.Resolver))
	if ws.Lock != nil {
		for _, p := range ws.Lock.Packages {
			for _, d := range p.Dependencies {
				if d.Source != "" { // local ones are in the manifests, without versions that change
					lines = append(lines, fmt.Sprintf("%q %q needs %q %q", p.Name, p.Source, d.Name, d.Version))
				}
			}
		}
	}
	return digest.OfText(strings.Join(lines, "\n"))
}
