package doctor

import (
	"context"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
)

// Run looks at everything, with probe also by trying, and tells what it finds. What is bad makes
// it an error.
func (d *Doctor) Run(ctx context.Context, probe bool) error {
	for _, look := range []func(context.Context){d.disk, d.store, d.tools, d.wrapper, d.hook} {
		look(ctx)
	}
	if probe {
		d.probe(ctx)
	}
	bad := 0
	for _, f := range d.findings {
		if f.State == Bad {
			bad++
		}
		d.Term.JSON("finding", f)
		d.Term.Println("%-4s  %-9s  %s", f.State, f.Topic, f.Text)
		if f.Help != "" {
			d.Term.Println("%17s`%s`", "", f.Help)
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if bad > 0 {
		return exit.Silently(exit.InPart)
	}
	return nil
}
