package rustc

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/linking"
)

// fileArguments are the contents of files that values name, wherever in them.
func (u *unit) fileArguments() error {
	l := linking.NewLine(u.cwd)
	for _, s := range u.Search {
		if s.Kind == "native" || s.Kind == "all" {
			l.Dirs = append(l.Dirs, u.abs(s.Path))
		}
	}
	l.Add(u.files...)
	if linker := filepath.Clean(u.look(u.Linker)); u.Linker != "" && u.Links() && in(linker, u.cwd) {
		l.Script(linker) // one of the project's own may name what it adds
	}
	u.dirs, u.asked = l.Dirs, l.Libraries
	if l.Odd != "" {
		return &Odd{"argument", l.Odd}
	}
	for _, dir := range l.Tools {
		u.add("directory "+dir, identities(l.Abs(dir), all))
	}
	for _, f := range l.Files {
		for _, path := range f.Paths {
			if info, err := os.Stat(path); err != nil || info.IsDir() {
				continue
			}
			digest, _, err := Digest(path)
			if err != nil {
				return &Odd{"file of an argument", f.Name}
			}
			u.add("file "+f.Name, digest)
		}
	}
	for _, a := range u.args {
		if key, value, _ := strings.Cut(a, "="); key == "-C" && (value == "target-cpu=native" || value == "tune-cpu=native") {
			u.add("processor", processor())
			break
		}
	}
	return nil
}
