package workspaces

import (
	"fmt"
	"slices"
	"strings"
)

// builder collects members.
type builder struct {
	Workspace
	members []string
	extra   string // of the root's manifest
}

func newBuilder(name string) *builder {
	return &builder{Workspace: Workspace{Name: name, Files: map[string]string{".gitignore": "/target\n"}}}
}

// member adds a package. Its dependencies are members, or published crates as a line
// of a manifest has them; lines that begin with "[" are added as they are.
func (b *builder) member(name string, deps []string, files map[string]string) {
	b.members = append(b.members, name)
	var normal, rest []string
	for _, d := range deps {
		switch {
		case strings.HasPrefix(d, "["):
			rest = append(rest, d)
		case strings.Contains(d, "="):
			normal = append(normal, d)
		default:
			normal = append(normal, fmt.Sprintf("%s = { path = \"../%s\" }", d, d))
		}
	}
	b.Files[name+"/Cargo.toml"] = fmt.Sprintf("[package]\nname = %q\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\n%s\n%s\n",
		name, strings.Join(normal, "\n"), strings.Join(rest, "\n"))
	for file, text := range files {
		b.Files[name+"/"+file] = text
	}
}

func (b *builder) edit(name, file, old, new string) {
	b.Edits = append(b.Edits, Edit{name, file, old, new})
}

func (b *builder) done() *Workspace {
	slices.Sort(b.members)
	var list strings.Builder
	for _, m := range b.members {
		fmt.Fprintf(&list, "%q, ", m)
	}
	b.Files["Cargo.toml"] = "[workspace]\nmembers = [" + list.String() + "]\nresolver = \"2\"\n" + b.extra
	return &b.Workspace
}
