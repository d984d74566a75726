package layers

import (
	"os"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/layers/cargo"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

// feed tells the warehouse which of the units that it knows of a layer holds. Those
// that are compiled incrementally lie in layers only: loose, each edit would leave
// its outputs behind. It is no part of the snapshot's promise: what goes wrong is a
// unit that is compiled once more.
func (s *Store) feed(id string, profiles []string) {
	if _, err := os.Stat(filepath.Join(s.opts.Dir, warehouse.Dir)); err != nil {
		return
	}
	w := warehouse.In(s.opts.Dir)
	for _, list := range cargo.InputLists(s.tree(id), profiles) {
		text, err := os.ReadFile(filepath.Join(s.tree(id), list))
		if err != nil {
			continue
		}
		if m, err := rustc.ParseTrailer(string(text)); err == nil {
			_, _ = w.AddLayer(&m, rustc.InLayer{Layer: id, Dir: filepath.Dir(list)})
		}
	}
}
