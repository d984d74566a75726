// Package prune chooses which layers are to go. It looks at nothing itself: what
// is known of the layers, the wishes and the time go in, a plan comes out, which
// can be printed, tested, and carried out. The same input gives the same plan, in
// whatever order the layers are listed. The functions have no state and may be
// called by any number of goroutines at once.
//
// # What is never chosen
//
// A layer that is leased, since somebody works with it. A layer with a label, since
// a label is the user's own mark, unless the policy says that labels do not protect.
// A layer that was used within the margin. And the last KeepLast of each
// dependency-set fingerprint.
//
// # What is chosen
//
// Of the others, a layer whose origin is gone, if the policy names those; a layer
// that was not used for longer than MaxAge; and, if KeepLast is all that the
// policy says, every layer beyond the last. So KeepLast is a promise that the
// other two keep, and adding it to them never removes more.
//
// And, if there is a MaxSize, or so much is to become Free, as many of the rest as it
// takes: those first that are worth least for each byte that they free, see Fit.
//
// Use is what counts everywhere, not age: sealing a layer is a use, and so is every
// restore from it. A layer may be old and still the one that every new worktree
// starts from.
package prune

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// DefaultMargin is how long after its last use a layer is safe. Whoever seals a
// layer, or restores one, tends to want it again within minutes: the next of ten
// worktrees, the other agent, the command that was interrupted. Leases protect
// only while a command runs. The margin also covers a clock that was set, and
// stamps that lag behind. An hour costs little, as the space of a build just
// sealed is shared with its build directory.
const DefaultMargin = time.Hour

// Layer is what is known of one layer.
type Layer struct {
	ID          string
	Fingerprint string // of its dependency set
	Created     time.Time
	LastUse     time.Time // the zero time: nothing is known but Created
	Label       string
	Parent      string // asked by no rule: a layer does not need its parent
	Leased      bool   // somebody works with it
	OriginGone  bool   // the root directory of the checkout it was built in is gone
}

// Used is when the layer was last used.
func (l *Layer) Used() time.Time {
	if l.LastUse.After(l.Created) {
		return l.LastUse
	}
	return l.Created
}

// Policy is what the user wants. The zero Policy chooses nothing.
type Policy struct {
	KeepLast      int           // keep so many of each fingerprint, those used last; 0: not asked for
	MaxAge        time.Duration // remove what was not used for longer; 0: not asked for
	GoneWorktrees bool          // remove what was built in a checkout that is gone
	MaxSize       int64         // remove until all take no more together, see Fit; 0: not asked for
	Free          int64         // remove until so much becomes free, see Fit; 0: not asked for
	Labelled      bool          // labels do not protect
	Margin        time.Duration // 0: DefaultMargin; less: none
}

// Empty reports whether the policy names nothing that is to go.
func (p Policy) Empty() bool {
	return p.KeepLast <= 0 && p.MaxAge <= 0 && !p.GoneWorktrees && !p.fits()
}

// fits reports whether a goal of space is among what is wanted.
func (p Policy) fits() bool { return p.MaxSize > 0 || p.Free > 0 }

// Reason is why a layer goes or stays. The values are part of what the program
// prints as JSON.
type Reason string

// The reasons to go.
const (
	Gone    Reason = "gone"    // its origin is gone
	Unused  Reason = "unused"  // not used for longer than MaxAge
	Surplus Reason = "surplus" // beyond the last KeepLast of its fingerprint
	Space   Reason = "space"   // its space is asked for
)

// The reasons to stay.
const (
	Leased    Reason = "leased"    // somebody works with it
	Labelled  Reason = "labelled"  // it has a label
	Recent    Reason = "recent"    // used within the margin
	Last      Reason = "last"      // among the last KeepLast of its fingerprint
	Unmatched Reason = "unmatched" // nothing in the policy names it
)

// Choice is a layer with the reason for its fate.
type Choice struct {
	Layer
	Why Reason
}

// Plan says of every layer what becomes of it. Both lists begin with what was not
// used for longest, so that an execution that is cut short has removed what is
// missed least.
type Plan struct {
	Victims []Choice
	Kept    []Choice
}

// New makes the plan for now.
func New(layers []Layer, policy Policy, now time.Time) Plan {
	if policy.Margin == 0 {
		policy.Margin = DefaultMargin
	}
	sorted := slices.Clone(layers)
	slices.SortFunc(sorted, func(a, b Layer) int {
		return cmp.Or(a.Used().Compare(b.Used()), a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
	var plan Plan
	later := map[string]int{} // layers of a fingerprint that were used later
	for i := range slices.Backward(sorted) {
		l := &sorted[i]
		why, victim := policy.judge(l, later[l.Fingerprint], now)
		later[l.Fingerprint]++
		if victim {
			plan.Victims = append(plan.Victims, Choice{*l, why})
		} else {
			plan.Kept = append(plan.Kept, Choice{*l, why})
		}
	}
	slices.Reverse(plan.Victims)
	slices.Reverse(plan.Kept)
	return plan
}

// judge decides on one layer, of whose fingerprint so many were used later.
func (p *Policy) judge(l *Layer, later int, now time.Time) (why Reason, victim bool) {
	idle := now.Sub(l.Used())
	switch {
	case l.Leased:
		return Leased, false
	case l.Label != "" && !p.Labelled:
		return Labelled, false
	case idle < p.Margin:
		return Recent, false
	case later < p.KeepLast:
		return Last, false
	case p.GoneWorktrees && l.OriginGone:
		return Gone, true
	case p.MaxAge > 0 && idle > p.MaxAge:
		return Unused, true
	case p.KeepLast > 0 && p.MaxAge <= 0 && !p.GoneWorktrees && !p.fits():
		return Surplus, true
	}
	return Unmatched, false
}
