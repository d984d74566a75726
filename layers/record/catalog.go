package record

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/internal/parallel"
	"github.com/cargo-cow/cargo-cow/layers/internal/removal"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// CatalogFile holds the records of most layers in one file, a line each: a choice
// among a thousand of them then opens one file, and decodes those of one
// fingerprint. It is made from the records and made again when it lacks too many;
// a layer that it lacks has its own record read, and a line of a layer that is
// gone means nothing. A line is never out of date: a record changes only when it
// was damaged and is repaired, which removes the catalog.
const (
	CatalogFile   = paths.StoreCatalog
	catalogHeader = "cargo-cow catalog 1\n"
)

// CatalogLag is how many layers the catalog may lack, or name in vain, before it
// is written anew: reading so many records takes 1 ms.
const CatalogLag = 32

// catalog is the lines of a catalog by layer.
type catalog map[string][]byte

// lineStart begins every line, followed by the layer's id: it is the first field
// of a record.
var lineStart = []byte(`{"layer":"`)

func readCatalog(path string) catalog {
	b, err := regular.Read(path)
	if err != nil {
		return nil
	}
	return decodeCatalog(b)
}

// decodeCatalog drops what is no line of a catalog.
func decodeCatalog(b []byte) catalog {
	b, ok := bytes.CutPrefix(b, []byte(catalogHeader))
	if !ok {
		return nil
	}
	c := make(catalog, bytes.Count(b, []byte{'\n'}))
	for line := range bytes.Lines(b) {
		rest, ok := bytes.CutPrefix(line, lineStart)
		if !ok || len(rest) < 32 || line[len(line)-1] != '\n' {
			continue
		}
		if id := string(rest[:32]); digest.Is(id) {
			c[id] = line
		}
	}
	return c
}

func (c catalog) encode() []byte {
	b := []byte(catalogHeader)
	ids := make([]string, 0, len(c))
	for id := range c {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		b = append(b, c[id]...)
	}
	return b
}

// record decodes the line of a layer; nil if there is none, or none legible.
func (c catalog) record(id string) *Record {
	line := c[id]
	if line == nil {
		return nil
	}
	r := new(Record)
	if json.Unmarshal(line, r) != nil || r.ID != id {
		return nil
	}
	return r
}

// List returns the records of layers in no order, with the labels that they were given,
// and only those of one fingerprint unless it is "". Those that the catalog lacks are read
// with read; layers whose record cannot be read are left out.
func (rs Records) List(ctx context.Context, ids []string, fingerprint string, read func(id string) (*Record, error)) ([]Record, error) {
	path := filepath.Join(rs.store, CatalogFile)
	c := readCatalog(path)
	found := make([]*Record, len(ids))
	var missing []int
	for i, id := range ids {
		if c[id] != nil && !bytes.Contains(c[id], []byte(fingerprint)) {
			continue
		}
		if found[i] = c.record(id); found[i] == nil {
			missing = append(missing, i)
		}
	}
	parallel.Do(len(missing), func(n int) { // halves the time on two processors
		if i := missing[n]; ctx.Err() == nil {
			found[i], _ = read(ids[i])
		}
	})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(missing) > CatalogLag || len(c) > len(ids)+CatalogLag {
		rs.writeCatalog(c, ids, found)
	}
	list := make([]Record, 0, len(ids))
	for _, r := range found {
		if r != nil && (fingerprint == "" || r.Fingerprint == fingerprint) {
			list = append(list, *r)
		}
	}
	rs.remark(list)
	return list, nil
}

// writeCatalog keeps what was read. Of several that do so at once any will do;
// without it the next one takes longer.
func (rs Records) writeCatalog(was catalog, ids []string, found []*Record) {
	c := make(catalog, len(ids))
	for i, id := range ids {
		if found[i] == nil {
			if line := was[id]; line != nil {
				c[id] = line
			}
			continue
		}
		if b, err := json.Marshal(found[i]); err == nil {
			c[id] = append(b, '\n')
		}
	}
	_ = atomicfile.WriteUnsynced(filepath.Join(rs.store, CatalogFile), c.encode(), 0o600)
}

// ForgetCatalog removes the catalog, which is made anew when needed: for when a damaged
// record may have got into it.
func (rs Records) ForgetCatalog() error {
	return removal.File(filepath.Join(rs.store, CatalogFile))
}
