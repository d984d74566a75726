package layers

import (
	"context"
	"path/filepath"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/lastuse"
	"github.com/cargo-cow/cargo-cow/layers/lease"
	"github.com/cargo-cow/cargo-cow/layers/whereabouts"
)

// noteUse notes that layers were used just now. It is advice: what cannot be noted,
// on a read-only disk for one, is not.
func (s *Store) noteUse(ids ...string) {
	for _, id := range ids {
		if digest.Is(id) {
			_ = lastuse.Stamp(filepath.Join(s.opts.Dir, lastUseDir), id, s.opts.Now())
		}
	}
}

// LayerUse is a layer with what is known of its use.
type LayerUse struct {
	Record
	// LastUse is when the layer was last sealed, restored, grafted from, or the
	// parent of what was sealed, to within lastuse.Interval; the zero time if
	// nobody noted any of that.
	LastUse time.Time `json:"last_use,omitzero"`
	// Leased: somebody works with it at this moment.
	Leased bool `json:"leased,omitempty"`
	// OriginGone: the root directory of its origin is no longer there, nor at
	// another path, as far as can be seen, and no build directory was made from it.
	OriginGone bool `json:"origin_gone,omitempty"`
}

// LayerUses lists the layers as Layers does, with their use. known are build directories
// in use of which the caller knows; the others are found.
func (s *Store) LayerUses(ctx context.Context, known ...string) ([]LayerUse, error) {
	list, err := s.Layers(ctx)
	if err != nil {
		return nil, err
	}
	uses := make([]LayerUse, len(list))
	var found *whereabouts.Checkouts
	for i, r := range list {
		// Advice: Remove finds out for itself.
		leased, err := lease.Held(filepath.Join(s.opts.Dir, leasesDir), r.ID)
		if err != nil {
			return nil, err
		}
		uses[i] = LayerUse{
			Record:     r,
			LastUse:    lastuse.Read(filepath.Join(s.opts.Dir, lastUseDir), r.ID),
			Leased:     leased,
			OriginGone: whereabouts.OriginGone(r.Origin),
		}
		if uses[i].OriginGone {
			if found == nil {
				found = whereabouts.Find(ctx, s.places(), known...)
			}
			uses[i].OriginGone = !found.InUse(&r)
		}
	}
	return uses, nil
}
