package main

import (
	"context"
	"fmt"
	"io"
)

// table does the same histories with every tool, and writes what was wrong with each.
func (r *runner) table(ctx context.Context, out io.Writer, names []string) error {
	fmt.Fprintln(out, "| tool | histories | builds judged | units fresh / rebuilt | stale | does not build | failed itself |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|---|")
	for _, name := range names {
		one, err := r.like(ctx, name, "")
		if err != nil {
			return err
		}
		if err := one.run(ctx, nil); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		c := one.counts
		fmt.Fprintf(out, "| %s | %d | %d | %d / %d | %d | %d | %d |\n", name, one.done, c.Builds, c.Fresh, c.Rebuilt, one.kinds["stale"], one.kinds["broken"], one.kinds["tool"]+one.kinds["promise"])
		r.mu.Lock()
		r.done, r.faults = r.done+one.done, append(r.faults, one.faults...)
		r.counts.Add(c)
		r.mu.Unlock()
	}
	return nil
}
