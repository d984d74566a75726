package cargo

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
)

// sourceReader reads what rustc has read for the units of a build directory.
type sourceReader struct {
	place *Place
	dir   *scanned
	from  *attribution
}

// newSourceReader reads for the units of s, the place's build directory.
func newSourceReader(p *Place, s *scanned, from *attribution) *sourceReader {
	return &sourceReader{p, s, from}
}

// read reads a source by the name rustc gave it in the checkout it was built in.
func (r *sourceReader) read(name string, o *Origin) ([]byte, error) {
	if filepath.IsAbs(name) {
		if loc, _ := o.locate(name); loc.Base != BaseFixed {
			name, _ = r.place.Abs(loc)
		}
	}
	return os.ReadFile(r.from.absolute(name))
}

// of reads all sources of a unit.
func (r *sourceReader) of(u *built) ([]rustsrc.Source, error) {
	list := u.rustc
	if list == nil {
		var err error
		if list, err = r.listOf(u); err != nil {
			return nil, err
		}
	}
	o := &r.from.origins[r.from.originOf(u)]
	var sources []rustsrc.Source
	for _, name := range list.Deps {
		text, err := r.read(name, o)
		if err != nil {
			return nil, err
		}
		sources = append(sources, rustsrc.Source{Name: name, Text: text})
	}
	return sources, nil
}

// listOf reads rustc's list of the sources of a unit that was recalled without: it
// lies beside the outputs.
func (r *sourceReader) listOf(u *built) (*depfile.File, error) {
	r.dir.times(u)
	for _, o := range u.outputs {
		dir, name := filepath.Split(o.path)
		stem := strings.TrimPrefix(strings.TrimSuffix(name, filepath.Ext(name)), "lib")
		if text, err := os.ReadFile(filepath.Join(r.dir.dir, dir, stem+".d")); err == nil {
			return depfile.Parse(text)
		}
	}
	return nil, errors.New("no list of sources")
}
