package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/report"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/recompile"
)

type verifyOptions struct {
	sample int
	seed   string
	all    bool
	noWait bool
}

func newVerify(a *app) *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use:   "verify [UNIT]...",
		Short: "Compile units again, and compare them with what is there",
		Long: `Compiles units of the build directory again, each at the path where it was made, by
the calls that cargo makes for it, without wrapper and incremental state; and runs
build scripts again. What comes of it is compared with what is there, byte for byte.
The build directory, the store and the sources are not changed: it works in a copy.

UNIT is a package, or one unit of it as "cargo cow --json explain" names it; without,
all units are verified that cargo would leave alone. That takes as long as a build
from nothing; --sample takes some by chance, the workspace's own and others.

A unit is equal; or equal but for what can never be equal, which is named; or not
reproducible, if two compilations differ between themselves; or different: then
something else is there than the compiler makes, and the exit code is 1. The exit
code is 3 if a unit could not be compiled again, or was named and could not be
verified.`,
		Example: `  cargo cow verify tool                 all units of one package
  cargo cow verify --sample 20          20 units, for CI`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.verify(cmd.Context(), args, o) },
	}
	f := cmd.Flags()
	f.IntVar(&o.sample, "sample", 0, "verify `N` units, taken by chance")
	f.StringVar(&o.seed, "seed", "", "take the sample that the `NUMBER` gave before")
	f.BoolVar(&o.all, "all", false, "also list the units that are equal")
	f.BoolVar(&o.noWait, "no-wait", false, "fail with code 5 if cargo is building")
	return cmd
}

func (a *app) verify(ctx context.Context, units []string, o verifyOptions) error {
	seed, err := o.seedOf()
	if err != nil {
		return err
	}
	p, err := a.openUnresolved(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	verdicts, err := p.Store.Verify(ctx, p.Checkout, layers.VerifyOptions{
		Units: units, Sample: o.sample, Seed: seed, NoWait: o.noWait, Notify: a.term.Blocking,
		Begin: func(chosen, of int) {
			if o.sample > 0 {
				a.term.Status("Sampling", "%d of %s, see --seed %d", chosen, phrase.Count(of, "unit"), seed)
			}
			a.term.Status("Verifying", "%s of %s", phrase.Count(chosen, "unit"), p.BuildDir())
		},
		Tell: func(v *recompile.Verdict) {
			a.term.JSON("verified-unit", v)
			a.term.Detail(report.VerdictVerb(v.Result), "%s", phrase.Unit(v.UnitName))
		},
	})
	if err != nil {
		return err
	}
	report.Verdicts(a.term, verdicts, o.all || a.term.Verbose())
	counts := report.CountVerdicts(verdicts)
	a.term.JSON("verified", struct {
		Units    int                      `json:"units"`
		Verdicts map[recompile.Result]int `json:"verdicts"`
		Seed     uint64                   `json:"seed,omitempty"`
		MS       int64                    `json:"ms"`
	}{len(verdicts), counts, seed, time.Since(began).Milliseconds()})
	a.term.Status("Verified", "%s in %.1f s: %s", phrase.Count(len(verdicts), "unit"), time.Since(began).Seconds(), report.InCounts(counts, verdicts))
	return verified(verdicts, counts, p.BuildDir(), len(units) > 0)
}

// seedOf returns the seed of the sample; one that was not given is a new one.
func (o *verifyOptions) seedOf() (uint64, error) {
	switch {
	case o.sample < 0:
		return 0, exit.Usage(fmt.Errorf("take a sample of %d units: want 1 or more", o.sample))
	case o.sample == 0 && o.seed != "":
		return 0, exit.Usage(fmt.Errorf("use --seed: it belongs to --sample"))
	case o.sample == 0:
		return 0, nil
	case o.seed == "":
		return uint64(rand.Uint32()), nil // short enough to be typed
	}
	seed, err := strconv.ParseUint(o.seed, 10, 64)
	if err != nil {
		return 0, exit.Usage(fmt.Errorf("read --seed %s: want a number", o.seed))
	}
	return seed, nil
}

// verified is the error that a verification ends in.
func verified(verdicts []*recompile.Verdict, counts map[recompile.Result]int, buildDir string, named bool) error {
	if n := counts[recompile.Different]; n > 0 {
		var clean []string
		for _, v := range verdicts {
			if arg := "-p " + v.Package; v.Result == recompile.Different && !slices.Contains(clean, arg) {
				clean = append(clean, arg)
			}
		}
		is := "is"
		if n > 1 {
			is = "are"
		}
		return &layers.HelpError{
			Err:  fmt.Errorf("verify %s: %s %s not what the compiler makes", buildDir, phrase.Count(n, "unit"), is),
			Help: "have cargo build anew what is different: `cargo clean " + strings.Join(clean, " ") + "` (with --release for that profile), then `cargo build`",
		}
	}
	if counts[recompile.Failed] > 0 || named && counts[recompile.Unknown] > 0 {
		return exit.Silently(exit.InPart)
	}
	return nil
}
