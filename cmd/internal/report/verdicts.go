package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers/recompile"
)

// The results in the order in which they are told, each with its verb and its words.
var (
	results     = []recompile.Result{recompile.Different, recompile.Failed, recompile.Varies, recompile.Unknown, recompile.EqualBut, recompile.Equal}
	verdictVerb = map[recompile.Result]string{
		recompile.Different: "Different", recompile.Failed: "Failed", recompile.Varies: "Varies", recompile.Unknown: "Unverified",
		recompile.EqualBut: "Equal", recompile.Equal: "Equal",
	}
	verdictWords = map[recompile.Result]string{
		recompile.Different: "different", recompile.Failed: "failed", recompile.Varies: "not reproducible", recompile.Unknown: "not verified",
		recompile.EqualBut: "equal but for", recompile.Equal: "equal",
	}
)

// CountVerdicts counts verdicts by their result.
func CountVerdicts(verdicts []*recompile.Verdict) map[recompile.Result]int {
	counts := map[recompile.Result]int{}
	for _, v := range verdicts {
		counts[v.Result]++
	}
	return counts
}

// InCounts puts the counts into words.
func InCounts(counts map[recompile.Result]int, verdicts []*recompile.Verdict) string {
	var words, but []string
	for _, v := range verdicts {
		but = append(but, v.But...)
	}
	slices.Sort(but)
	for _, r := range slices.Backward(results) {
		if n := counts[r]; n > 0 && r == recompile.EqualBut {
			words = append(words, fmt.Sprintf("%d equal but for %s", n, strings.Join(slices.Compact(but), " or ")))
		} else if n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, verdictWords[r]))
		}
	}
	if len(words) == 0 {
		return "nothing that cargo would leave alone"
	}
	return strings.Join(words, ", ")
}

// Verdicts lists what is to be said of single units, the worst last, where it is seen.
func Verdicts(term *ui.Terminal, verdicts []*recompile.Verdict, all bool) {
	tab := ui.NewTable("PACKAGE", "TARGET", "KIND", "PROFILE", "VERDICT", "WHAT")
	for _, r := range slices.Backward(results) {
		for _, v := range verdicts {
			if v.Result != r || (r == recompile.Equal || r == recompile.EqualBut) && !all {
				continue
			}
			tab.Row(v.Package, v.Target, v.Kind, v.Profile, verdictWords[r], what(v))
		}
	}
	term.Table(tab)
}

// what says in one line what was found.
func what(v *recompile.Verdict) string {
	switch {
	case len(v.Differs) > 0:
		first := v.Differs[0]
		text := first.File + ": " + first.Part
		if first.Detail != "" {
			text += ", " + first.Detail
		}
		if more := len(v.Differs) - 1; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		return text
	case len(v.But) > 0:
		return strings.Join(v.But, ", ")
	}
	return v.Why
}

// VerdictVerb is what a result is called in a line of output.
func VerdictVerb(r recompile.Result) string { return verdictVerb[r] }
