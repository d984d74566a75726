package cargo

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
)

// sourcesOf reads what rustc has read for a unit.
func (b *inspector) sourcesOf(u *built) ([]rustsrc.Source, error) {
	list := u.rustc
	if list == nil {
		var err error
		if list, err = b.listOf(u); err != nil {
			return nil, err
		}
	}
	o := &b.from.origins[b.from.originOf(u)]
	var sources []rustsrc.Source
	for _, name := range list.Deps {
		text, err := b.source(name, o)
		if err != nil {
			return nil, err
		}
		sources = append(sources, rustsrc.Source{Name: name, Text: text})
	}
	return sources, nil
}

// listOf reads rustc's list of the sources of a unit that was recalled without: it
// lies beside the outputs.
func (b *inspector) listOf(u *built) (*depfile.File, error) {
	b.dir.times(u)
	for _, o := range u.outputs {
		dir, name := filepath.Split(o.path)
		stem := strings.TrimPrefix(strings.TrimSuffix(name, filepath.Ext(name)), "lib")
		if text, err := os.ReadFile(filepath.Join(b.dir.dir, dir, stem+".d")); err == nil {
			return depfile.Parse(text)
		}
	}
	return nil, errors.New("no list of sources")
}
