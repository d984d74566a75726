// Package holdings says what takes room on the disk of a store, as far as this program put it there or
// worked in it: layers, build directories, what undo would bring back, the warehouse; who shares what, what
// removing any set of them would free, and what it would cost.
//
// A Survey is what was there when it was made, and does not change. Any number of processes may make one at once.
package holdings

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/index"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/prune"
	"github.com/cargo-cow/cargo-cow/layers/space"
	"github.com/cargo-cow/cargo-cow/layers/whereabouts"
)

// Kind is what takes room. The values are part of what the program prints as JSON.
type Kind string

const (
	Layer     Kind = "layer"
	BuildDir  Kind = "build directory"
	Undo      Kind = "undo" // what undo would bring back
	Warehouse Kind = "warehouse"
	Other     Kind = "other" // another store's, or built where no command has worked with this one
)

// A Holding is something that takes room on the disk of the store.
type Holding struct {
	Kind  Kind
	Path  string
	Layer string           // the id of a layer
	Used  time.Time        // the last time, for who knows it to note
	Tree  whereabouts.Tree // of a build directory, and of what undo would bring back
	// Bytes is all its data, whoever shares it, and Alone what becomes free when it alone
	// is removed.
	Bytes, Alone int64
	// Small is what its small files hold, which the file system keeps among its own data
	// and which is not in Bytes.
	Small int64
	Files int
	// Breaks is how often a file goes on elsewhere on the disk.
	Breaks int
}

// A Survey is what takes room, and who shares what.
type Survey struct {
	Holdings []Holding
	found    *space.Survey
	index    *index.Index
}

// A Store is what is to be known of one.
type Store struct {
	Dir    string
	Driver driver.Driver
	Layers []string // ids
	Index  *index.Index
	// Found are the build directories.
	Found *whereabouts.Checkouts
}

// A versioner is a driver that can tell when the data of a sealed tree was moved.
type versioner interface {
	Version(tree string) (string, error)
}

// A settler is a driver whose deleted trees take space for some time.
type settler interface {
	Settle(ctx context.Context, dir string) error
}

// Look looks at all that a store holds. What was found of a layer is kept in the store.
func Look(ctx context.Context, s Store) (*Survey, error) {
	v := &Survey{index: s.Index}
	var subjects []space.Subject
	add := func(h Holding, t space.Subject) {
		v.Holdings, subjects = append(v.Holdings, h), append(subjects, t)
	}
	for _, id := range s.Layers {
		t := s.sealed(filepath.Join(s.Dir, paths.StoreLayers, id))
		add(Holding{Kind: Layer, Path: t.Dir, Layer: id}, t)
	}
	for _, t := range s.Found.Trees() {
		kind := BuildDir
		switch {
		case t.Sealed || !t.Served:
			kind = Other
		case t.Undo:
			kind = Undo
		}
		subject := space.Subject{Dir: t.Path}
		if t.Sealed {
			subject = s.sealed(t.Path)
		}
		add(Holding{Kind: kind, Path: t.Path, Tree: t}, subject)
	}
	if dir := filepath.Join(s.Dir, paths.StoreWarehouse); exists(dir) {
		add(Holding{Kind: Warehouse, Path: dir}, space.Subject{Dir: dir})
	}
	var err error
	if v.found, err = space.Look(ctx, subjects, s.settle); err != nil {
		return nil, err
	}
	for i, share := range v.found.Shares() {
		if m := v.found.Maps[i]; m != nil {
			h := &v.Holdings[i]
			h.Bytes, h.Alone, h.Small, h.Files, h.Breaks = share.Bytes, share.Alone, m.Small, m.Files, m.Breaks()
		}
	}
	return v, nil
}

// sealed is a layer, of this store or another. What is found of it is kept in its own, if that
// is this user's: in a directory of somebody else's anything may lie, a link to elsewhere, too.
func (s *Store) sealed(dir string) space.Subject {
	t := space.Subject{Dir: dir, Sealed: true}
	store, id := filepath.Dir(filepath.Dir(dir)), filepath.Base(dir)
	kept := filepath.Join(store, paths.StoreMaps)
	if d, ok := s.Driver.(versioner); ok && isOwn(store) && (isOwn(kept) || os.Mkdir(kept, 0o700) == nil) {
		if v, err := d.Version(t.Dir); err == nil {
			t.Keeping = space.Keeping{Path: filepath.Join(kept, id), Version: v}
		}
	}
	return t
}

// Forget removes what is kept of a layer that is gone.
func Forget(store, id string) { _ = os.Remove(filepath.Join(store, paths.StoreMaps, id)) } // it is advice

// settle waits until what was deleted takes no space any more, where that can be waited for.
func (s *Store) settle(ctx context.Context) {
	if d, ok := s.Driver.(settler); ok {
		_ = d.Settle(ctx, s.Dir) // else something is said to be shared for a moment more
	}
}

// isOwn reports whether there is a directory that belongs to this user.
func isOwn(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid()
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// Find returns the index of the holding at a path, or of a layer, -1 if there is none.
func (v *Survey) Find(path, layer string) int {
	return slices.IndexFunc(v.Holdings, func(h Holding) bool {
		return path != "" && h.Path == path || layer != "" && h.Layer == layer
	})
}

// Own are the holdings that this store has to do with: all but those of kind Other.
func (v *Survey) Own() map[int]bool {
	own := map[int]bool{}
	for i := range v.Holdings {
		if v.Holdings[i].Kind != Other {
			own[i] = true
		}
	}
	return own
}

// Of are the holdings that lie in a store.
func (v *Survey) Of(store string) map[int]bool {
	in := map[int]bool{}
	for i := range v.Holdings {
		if paths.Below(v.Holdings[i].Path, store) {
			in[i] = true
		}
	}
	return in
}

// Frees is how many bytes become free when those holdings are removed, by their indices.
// Where several of them share data with something that is none of the holdings, the file
// system does not tell, and it is the most that becomes free.
func (v *Survey) Frees(gone map[int]bool) int64 {
	return v.found.Frees(func(i int) bool { return gone[i] })
}

// Takes is how many bytes those holdings take together, whoever else holds them.
func (v *Survey) Takes(of map[int]bool) int64 {
	return v.found.Takes(func(i int) bool { return of[i] })
}

// A Loss is what removing a holding frees, in bytes, and what building those units cost, in
// ms, that no layer holds then.
type Loss struct{ Frees, Costs int64 }

// Losses say of each of those holdings, different ones, what removing it brings after those
// before it have gone.
func (v *Survey) Losses(order []int) []Loss {
	list := make([]Loss, len(order))
	at, ofLayer := map[int]int{}, map[string]int{}
	for n, i := range order {
		at[i] = n
		if h := &v.Holdings[i]; h.Kind == Layer {
			ofLayer[h.Layer] = n
		}
	}
	for _, p := range v.found.Pieces {
		if n := lastOf(at, p.Holders); n >= 0 && !p.Elsewhere {
			list[n].Frees += p.Bytes
		}
	}
	for _, s := range v.index.Shares() {
		if n := lastOf(ofLayer, s.Layers); n >= 0 {
			list[n].Costs += s.Cost
		}
	}
	return list
}

// lastOf is the place of the last of all, -1 where one has none.
func lastOf[K comparable](places map[K]int, all []K) int {
	last := -1
	for _, k := range all {
		n, ok := places[k]
		if !ok {
			return -1
		}
		last = max(last, n)
	}
	return last
}

// Pieces are what the holdings take, by which of them share it: the figures that Frees and
// Takes add up, for who asks about many sets.
func (v *Survey) Pieces() []space.Piece { return v.found.Pieces }

// Costs is what building those units cost, in ms, that no layer holds when those holdings
// are removed.
func (v *Survey) Costs(gone map[int]bool) int64 {
	ids := map[string]bool{}
	for i := range gone {
		if h := &v.Holdings[i]; h.Kind == Layer {
			ids[h.Layer] = true
		}
	}
	if len(ids) == 0 {
		return 0
	}
	return v.index.Lost(func(id string) bool { return ids[id] })
}

// ID is what prune calls a holding.
func (h *Holding) ID() string {
	if h.Kind == Layer {
		return h.Layer
	}
	return h.Path
}

// Shares says what items of prune hold, by which of them share it: data, and units. items
// are ids of holdings. What the warehouse alone holds is not among it.
func (v *Survey) Shares(items func(id string) bool) prune.Shares {
	var all prune.Shares
	for _, p := range v.found.Pieces {
		s := prune.Share{Amount: p.Bytes, Held: p.Elsewhere}
		for _, i := range p.Holders {
			switch h := &v.Holdings[i]; {
			case items(h.ID()):
				s.Items = append(s.Items, h.ID())
			case h.Kind == Warehouse:
				s.Stays = true
			default:
				s.Held = true
			}
		}
		if len(s.Items) > 0 {
			all.Data = append(all.Data, s)
		}
	}
	all.Work = v.Work()
	return all
}

// Work is what building units has cost, in ms, by which layers have them.
func (v *Survey) Work() (all []prune.Share) {
	for _, s := range v.index.Shares() {
		all = append(all, prune.Share{Amount: s.Cost, Items: s.Layers})
	}
	return all
}

// FreesWith is Frees of those holdings together with certain files of the warehouse.
func (v *Survey) FreesWith(gone map[int]bool, files []string) (int64, error) {
	warehouse := slices.IndexFunc(v.Holdings, func(h Holding) bool { return h.Kind == Warehouse })
	return v.found.FreesWith(func(i int) bool { return gone[i] }, warehouse, files)
}
