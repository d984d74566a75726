package layers

import (
	"context"
	"errors"
	"fmt"

	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/recompile"
	"github.com/cargo-cow/cargo-cow/layers/rollback"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

// VerifyOptions say which units of a build directory to verify, and how.
type VerifyOptions struct {
	// Units are names of packages, or of units with their ids; none for all.
	Units []string
	// Sample, if it is not 0, is how many of them to take, by chance that begins with Seed.
	Sample int
	Seed   uint64
	NoWait bool // fail with ErrBusy instead of waiting for Cargo
	Notify Notify
	// Begin is told how many units will be compiled again, and of how many they were taken.
	Begin func(chosen, of int)
	// Tell is told each verdict when it is reached, by one goroutine at a time.
	Tell func(*recompile.Verdict)
}

// Verify compiles units of the checkout's build directory again, in a clone, and says of each whether what is there is
// what the compiler makes. Documentation is left out; of units that the next build will rebuild it is only said that
// they are.
func (s *Store) Verify(ctx context.Context, co *Checkout, o VerifyOptions) ([]*recompile.Verdict, error) {
	if err := s.Writable(); err != nil {
		return nil, err
	}
	done, err := s.holdOffSweep(ctx) // which would take the clone
	if err != nil {
		return nil, err
	}
	defer done()
	clone, wanted, dirty, err := s.cloneToVerify(ctx, co, o)
	if err != nil {
		return nil, err
	}
	for _, v := range dirty {
		o.Tell(v)
	}
	w := warehouse.In(s.opts.Dir)
	top := co.Workspace.Root
	if co.Git != nil {
		top = co.Git.Root
	}
	verdicts, err := recompile.Run(ctx, recompile.Options{
		Checkout: co.View(ctx), Top: top, Tool: co.Tool, Clone: clone, Temp: s.opts.Temp, Self: s.opts.Self, Wanted: wanted,
		MadeAt: func(key string) (dir, outDir, outEnv string, ok bool) {
			e, err := w.Lookup(ctx, key)
			if err != nil {
				return "", "", "", false
			}
			return e.Dir, e.OutDir, e.OutEnv, true
		},
		Tell: o.Tell,
	})
	if errors.Is(err, recompile.ErrUnavailable) {
		err = &HelpError{Err: err, Help: "run it where views can be made, as root maybe: `cargo cow wrapper status` says what is in the way"}
	}
	if err = s.dropTemp(ctx, clone, err); err != nil {
		return nil, fmt.Errorf("verify %s: %w", co.Workspace.BuildDir, err)
	}
	return append(dirty, verdicts...), nil
}

// cloneToVerify clones the build directory while nobody builds in it, and chooses the units.
func (s *Store) cloneToVerify(ctx context.Context, co *Checkout, o VerifyOptions) (clone string, wanted map[builddir.UnitName]bool, dirty []*recompile.Verdict, err error) {
	w, err := s.begin(ctx, co, o.NoWait, o.Notify)
	if err != nil {
		return "", nil, nil, err
	}
	defer w.end()
	if w.kind == active.Absent {
		return "", nil, nil, &HelpError{Err: fmt.Errorf("verify %s: %w", w.path(), ErrNoTarget), Help: "cargo build"}
	}
	if err := w.lockCargo(ctx, o.NoWait); err != nil {
		return "", nil, nil, err
	}
	all, err := s.Explain(ctx, co)
	if err != nil {
		return "", nil, nil, err
	}
	if len(all) == 0 {
		return "", nil, nil, &HelpError{Err: fmt.Errorf("verify %s: %w: nothing was built in it", w.path(), ErrNoTarget), Help: "cargo build"}
	}
	fresh, dirty, err := recompile.Eligible(all, o.Units)
	if err != nil {
		return "", nil, nil, err
	}
	chosen := fresh
	if o.Sample > 0 {
		chosen, dirty = recompile.Sample(fresh, o.Sample, o.Seed, co.Workspace), nil
	}
	wanted = map[builddir.UnitName]bool{}
	for _, u := range chosen {
		wanted[u] = true
	}
	if o.Begin != nil {
		o.Begin(len(chosen), len(fresh))
	}
	clone = s.tempTree()
	if err := s.opts.Driver.Clone(ctx, clone, w.path()); err != nil {
		return "", nil, nil, w.dir.ExplainMove(fmt.Errorf("verify %s: %w", w.path(), err))
	}
	rollback.ClearStubs(clone)
	return clone, wanted, dirty, nil
}
