package pruning

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/environ"
	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/spawn"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/cmd/internal/used"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/autoprune"
	"github.com/cargo-cow/cargo-cow/layers/lastuse"
	"github.com/cargo-cow/cargo-cow/layers/locate"
	"github.com/cargo-cow/cargo-cow/layers/lowpriority"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/prune"
	"github.com/cargo-cow/cargo-cow/layers/space"
	"github.com/cargo-cow/cargo-cow/layers/unasked"
)

// AutoWish is what goes without being asked for: what was not used for very long, directories
// that are abandoned, and as much more as the goals take. Nothing goes that was used within the
// careful margin, and no layer for a project or a compiler that is not found: whoever looks may
// be in a container, or have another home, in which those of others do not show.
func AutoWish(st *layers.Store, a open.AutoPrune) (Wish, error) {
	disk, err := space.Total(st.Dir())
	if err != nil {
		return Wish{}, err
	}
	p := prune.Policy{
		MaxAge: a.MaxAge, Abandoned: true, Superseded: true, KeepUnder: a.KeepUnder.Of(disk), Margins: prune.Careful,
	}
	return Wish{Policy: p, MinFree: a.FreeSpace.Of(disk)}, nil
}

// Begin starts a prune in the background, if one is due. In a CI environment there is none:
// what is kept there is another's choice.
func Begin(environment []string, s *open.Session, st *layers.Store) {
	if locate.IsCI(environ.Environ(environment).Get) {
		return
	}
	a, err := s.AutoPrune()
	if err != nil || a.Every == 0 || !autoprune.Due(st.Dir(), a.Every, time.Now()) {
		return
	}
	// There is another command soon.
	_ = spawn.Prune(environment, st.Dir())
}

// Auto is the prune that nobody has asked for, if one is due. Nobody waits for it, and it lets
// all others go first.
func Auto(ctx context.Context, st *layers.Store, a open.AutoPrune, now time.Time) error {
	if a.Every == 0 {
		return nil
	}
	account, err := autoprune.Begin(st.Dir(), a.Every, now)
	if account == nil || err != nil {
		return err
	}
	lowpriority.Take()
	r := autoprune.Result{Began: now}
	began := time.Now()
	err = auto(ctx, st, a, now, &r)
	if err != nil {
		r.Error = err.Error()
	}
	r.Took = time.Since(began)
	return account.End(r)
}

func auto(ctx context.Context, st *layers.Store, a open.AutoPrune, now time.Time, r *autoprune.Result) error {
	w, err := AutoWish(st, a)
	if err != nil {
		return err
	}
	p, err := Make(ctx, st, w, now)
	if err != nil {
		return err
	}
	term, err := ui.New(io.Discard, io.Discard, nil, ui.Options{Quiet: true})
	if err != nil {
		return err
	}
	if _, err := used.Fold(ctx, term, st, nil, now); err != nil {
		return err
	}
	removal := NewRemoval(term, st, false, term.Detail)
	swept, err := p.CarryOut(ctx, removal)
	unasked.Forget(st.Dir(), now.Add(-keepAccounts))
	r.Layers, r.Directories, r.Records = removal.removed, removal.trees, swept.Records
	r.Freed, r.Costs, r.Size, r.KeepUnder, r.Lacking = p.Comes.Frees, p.Comes.Costs, p.Comes.Size, w.KeepUnder, p.Lacking
	if err == nil {
		err = removal.first
	}
	return err
}

// Supersede removes the layers that nobody has asked for where later ones stand for them, and
// looks at nothing else: a new one was just made. What is in use stays until the next time.
func Supersede(ctx context.Context, st *layers.Store, now time.Time) error {
	list, err := st.Layers(ctx)
	if err != nil {
		return err
	}
	var items []prune.Item
	for i := range list {
		r := &list[i]
		items = append(items, prune.Item{
			Kind: prune.Layer, ID: r.ID, Fingerprint: r.Fingerprint, Origin: r.Origin, Automatic: r.Automatic, Label: r.Label,
			Pinned: r.Pinned, Created: r.Created, LastUse: lastuse.Read(filepath.Join(st.Dir(), paths.StoreLastUse), r.ID),
		})
	}
	lowpriority.Take()
	var errs []error
	for _, c := range prune.New(items, prune.Policy{Superseded: true}, now).Victims {
		if err := st.Remove(ctx, c.ID); !errors.Is(err, layers.ErrInUse) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// keepAccounts is how long it is known of a build directory that is gone what was done for it
// by itself: as long as layers are kept that nobody uses.
const keepAccounts = 60 * 24 * time.Hour

// Words tell what came of such a prune.
func Words(r *autoprune.Result, now time.Time) string {
	when := phrase.Ago(r.Began, now) + ", by itself: "
	if r.Error != "" {
		return when + r.Error
	}
	text := when + "nothing"
	if r.Layers+r.Directories+r.Records > 0 {
		text = when + fmt.Sprintf("%s, %s, %s; that freed %s", phrase.Count(r.Layers, "layer"), directories(r.Directories), phrase.Count(r.Records, "record"), phrase.Size(r.Freed))
	}
	switch {
	case r.Lacking > 0:
		text += fmt.Sprintf("; %s are missing that should be free", phrase.Size(r.Lacking))
	case r.KeepUnder > 0 && r.Size > r.KeepUnder:
		text += fmt.Sprintf("; the store takes %s, which is more than %s, and was used within a week", phrase.Size(r.Size), phrase.Size(r.KeepUnder))
	}
	return text
}
