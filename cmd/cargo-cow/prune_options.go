package main

import (
	"fmt"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/quantity"
	"github.com/cargo-cow/cargo-cow/layers/prune"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

// pruneOptions are what prune is asked for: the same words choose layers and records of
// the warehouse, and say afterwards why.
type pruneOptions struct {
	keepLast      int
	maxAge        quantity.Period
	gone          bool
	labelled      bool
	size          quantity.Volume
	free          quantity.Volume
	warehouseSize quantity.Volume
	minFree       quantity.Volume
	dryRun        bool
}

func (o *pruneOptions) policy() prune.Policy {
	return prune.Policy{KeepLast: o.keepLast, MaxAge: time.Duration(o.maxAge), GoneWorktrees: o.gone, MaxSize: int64(o.size), Free: int64(o.free), Labelled: o.labelled}
}

// why puts the reason for a layer's fate into words.
func (o *pruneOptions) why(c *prune.Choice) string {
	switch c.Why {
	case prune.Gone:
		return "built in a directory that is gone"
	case prune.Unused:
		return "not used for " + o.maxAge.String()
	case prune.Surplus:
		return fmt.Sprintf("not among the last %d of its dependency set", o.keepLast)
	case prune.Space:
		return "its space is needed"
	case prune.Leased:
		return "in use"
	case prune.Labelled:
		return "labelled " + c.Label
	case prune.Recent:
		return "used within the last hour"
	case prune.Last:
		return fmt.Sprintf("among the last %d of its dependency set", o.keepLast)
	case prune.Unmatched:
		return "no flag chooses it"
	}
	return string(c.Why)
}

// whyRecord puts the reason for a record's fate into words.
func (o *pruneOptions) whyRecord(c *warehouse.Choice) string {
	switch c.Why {
	case warehouse.Nowhere:
		return "its files are gone"
	case warehouse.Unused:
		return "not used for " + o.maxAge.String()
	case warehouse.Space:
		return "its space is needed"
	case warehouse.Recent:
		return "used within the last hour"
	case warehouse.Unmatched:
		return "no flag chooses it"
	}
	return string(c.Why)
}
