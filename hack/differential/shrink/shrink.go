// Package shrink makes a history that goes wrong smaller: fewer steps, then fewer packages and habits, as long as it
// goes wrong in the same way. What it returns has gone wrong so, or is the history it was given. Calls may run at once;
// the history given is not changed.
package shrink

import (
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/cargo-cow/cargo-cow/hack/differential/history"
)

// History returns the smallest history that it finds to be wrong, too. It went wrong at the step failed (counted from
// 0); wrong does a history and says whether it goes wrong in the same way. Only one is done at a time.
func History(h *history.History, failed int, wrong func(*history.History) bool) *history.History {
	h = h.Clone()
	if failed+1 < len(h.Steps) {
		h.Steps = h.Steps[:failed+1]
	}
	if !wrong(h) {
		return h // it does not always happen: better whole than another
	}
	h = steps(h, wrong)
	for _, mark := range marks(h) {
		if smaller := without(h, mark); wrong(smaller) {
			h = smaller
		}
	}
	return steps(h, wrong)
}

// steps leaves out steps, first half of them at once, then fewer. The last is the one that went wrong.
func steps(h *history.History, wrong func(*history.History) bool) *history.History {
	for size := max(len(h.Steps)/2, 1); ; size /= 2 {
		for at := len(h.Steps) - 1 - size; at >= 0; at -= size {
			smaller := h.Clone()
			smaller.Steps = slices.Delete(smaller.Steps, at, at+size)
			if wrong(smaller) {
				h = smaller
			}
			at = min(at, len(h.Steps)-1)
		}
		if size <= 1 {
			return h
		}
	}
}

var mark = regexp.MustCompile(`(?://|#)@([a-z0-9.-]+)$`)

// marks are the habits and packages whose lines can be left out: whole packages first.
func marks(h *history.History) (all []string) {
	for _, f := range h.Files {
		for line := range strings.SplitSeq(string(f.Data), "\n") {
			if m := mark.FindStringSubmatch(line); m != nil && !slices.Contains(all, m[1]) {
				all = append(all, m[1])
			}
		}
	}
	slices.SortStableFunc(all, func(a, b string) int {
		return strings.Compare(map[bool]string{true: "0", false: "1"}[strings.HasPrefix(a, "use-")], map[bool]string{true: "0", false: "1"}[strings.HasPrefix(b, "use-")])
	})
	return all
}

// without is the history without the lines that are marked so, and without the files of a package that is not used.
func without(h *history.History, key string) *history.History {
	h = h.Clone()
	pkg, whole := strings.CutPrefix(key, "use-")
	var files []txtar.File
	for _, f := range h.Files {
		if whole && strings.HasPrefix(f.Name, "a/"+pkg+"/") {
			continue
		}
		var kept []string
		for line := range strings.SplitSeq(string(f.Data), "\n") {
			if m := mark.FindStringSubmatch(line); m == nil || m[1] != key {
				kept = append(kept, line)
			}
		}
		files = append(files, txtar.File{Name: f.Name, Data: []byte(strings.Join(kept, "\n"))})
	}
	h.Files = files
	h.Inputs = slices.DeleteFunc(h.Inputs, func(in history.Input) bool {
		return in.Key == key || whole && strings.HasPrefix(in.Key, pkg+".")
	})
	if whole {
		h.Steps = slices.DeleteFunc(h.Steps, func(s history.Step) bool {
			return slices.ContainsFunc(s, func(w string) bool { return strings.HasPrefix(w, pkg+"/") })
		})
	}
	return h
}
