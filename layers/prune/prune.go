// Package prune chooses what is to go: of the layers of a store, of what undo would bring back,
// of build directories, of the records of the warehouse. It looks at nothing itself: what
// is known of them, the wishes and the time go in, a plan comes out, which
// can be printed, tested, and carried out. The same input gives the same plan, in
// whatever order the items are listed. The functions have no state and may be
// called by any number of goroutines at once.
//
// # What is never chosen
//
// What somebody works with. What is pinned. What has a label, since a label is the user's
// own mark, unless the policy says that labels do not protect. What was used within the
// margin. And the last KeepLast layers of each dependency-set fingerprint.
//
// Layers that nobody has asked for are made with every new checkout, and no margin protects
// them from being superseded.
//
// # What is chosen
//
// Of the rest, what the policy names: what was not used for longer than MaxAge, what is of a
// worktree, a project or a toolchain that is gone, layers that no build directory was made
// from; and, if KeepLast is all that the policy says, every layer beyond the last. So
// KeepLast is a promise that the others keep, and adding it to them never removes more.
//
// And, if there is a size to KeepUnder, or so much is to become Free, as many more as it
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

// Kind is what an item is. The values are part of what the program prints as JSON.
type Kind string

const (
	Layer    Kind = "layer"
	Undo     Kind = "undo" // what undo would bring back
	BuildDir Kind = "build directory"
	Record   Kind = "record" // of the warehouse, with its files
)

// Ages are a time for each kind of item.
type Ages struct{ Layer, Undo, BuildDir, Record time.Duration }

// Every is the same time for each kind.
func Every(d time.Duration) Ages { return Ages{d, d, d, d} }

// Of is the time for a kind.
func (a Ages) Of(k Kind) time.Duration {
	switch k {
	case Undo:
		return a.Undo
	case BuildDir:
		return a.BuildDir
	case Record:
		return a.Record
	}
	return a.Layer
}

// Margins: how long after its last use something is safe, whatever a policy says.
var (
	// Usual is for what a user asks for. Whoever seals a layer, or restores one, tends to
	// want it again within minutes: the next of ten worktrees, the other agent, the command
	// that was interrupted. Leases protect only while a command runs. The margin also covers
	// a clock that was set, and stamps that lag behind. An hour costs little, as the space of
	// a build just sealed is shared with its build directory. What undo brings back, and a
	// build directory, nobody can make again as it was: that may be missed the next morning.
	Usual = Ages{Layer: time.Hour, Undo: 24 * time.Hour, BuildDir: 24 * time.Hour, Record: time.Hour}
	// Careful is for what nobody has asked for: whatever was used within a week stays, so
	// that one who was away for some days finds everything.
	Careful = Every(7 * 24 * time.Hour)
	// None protects nothing for having been used.
	None = Every(-1)
)

// Item is what is known of one layer, directory or record.
type Item struct {
	Kind        Kind
	ID          string // of a layer; of all others the path
	Fingerprint string // of a layer's dependency set
	Origin      string // of a layer: the checkout that it was built in
	Automatic   bool   // of a layer: nobody has asked for it
	Created     time.Time
	LastUse     time.Time // the zero time: nothing is known but Created
	Label       string
	Pinned      bool
	Leased      bool // somebody works with it
	// OriginGone: the root directory of the checkout it was built in is gone.
	// ProjectGone: and so is the repository.
	OriginGone, ProjectGone bool
	// ToolchainGone: the compiler it was built with is not installed any more.
	ToolchainGone bool
	// Referenced: a build directory was made from it, or last sealed as it.
	Referenced bool
}

// Used is when it was last used.
func (i *Item) Used() time.Time {
	if i.LastUse.After(i.Created) {
		return i.LastUse
	}
	return i.Created
}

// Policy is what the user wants. The zero Policy chooses nothing.
type Policy struct {
	KeepLast          int   // keep so many layers of each fingerprint, those used last; 0: not asked for
	MaxAge            Ages  // remove what was not used for longer; 0: not asked for
	GoneWorktrees     bool  // remove what was built in a checkout that is gone
	Abandoned         bool  // of that only directories, which nobody can build in any more
	GoneProjects      bool  // remove what was built in a repository that is gone
	RemovedToolchains bool  // remove what was built by a compiler that is gone
	Unreferenced      bool  // remove layers that no build directory was made from
	Superseded        bool  // remove layers that nobody has asked for where later ones stand for them
	KeepUnder         int64 // remove until the store takes no more, see Fit; 0: not asked for
	Free              int64 // remove until so much becomes free, see Fit; 0: not asked for
	Labelled          bool  // labels do not protect
	Margins           Ages  // the zero Ages: Usual
}

// Empty reports whether the policy names nothing that is to go.
func (p Policy) Empty() bool { return p.KeepLast <= 0 && !p.names() }

// names reports whether the policy names anything but what is beyond the last.
func (p Policy) names() bool {
	a := p.MaxAge
	return max(a.Layer, a.Undo, a.BuildDir, a.Record) > 0 || p.GoneWorktrees || p.Abandoned || p.GoneProjects ||
		p.RemovedToolchains || p.Unreferenced || p.Superseded || p.KeepUnder > 0 || p.Free > 0
}

// Reason is why something goes or stays. The values are part of what the program
// prints as JSON.
type Reason string

// The reasons to go.
const (
	Gone         Reason = "gone"         // its origin is gone
	NoProject    Reason = "project"      // its repository is gone
	NoToolchain  Reason = "toolchain"    // its compiler is gone
	Unreferenced Reason = "unreferenced" // no build directory was made from it
	Superseded   Reason = "superseded"   // later ones stand for it, and nobody has asked for it
	Unused       Reason = "unused"       // not used for longer than MaxAge
	Surplus      Reason = "surplus"      // beyond the last KeepLast of its fingerprint
	Space        Reason = "space"        // its space is asked for
)

// The reasons to stay.
const (
	Leased    Reason = "leased"    // somebody works with it
	Pinned    Reason = "pinned"    // it is pinned
	Labelled  Reason = "labelled"  // it has a label
	Recent    Reason = "recent"    // used within the margin
	Last      Reason = "last"      // among the last KeepLast of its fingerprint
	Unmatched Reason = "unmatched" // nothing in the policy names it
)

// Choice is an item with the reason for its fate.
type Choice struct {
	Item
	Why Reason
}

// Plan says of every item what becomes of it. Both lists begin with what was not
// used for longest, so that an execution that is cut short has removed what is
// missed least.
type Plan struct {
	Victims []Choice
	Kept    []Choice
}

// New makes the plan for now.
func New(items []Item, policy Policy, now time.Time) Plan {
	if policy.Margins == (Ages{}) {
		policy.Margins = Usual
	}
	sorted := slices.Clone(items)
	slices.SortFunc(sorted, func(a, b Item) int {
		return cmp.Or(a.Used().Compare(b.Used()), a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
	var plan Plan
	after := newLater()
	for n := range slices.Backward(sorted) {
		i := &sorted[n]
		why, victim := policy.judge(i, after, now)
		if i.Kind == Layer {
			after.add(i)
		}
		if victim {
			plan.Victims = append(plan.Victims, Choice{*i, why})
		} else {
			plan.Kept = append(plan.Kept, Choice{*i, why})
		}
	}
	slices.Reverse(plan.Victims)
	slices.Reverse(plan.Kept)
	return plan
}

// later counts the layers that were used later than another one.
type later struct {
	fingerprint map[string]int // of one fingerprint
	// Those that nobody has asked for, of one fingerprint, and built in one checkout with it.
	automatic map[string]int
	origin    map[[2]string]int
}

func newLater() *later { return &later{map[string]int{}, map[string]int{}, map[[2]string]int{}} }

func (l *later) add(i *Item) {
	l.fingerprint[i.Fingerprint]++
	if i.Automatic {
		l.automatic[i.Fingerprint]++
		l.origin[[2]string{i.Origin, i.Fingerprint}]++
	}
}

// How many layers that nobody has asked for stay of one checkout and of one fingerprint: the
// state that worktrees are made of now and the one before, for a handful of branches. Of 47
// that were made in a day of trying, one took 5.6 MB (the median).
const (
	mostOfOrigin      = 2
	mostOfFingerprint = 8
)

// Each is restored from once, right after it was sealed: that was its cause. One that was used
// again later, within the careful margin, stays.
const onceUsed = 10 * time.Minute

func (l *later) supersede(i *Item, now time.Time) bool {
	again := i.LastUse.Sub(i.Created) > onceUsed && now.Sub(i.LastUse) < Careful.Layer
	return i.Automatic && !again &&
		(l.origin[[2]string{i.Origin, i.Fingerprint}] >= mostOfOrigin || l.automatic[i.Fingerprint] >= mostOfFingerprint)
}

// judge decides on one item.
func (p *Policy) judge(i *Item, after *later, now time.Time) (why Reason, victim bool) {
	idle, layer := now.Sub(i.Used()), i.Kind == Layer
	switch {
	case i.Leased:
		return Leased, false
	case i.Pinned:
		return Pinned, false
	case i.Label != "" && !p.Labelled:
		return Labelled, false
	case layer && p.Superseded && after.supersede(i, now):
		return Superseded, true
	case idle < p.Margins.Of(i.Kind):
		return Recent, false
	case layer && after.fingerprint[i.Fingerprint] < p.KeepLast:
		return Last, false
	case i.OriginGone && (p.GoneWorktrees || p.Abandoned && !layer):
		return Gone, true
	case p.GoneProjects && i.ProjectGone:
		return NoProject, true
	case p.RemovedToolchains && i.ToolchainGone:
		return NoToolchain, true
	case p.Unreferenced && layer && !i.Referenced:
		return Unreferenced, true
	case p.MaxAge.Of(i.Kind) > 0 && idle > p.MaxAge.Of(i.Kind):
		return Unused, true
	case layer && p.KeepLast > 0 && !p.names():
		return Surplus, true
	}
	return Unmatched, false
}
