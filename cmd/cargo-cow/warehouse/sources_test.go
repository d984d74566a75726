package warehouse

import (
	"io/fs"
	"path"
)

// sources is a checkout without its build directory.
type sources struct{ fs.FS }

func (s sources) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(s.FS, name)
	var kept []fs.DirEntry
	for _, e := range entries {
		if path.Join(name, e.Name()) != "target" {
			kept = append(kept, e)
		}
	}
	return kept, err
}
