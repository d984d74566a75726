package layers

import (
	"context"
	"path/filepath"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/space"
)

// Sizes says of layers how many bytes each would take if it shared nothing, as far as
// that is known or can be found out within patience, those first that come first.
func (s *Store) Sizes(ctx context.Context, list []Record, patience time.Duration) (map[string]int64, error) {
	return space.Sizes(ctx, filepath.Join(s.opts.Dir, sizesFile), ids(list), s.tree, s.ids, patience)
}

// Space says what layers take together, by who shares it.
func (s *Store) Space(ctx context.Context, ids []string) ([]space.Piece, error) {
	return space.Together(ctx, ids, s.tree)
}
