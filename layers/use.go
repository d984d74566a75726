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
	// ProjectGone: and so is the repository.
	ProjectGone bool `json:"project_gone,omitempty"`
	// Referenced: a build directory was made from it, or last sealed as it.
	Referenced bool `json:"referenced,omitempty"`
}

// BuildDirs finds the build directories that the store has to do with, and others on its
// disk. known are those of which the caller knows.
func (s *Store) BuildDirs(ctx context.Context, known ...string) *whereabouts.Checkouts {
	at := s.places()
	at.Top = whereabouts.MountPoint(s.opts.Dir)
	return whereabouts.Find(ctx, at, known...)
}

// LayerUses lists the layers as Layers does, with their use by what was found.
func (s *Store) LayerUses(ctx context.Context, found *whereabouts.Checkouts) ([]LayerUse, error) {
	list, err := s.Layers(ctx)
	if err != nil {
		return nil, err
	}
	uses := make([]LayerUse, len(list))
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
			OriginGone: whereabouts.OriginGone(r.Origin) && !found.InUse(&r),
			Referenced: found.MadeFrom(r.ID),
		}
		uses[i].ProjectGone = uses[i].OriginGone && found.RepositoryGone(&r)
	}
	return uses, nil
}
