package checkout

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// SourceReader reads the sources that rustc has compiled for the units of a build
// directory, as they are now in one checkout.
type SourceReader struct {
	checkout *Checkout
	dir      *builddir.Dir
	from     *Attribution
}

// NewSourceReader returns a reader for the units of bd, a build directory of co.
func NewSourceReader(co *Checkout, bd *builddir.Dir, from *Attribution) *SourceReader {
	return &SourceReader{co, bd, from}
}

// Read reads a source by the name that rustc gave it in its origin o.
func (r *SourceReader) Read(name string, o *Origin) ([]byte, error) {
	if filepath.IsAbs(name) {
		if loc, _ := o.Locate(name); loc.Root != rooted.Absolute {
			name, _ = r.checkout.Abs(loc)
		}
	}
	return regular.Read(r.from.Resolve(name))
}

// Of reads all sources of a unit. It fails if one of them cannot be read.
func (r *SourceReader) Of(u *builddir.Unit) ([]rustsrc.Source, error) {
	list := u.SourceList
	if list == nil {
		var err error
		if list, err = r.listOf(u); err != nil {
			return nil, err
		}
	}
	o := &r.from.Origins[r.from.OriginOf(u)]
	var sources []rustsrc.Source
	for _, name := range list.Deps {
		text, err := r.Read(name, o)
		if err != nil {
			return nil, err
		}
		sources = append(sources, rustsrc.Source{Name: name, Text: text})
	}
	return sources, nil
}

// listOf reads rustc's list of the sources of a Cached unit: it lies beside the outputs.
func (r *SourceReader) listOf(u *builddir.Unit) (*depfile.File, error) {
	r.dir.LoadTimes(u)
	for _, o := range u.Outputs {
		dir, name := filepath.Split(o.Path)
		stem := strings.TrimPrefix(strings.TrimSuffix(name, filepath.Ext(name)), "lib")
		if text, err := regular.Read(filepath.Join(r.dir.Path, dir, stem+".d")); err == nil {
			return depfile.Parse(text)
		}
	}
	return nil, errors.New("no list of sources")
}
