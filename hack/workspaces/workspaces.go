// Package workspaces writes projects of ten members and more, as people have them:
// for tests that ask what becomes of whole projects. Most stand on published crates;
// these are resolved by cargo, so the first build of one needs the network.
//
// What it returns is the caller's.
package workspaces

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Workspace is a project.
type Workspace struct {
	Name  string
	Files map[string]string // by slash-separated name
	// Edits are changes of which each costs other units.
	Edits []Edit
}

// An Edit replaces what occurs once in a file. With an empty Old it makes the file.
type Edit struct{ Name, File, Old, New string }

// All returns every workspace, the smallest first.
func All() []*Workspace { return []*Workspace{Small(), Web(), RPC(), Data()} }

// Write writes the files below dir.
func (w *Workspace) Write(dir string) error {
	for name, text := range w.Files {
		if err := write(filepath.Join(dir, filepath.FromSlash(name)), text); err != nil {
			return fmt.Errorf("write workspace %s: %w", w.Name, err)
		}
	}
	return nil
}

// Apply makes the edit below dir.
func (e Edit) Apply(dir string) error {
	path := filepath.Join(dir, filepath.FromSlash(e.File))
	text := e.New
	if e.Old != "" {
		b, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("edit %s: %w", e.Name, err)
		}
		if strings.Count(string(b), e.Old) != 1 {
			return fmt.Errorf("edit %s: %w", e.Name, errors.New("what it replaces is not there once"))
		}
		text = strings.Replace(string(b), e.Old, e.New, 1)
	}
	if err := write(path, text); err != nil {
		return fmt.Errorf("edit %s: %w", e.Name, err)
	}
	return nil
}

func write(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o666)
}

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
