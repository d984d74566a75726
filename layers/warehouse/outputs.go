package warehouse

import (
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/rustc"
)

// originPaths are where a file may lie in the build directory where it was made, if
// the unit's trailer there says that nothing else was made since.
func originPaths(rec *rustc.Record, f rustc.File) []string {
	trailer, err := rustc.ReadTrailer(filepath.Join(rec.OutDir, f.Name))
	if err != nil || trailer.Key != rec.Key {
		return nil
	}
	return outputPaths(rec.OutDir, f.Name)
}

// mostLevels is how far below its profile's directory cargo puts an output:
// build/PACKAGE/HASH/out in the layout with a directory for each unit.
const mostLevels = 4

// outputPaths are where a file may lie that was an output in dir. Before cargo compiles
// a library or a program it removes the old one (cargo 1.95, compiler/mod.rs: rustc),
// but not the link that it has made to it, without the digest in its name: in the
// profile's directory, for a program with the name that its manifest has.
func outputPaths(dir, name string) []string {
	list := []string{filepath.Join(dir, name)}
	ext := filepath.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	i := strings.LastIndexByte(stem, '-')
	if i < 0 || ext == ".rmeta" {
		return list
	}
	for range mostLevels + 1 {
		list = append(list, filepath.Join(dir, stem[:i]+ext))
		if dashes := strings.ReplaceAll(stem[:i], "_", "-"); ext == "" && dashes != stem[:i] {
			list = append(list, filepath.Join(dir, dashes))
		}
		dir = filepath.Dir(dir)
	}
	return list
}
