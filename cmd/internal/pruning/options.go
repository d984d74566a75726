package pruning

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/quantity"
	"github.com/cargo-cow/cargo-cow/layers/prune"
)

// Options are what prune is asked for: the same words choose, and say afterwards why.
type Options struct {
	KeepLast          int
	MaxAge            quantity.Period
	GoneWorktrees     bool
	GoneProjects      bool
	RemovedToolchains bool
	Unreferenced      bool
	Superseded        bool
	Labelled          bool
	KeepUnder, Free   quantity.Volume
	WarehouseSize     quantity.Volume
	MinFree           quantity.Volume
	Targets           []string
	Margin            string // one of Margins
	DryRun            bool
	Wait              bool // until all is gone from the disk
}

// Margins are the names of margins.
var Margins = map[string]prune.Ages{"usual": prune.Usual, "careful": prune.Careful, "none": prune.None}

// ErrNothingChosen: none of the options says what is to go.
var ErrNothingChosen = errors.New("choose what to remove: give at least one flag that says what goes")

// Check refuses what makes no sense.
func (o *Options) Check() error {
	if _, ok := Margins[o.Margin]; !ok {
		return fmt.Errorf("use the margin %q: want %s", o.Margin, strings.Join(slices.Sorted(maps.Keys(Margins)), ", "))
	}
	if o.Wish().Empty() && o.WarehouseSize == 0 && o.MinFree == 0 {
		return ErrNothingChosen
	}
	return nil
}

// Wish is what the options ask for.
func (o *Options) Wish() Wish {
	p := prune.Policy{
		KeepLast: o.KeepLast, MaxAge: prune.Every(time.Duration(o.MaxAge)),
		GoneWorktrees: o.GoneWorktrees, GoneProjects: o.GoneProjects, RemovedToolchains: o.RemovedToolchains, Unreferenced: o.Unreferenced, Superseded: o.Superseded,
		KeepUnder: int64(o.KeepUnder), Free: int64(o.Free), Labelled: o.Labelled, Margins: Margins[o.Margin],
	}
	return Wish{Policy: p, WarehouseSize: int64(o.WarehouseSize), MinFree: int64(o.MinFree), Targets: o.Targets}
}

// why puts the reason for a fate into words.
func (o *Options) why(reason prune.Reason, i *prune.Item) string {
	switch reason {
	case prune.Gone:
		return "built in a directory that is gone"
	case prune.NoProject:
		return "its project is gone"
	case prune.NoToolchain:
		return "its compiler is not installed"
	case prune.Unreferenced:
		return "no build directory was made from it"
	case prune.Superseded:
		return "sealed by itself, and later ones stand for it"
	case prune.Unused:
		if o.MaxAge == 0 { // each kind has its own
			return "not used for long"
		}
		return "not used for " + o.MaxAge.String()
	case prune.Surplus:
		return fmt.Sprintf("not among the last %d of its dependency set", o.KeepLast)
	case prune.Space:
		return "its space is needed"
	case prune.Leased:
		return "in use"
	case prune.Pinned:
		return "pinned"
	case prune.Labelled:
		return "labelled " + i.Label
	case prune.Recent:
		return "used within " + within(Margins[o.Margin].Of(i.Kind))
	case prune.Last:
		return fmt.Sprintf("among the last %d of its dependency set", o.KeepLast)
	case prune.Unmatched:
		return "no flag chooses it"
	case "nowhere":
		return "its files are gone"
	}
	return string(reason)
}

// within tells a margin.
func within(d time.Duration) string {
	switch d {
	case time.Hour:
		return "the last hour"
	case 24 * time.Hour:
		return "the last day"
	}
	p := quantity.Period(d)
	return "the last " + p.String()
}
