package generate

import (
	"fmt"
	"math/rand/v2"

	"github.com/cargo-cow/cargo-cow/hack/differential/history"
)

// New makes up the workspace of a seed, and the steps with which each history begins: they make the repository, have
// the tool adopt it, build and keep the first state.
func New(seed uint64, opt Options) (*Generator, *history.History) {
	b := &builder{rng: rand.New(rand.NewPCG(seed, 20)), files: map[string]string{}, values: new(int)}
	*b.values = 10 // all of two digits or more, so that none is another's beginning
	b.workspace(opt)
	b.compress(seed)
	g := &Generator{b: b, checkouts: []string{"a"}, branches: []string{"main"}, stashed: map[string]bool{}, opt: opt}
	if opt.Automatic {
		b.automatic()
	}
	h := &history.History{Inputs: b.inputs, Files: b.archive(), Comment: []string{fmt.Sprintf("made up from seed %d", seed)}}
	h.Steps = append(h.Steps, b.settings...)
	if opt.Automatic {
		h.Steps = append(h.Steps, g.begins()...)
		return g, h
	}
	h.Steps = append(h.Steps, history.Step{"repository", "a"}, []history.Step{{"adopt", "a"}, {"adopt", "a", "hook"}, {"adopt", "a", "switching"}}[b.rng.IntN(3)])
	if b.chance(2) {
		h.Steps = append(h.Steps, history.Step{"wrapper", "on"})
	}
	h.Steps = append(h.Steps, g.cargo("a"), history.Step{"keep", "a"})
	g.kept = true
	return g, h
}

// Next is what is done next: a step or a few that belong together.
func (g *Generator) Next() []history.Step {
	c := g.checkouts[g.b.rng.IntN(len(g.checkouts))]
	if g.opt.Automatic {
		return g.nextAutomatic(c)
	}
	switch n := g.b.rng.IntN(100); {
	case n < 22:
		return append(g.edits(c, false), g.cargo(c))
	case n < 40:
		// What cargo would miss, and then another state.
		steps := append(g.edits(c, true), history.Step{"acquire", c})
		if g.b.chance(3) {
			steps = append(steps, history.Step{"present", c})
		}
		return append(steps, g.cargo(c))
	case n < 48:
		return []history.Step{g.cargo(c), {"keep", c}}
	case n < 52:
		// What was built is not what lies there when it is kept.
		steps := g.edits(c, false)
		if g.b.chance(2) {
			steps = g.git(c)
		}
		return append(steps, history.Step{"keep", c})
	case n < 62 || len(g.checkouts) < 2:
		return g.another(c)
	case n < 70:
		return append(g.git(c), g.cargo(c))
	case n < 76:
		return g.ways(c)
	case n < 80:
		return g.leave(c)
	case n < 83:
		other := g.checkouts[g.b.rng.IntN(len(g.checkouts))]
		return append(append(g.edits(c, false), g.edits(other, false)...), append(history.Step{"together", c, other}, g.arguments()...))
	case n < 86:
		return append(g.edits(c, false), append(history.Step{"interrupt", c, fmt.Sprint(50 * (1 + g.b.rng.IntN(12)))}, g.arguments()...), g.cargo(c))
	case n < 88:
		return []history.Step{{"clean", c}, g.cargo(c)}
	case n < 94:
		switch verb := []string{"undo", "graft", "undo", "graft", "prune", "prune", "inside", "inside", "check", "dedupe"}[g.b.rng.IntN(10)]; verb {
		case "prune":
			return []history.Step{{verb, c, []string{"last", "free", "some", "gone"}[g.b.rng.IntN(4)]}, g.cargo(c)}
		default:
			return []history.Step{{verb, c}, g.cargo(c)}
		}
	case n < 96 && len(g.opt.Others) > 0:
		return []history.Step{{"env", c, "RUSTUP_TOOLCHAIN", g.opt.Others[g.b.rng.IntN(len(g.opt.Others))]}, g.cargo(c)}
	case n < 98:
		return []history.Step{{"wrapper", []string{"on", "off"}[g.b.rng.IntN(2)]}, g.cargo(c)}
	default:
		return append(g.broken(c), g.cargo(c))
	}
}
