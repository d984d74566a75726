package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// directed is where there is a history for each rule that shows what it is there for: testdata/rules/RULE.txtar.
const directed = "hack/differential/testdata/rules"

// rules writes, for each rule, whether its directed history is right, and wrong without the rule; and, where n is not 0,
// after how many random histories it shows that the rule is switched off. A rule that nothing shows is a fault.
func (r *runner) rules(ctx context.Context, out io.Writer, names []string) error {
	if len(names) == 0 {
		files, err := filepath.Glob(filepath.Join(directed, "*.txtar"))
		if err != nil {
			return err
		}
		for _, f := range files {
			names = append(names, strings.TrimSuffix(filepath.Base(f), ".txtar"))
		}
	}
	fmt.Fprintln(out, "| rule switched off | found after | directed history |")
	fmt.Fprintln(out, "|---|---|---|")
	for _, name := range names {
		file := filepath.Join(directed, name+".txtar")
		with, err := r.one(ctx, "", file)
		if err != nil {
			return err
		}
		without, err := r.one(ctx, switchedOff(name, file), file)
		if err != nil {
			return err
		}
		verdict := "right with the rule, " + without.kindsFound() + " without"
		if len(with.faults) > 0 {
			verdict = "**wrong with the rule: " + with.kindsFound() + "**"
		}
		chance := ""
		if r.n > 0 {
			found, err := r.one(ctx, name)
			if err != nil {
				return err
			}
			chance = fmt.Sprintf("%d histories", found.done)
			if len(found.faults) == 0 {
				chance = fmt.Sprintf("not in %d", found.done)
			}
		}
		fmt.Fprintf(out, "| `%s` | %s | %s |\n", name, chance, verdict)
		if len(with.faults) > 0 || len(without.faults) == 0 {
			r.faults = append(r.faults, file)
		}
	}
	return nil
}

// switchedOff is the rules that the directed history of a rule has switched off: more than the one where others stand in.
// It says so in a comment, "without: RULE,…".
func switchedOff(name, file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return name
	}
	if _, after, ok := strings.Cut(string(text), "# without: "); ok {
		name, _, _ = strings.Cut(after, "\n")
	}
	return name
}

// one runs histories without a rule, those of files or else random ones until the first that goes wrong.
func (r *runner) one(ctx context.Context, without string, files ...string) (*runner, error) {
	o, err := r.like(ctx, "cargo-cow", without)
	if err != nil {
		return nil, err
	}
	o.first = true
	err = o.run(ctx, files)
	r.done += o.done
	r.counts.Add(o.counts)
	return o, err
}

// kindsFound says what was wrong.
func (r *runner) kindsFound() string {
	var all []string
	for kind, n := range r.kinds {
		if n > 0 {
			all = append(all, kind)
		}
	}
	if len(all) == 0 {
		return "**right**"
	}
	return strings.Join(slices.Sorted(slices.Values(all)), ", ")
}
