package model

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/prune"
)

// processes work at once: enough that three meet in one build directory, and so few that
// two processors let each get somewhere.
const processes = 4

// Faults of a round.
const (
	faultKill     = "kill"
	faultPoint    = "crash point"
	faultFull     = "full disk"
	faultReadOnly = "read-only"
	faultIO       = "EIO"
)

// A round is what is done at once.
type round struct {
	fault string
	// at is when the file system becomes read-only, or fails, since the round began.
	at  time.Duration
	ops [processes][]request
}

// A sequence is what is done after each other, made from a seed alone. Layers are named by
// what they are when a round begins: "#3" is the fourth of those that are there.
type sequence struct {
	seed   uint64
	skewed bool // processes have other times of day than the machine
	rounds []round
}

// roundsInSequence is how many rounds are made on one store: enough for layers of layers of
// layers; what fails is shorter to read, and to repeat, than one long run.
const roundsInSequence = 25

func newSequence(seed uint64, fs fileSystem) *sequence {
	g := &generator{rand.New(rand.NewPCG(seed, 0)), fs, &sequence{seed: seed}}
	g.skewed = g.IntN(2) == 0
	for range roundsInSequence {
		g.rounds = append(g.rounds, g.round())
	}
	return g.sequence
}

type generator struct {
	*rand.Rand
	fs fileSystem
	*sequence
}

func (g *generator) round() round {
	r := round{at: time.Duration(g.IntN(60)) * time.Millisecond}
	switch n := g.IntN(100); {
	case n < 22:
		r.fault = faultKill
	case n < 36:
		r.fault = faultPoint
	case n < 41:
		r.fault = faultFull
	case n < 49:
		r.fault = faultReadOnly
	case n < 56 && g.fs.breaks:
		r.fault = faultIO
	}
	if r.fault == "" && g.IntN(12) == 0 {
		// What a user does by hand, with nobody else there.
		r.ops[0] = []request{{Op: opClean, Place: g.place()}}
		if g.IntN(2) == 0 {
			r.ops[0] = append(r.ops[0], request{Op: opRebuild, Place: r.ops[0][0].Place, Random: g.Uint64()})
		}
		return r
	}
	// One process alone is held to the letter: nothing of what it does can be another's doing.
	at := 1 + g.IntN(processes)
	if g.IntN(4) == 0 {
		at = 1
	}
	for p := range at {
		for range 1 + g.IntN(3) {
			q := g.operation(r.fault)
			q.Wait = time.Duration(g.IntN(8_000)) * time.Microsecond
			r.ops[p] = append(r.ops[p], q)
		}
	}
	g.harm(&r)
	return r
}

// harm puts a fault to operations.
func (g *generator) harm(r *round) {
	for p := range r.ops {
		for i := range r.ops[p] {
			q := &r.ops[p][i]
			if q.Op == opBuild || g.IntN(3) == 0 {
				continue
			}
			switch r.fault {
			case faultKill:
				// Most take less than a few ms before they come to what matters.
				q.Kill = time.Duration(1+g.ExpFloat64()*12_000) * time.Microsecond
			case faultPoint:
				q.Point = g.point(q.Op)
			}
		}
	}
}

// point is a crash point that the operation may come by, with what happens there.
func (g *generator) point(op string) string {
	prefixes := map[string][]string{
		opSnapshot: {"snapshot.", "init.", "replace."}, opExtend: {"graft.", "snapshot.sealed"},
		opRestore: {"restore.", "replace."}, opUndo: {"undo."}, opGraft: {"graft.", "replace."},
		opSwitch: {"snapshot.", "restore.", "replace."}, opRemove: {"remove."}, opPrune: {"remove."},
	}[op]
	var points []string
	for _, name := range layers.Crashpoints() {
		for _, prefix := range prefixes {
			if strings.HasPrefix(name, prefix) {
				points = append(points, name)
			}
		}
	}
	if len(points) == 0 {
		return ""
	}
	return points[g.IntN(len(points))] + []string{"=kill", "=kill", "=error"}[g.IntN(3)]
}

func (g *generator) place() int { return g.IntN(3) }

func (g *generator) label() string { return []string{"green", "red", "new"}[g.IntN(3)] }

// layer names a layer: mostly one that is there.
func (g *generator) layer() string {
	switch n := g.IntN(20); {
	case n < 12:
		return fmt.Sprint("#", g.IntN(12))
	case n < 16:
		return g.label()
	case n < 18:
		return "latest"
	case n < 19:
		return "##" // one that was there once
	}
	return "nobody"
}

func (g *generator) clock() time.Duration {
	if !g.skewed || g.IntN(3) > 0 {
		return 0
	}
	const day = 24 * time.Hour
	return []time.Duration{time.Minute, -time.Hour, 3 * time.Hour, -40 * day, 90 * day, -50 * 365 * day, 80 * 365 * day}[g.IntN(7)]
}

// operation is any, in proportions in which layers neither run out nor fill the disk.
func (g *generator) operation(fault string) request {
	q := request{Op: g.kind(fault), Place: g.place(), Clock: g.clock(), Random: g.Uint64()}
	switch q.Op {
	case opSnapshot:
		if g.IntN(3) == 0 {
			q.Label = g.label()
		}
	case opExtend:
		q.Ref, q.From = g.layer(), fmt.Sprint("#", g.IntN(12))
	case opRestore:
		if g.IntN(3) > 0 {
			q.Ref = g.layer()
		}
	case opSwitch:
		q.Place, q.Commit = g.IntN(2), []string{"main", "other"}[g.IntN(2)]
	case opLabel:
		q.Ref, q.Label = g.layer(), []string{"", g.label()}[g.IntN(2)]
	case opRemove, opShow:
		q.Ref = g.layer()
	case opHold:
		q.Ref = fmt.Sprint("#", g.IntN(12))
	case opDrop:
		q.Ref = "#own"
	case opPrune:
		q.Policy, q.Clock = g.policy()
	case opPut, opGet:
		q.Crate, q.Number = g.IntN(3), g.IntN(8)
	case opSweep:
		if g.IntN(3) > 0 {
			q.Clock = 0
		}
	}
	return q
}

// policy is one of prune's, and the time at which it is carried out: now, where it must
// remove nothing, or later.
func (g *generator) policy() (prune.Policy, time.Duration) {
	p := prune.Policy{Labelled: g.IntN(4) == 0}
	switch g.IntN(5) {
	case 0:
		p.KeepLast = 1 + g.IntN(4)
	case 1:
		p.MaxAge.Layer = time.Hour * time.Duration(1+g.IntN(1000))
	case 2:
		p.MaxAge.Layer, p.KeepLast = 2*time.Hour, 1+g.IntN(5)
	case 3:
		p.GoneWorktrees = true
	case 4:
		p.KeepUnder = int64(1+g.IntN(3)) << 20
	}
	later := []time.Duration{0, 0, 2 * time.Hour, 100 * 24 * time.Hour, 60 * 365 * 24 * time.Hour}
	return p, later[g.IntN(len(later))]
}

func (g *generator) kind(fault string) string {
	for {
		n := g.IntN(140)
		for _, w := range weights {
			if n -= w.weight; n < 0 {
				// One that a fault cuts short leaves what no cargo would: it has no part in this.
				if w.op == opBuild && (fault == faultFull || fault == faultReadOnly || fault == faultIO) {
					break
				}
				if w.op == opTimes && !g.skewed {
					break
				}
				return w.op
			}
		}
	}
}

var weights = []struct {
	op     string
	weight int
}{
	{opSnapshot, 26}, {opRestore, 24}, {opBuild, 22}, {opUndo, 9}, {opRemove, 9}, {opPrune, 5}, {opLabel, 6},
	{opList, 5}, {opShow, 4}, {opCheck, 2}, {opHold, 4}, {opDrop, 3}, {opExtend, 4}, {opGraft, 2}, {opSwitch, 3},
	{opPut, 4}, {opGet, 4}, {opVerify, 1}, {opSweep, 1}, {opTimes, 2},
}
