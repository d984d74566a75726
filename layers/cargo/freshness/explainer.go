package freshness

import (
	"context"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
)

// explainer makes Cargo's checks on the units of one build directory, each once.
type explainer struct {
	dir      *builddir.Dir
	ctx      context.Context
	from     *checkout.Attribution
	checkout *checkout.Checkout
	reasons  map[*builddir.Unit]*rule.Reason
	noted    map[string]rule.Reason
	times    map[string]int64
}

func newExplainer(ctx context.Context, co *checkout.Checkout, bd *builddir.Dir, noted []Noted) *explainer {
	e := &explainer{ctx: ctx, checkout: co, from: checkout.NewAttribution(co, bd.Path), dir: bd, reasons: map[*builddir.Unit]*rule.Reason{}, noted: map[string]rule.Reason{}, times: map[string]int64{}}
	for _, n := range noted {
		e.noted[string(n.Record)+"/"+n.File] = n.Reason
	}
	return e
}
