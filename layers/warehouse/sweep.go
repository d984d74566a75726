package warehouse

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Swept is what was removed.
type Swept struct {
	Records, Files, Leftovers int
	Frees                     int64
}

// CarryOut removes what a plan says, but for what was used, replaced or claimed
// since. Records go first: no record names what is half gone. What cannot be removed
// is in the error, and the rest is removed all the same.
func (w *Warehouse) CarryOut(ctx context.Context, p *Plan) (Swept, error) {
	var s Swept
	var errs []error
	spared := map[string]bool{} // files that a record names which stayed after all
	for _, v := range p.Victims {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		removed, err := w.removeIf(v.Path, func(away string, info fs.FileInfo) bool {
			if !info.ModTime().Equal(v.Used) {
				return false
			}
			if v.Why != Nowhere {
				return true
			}
			// A layer that was to go may have stayed.
			e, err := w.entry(away, nil)
			return err != nil || e.Location() == Gone
		})
		errs = append(errs, err)
		if removed {
			s.Records++
			s.Frees += v.RecordSize
			// Only an empty one goes.
			_ = os.Remove(filepath.Dir(v.Path))
			continue
		}
		for _, f := range v.Files {
			spared[f.Digest] = true
		}
	}
	for _, f := range p.Files {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		if spared[f.Digest] {
			continue
		}
		removed, err := w.removeIf(f.Path, unchanged(f.Changed))
		errs = append(errs, err)
		if removed {
			s.Files++
			s.Frees += f.Frees
		}
	}
	for _, l := range p.Leftovers {
		removed, err := w.removeIf(l.Path, unchanged(l.Changed))
		errs = append(errs, err)
		if removed {
			s.Leftovers++
			s.Frees += l.Size
		}
	}
	return s, errors.Join(errs...)
}

// Sweep removes what serves nobody any more: records whose files lie nowhere, loose
// files that no record names, and what killed writers and power cuts have left; each
// if it is old enough not to be somebody's who is at work.
func (w *Warehouse) Sweep(ctx context.Context, now time.Time) (Swept, error) {
	s, err := w.Inventory(ctx, nil, false)
	if err != nil {
		return Swept{}, err
	}
	return w.CarryOut(ctx, s.Plan(Policy{}, now))
}
