// Package used brings up to date what is known of last uses, for commands that look at a
// whole store anyway. Those that a build or a prompt waits for do not import it: their
// program would, when it is a small one, start more slowly.
package used

import (
	"context"
	"errors"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/usage"
)

// Fold takes the stamps of a store, and of build directories that the caller knows, into
// its database, and returns what is known then. What is wrong with the database is said
// once, and stops nothing.
func Fold(ctx context.Context, term *ui.Terminal, st *layers.Store, dirs []string, now time.Time) (usage.Known, error) {
	list, err := st.Layers(ctx)
	if err != nil {
		return nil, err
	}
	from := usage.Sources{Store: st.Dir(), Directories: dirs}
	for i := range list {
		from.Layers = append(from.Layers, usage.SealedLayer{ID: list[i].ID, Rustc: list[i].Rustc, Sealed: list[i].Created})
	}
	known, err := usage.Fold(ctx, from, now)
	if trouble := (*usage.Trouble)(nil); errors.As(err, &trouble) {
		term.Warn("%v", trouble)
		err = nil
	}
	return known, err
}
