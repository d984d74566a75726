package generate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/hack/differential/history"
)

// store says where the store is, which no other world is to share.
func (b *builder) store() { b.files[userConfig] += "store: $WORLD/.store\n" }

// automatic has the program tell how it was compiled.
func (b *builder) automatic() {
	b.store()
	const main, key = "a/app/src/main.rs", "app.settings"
	line := fmt.Sprintf("    all.push(format!(%q, cfg!(debug_assertions), cfg!(told))); //@%s\n    all.sort();", key+"={} {}", key)
	b.files[main] = strings.Replace(b.files[main], "    all.sort();", line, 1)
	for _, name := range []string{"RUSTFLAGS", "CARGO_PROFILE_DEV_DEBUG_ASSERTIONS"} {
		b.inputs = append(b.inputs, history.Input{Key: key, Kind: history.Env, Name: name})
	}
}

// begins are the steps with which an automatic history begins: a repository of a few commits, and something built.
func (g *Generator) begins() []history.Step {
	steps := []history.Step{{"automatic"}, {"repository", "a"}}
	for range 1 + g.b.rng.IntN(2) {
		steps = append(append(steps, g.edits("a", false)...), history.Step{"commit", "a"})
	}
	return append(steps, g.cargo("a"))
}

func (g *Generator) nextAutomatic(c string) []history.Step {
	switch n := g.b.rng.IntN(100); {
	case n < 16:
		return append(g.edits(c, false), g.cargo(c))
	case n < 54 || len(g.checkouts) < 2:
		return g.anotherWay(c)
	case n < 60:
		return append(g.committed(c), g.cargo(c))
	case n < 65:
		return append(append([]history.Step{{"clean", c}}, g.edits(c, g.b.chance(2))...), g.cargo(c))
	case n < 73:
		return append(g.edits(c, g.b.chance(2)), history.Step{"better", c}, g.cargo(c))
	case n < 78:
		step := [][]string{{"prune", c, "superseded"}, {"prune", c, "superseded"}, {"prune", c, "last"}, {"check", c}, {"inside", c}}[g.b.rng.IntN(5)]
		return []history.Step{step, g.cargo(c)}
	case n < 83:
		return append(append(g.edits(c, false), g.off(c)...), g.cargo(c))
	case n < 87:
		return []history.Step{append(history.Step{"cargo", c}, g.arguments()...), append(history.Step{"cargo", c}, g.arguments()...)}
	case n < 90:
		other := g.checkouts[g.b.rng.IntN(len(g.checkouts))]
		return append(append(g.edits(c, false), g.edits(other, false)...), append(history.Step{"together", c, other}, g.arguments()...))
	case n < 93:
		return append(g.edits(c, false), append(history.Step{"interrupt", c, fmt.Sprint(50 * (1 + g.b.rng.IntN(12)))}, g.arguments()...), g.cargo(c))
	case n < 96:
		return append(g.settings(c), g.cargo(c))
	case n < 98:
		return g.leave(c)
	default:
		return append(g.broken(c), g.cargo(c))
	}
}

// committed changes what is checked out in c, by git alone.
func (g *Generator) committed(c string) []history.Step {
	steps := g.git(c)
	for i, s := range steps {
		if s.Verb() == "switch" {
			steps[i] = history.Step{"git", c, "checkout", "-q", "--detach", s.Word(1)}
		}
	}
	return steps
}

// off builds once without the tool.
func (g *Generator) off(c string) []history.Step {
	return []history.Step{{"env", c, "CARGO_COW", "off"}, g.cargo(c), {"env", c, "CARGO_COW"}}
}

// settings changes what cargo is told by the environment.
func (g *Generator) settings(c string) []history.Step {
	all := [][]string{
		{"RUSTFLAGS", "--cfg told"}, {"RUSTFLAGS", "-C debuginfo=1"}, {"RUSTFLAGS"}, {"CARGO_PROFILE_DEV_DEBUG_ASSERTIONS", "false"},
		{"CARGO_PROFILE_DEV_DEBUG_ASSERTIONS"}, {"CARGO_PROFILE_DEV_OPT_LEVEL", "1"}, {"CARGO_INCREMENTAL", "0"},
	}
	if len(g.opt.Others) > 0 && g.b.chance(3) {
		return []history.Step{{"env", c, "RUSTUP_TOOLCHAIN", g.opt.Others[g.b.rng.IntN(len(g.opt.Others))]}}
	}
	return []history.Step{append(history.Step{"env", c}, all[g.b.rng.IntN(len(all))]...)}
}

// anotherWay makes a checkout beside one in which there may be more than what was committed or built, and builds there for
// the first time.
func (g *Generator) anotherWay(from string) (steps []history.Step) {
	switch g.b.rng.IntN(5) {
	case 0:
		steps = append(g.edits(from, false), g.cargo(from)) // built, and not committed
	case 1:
		steps = g.edits(from, true) // neither
	case 2:
		steps = append(g.edits(from, false), history.Step{"commit", from}) // committed, and not built
	}
	name := ""
	switch {
	case len(g.checkouts) > 1 && (len(g.checkouts) > 4 || g.b.chance(4)): // where there was one
		for name == "" || name == "a" || name == from {
			if name = g.checkouts[g.b.rng.IntN(len(g.checkouts))]; name == from {
				from = "a"
			}
		}
		steps = append(steps, history.Step{[]string{"leave", "erase"}[g.b.rng.IntN(2)], name})
	default:
		g.names++
		name = string(rune('a' + g.names))
		g.checkouts = append(g.checkouts, name)
	}
	way := []string{"worktree", "worktree", "worktree", "clone", "clone", "copy", "archive"}[g.b.rng.IntN(7)]
	commit := []string{"HEAD", "HEAD", "HEAD~1", g.branches[g.b.rng.IntN(len(g.branches))]}[g.b.rng.IntN(4)]
	if !slices.Contains(g.branches, name) {
		g.branches = append(g.branches, name)
	}
	steps = append(steps, history.Step{"new", from, name, way, commit})
	if g.b.chance(3) {
		steps = append(steps, g.edits(name, true)...)
	}
	if g.b.chance(4) {
		steps = append(steps, g.settings(name)...)
	}
	return append(steps, g.firstBuild(from, name)...)
}

// firstBuild builds for the first time in name, beside from.
func (g *Generator) firstBuild(from, name string) []history.Step {
	switch g.b.rng.IntN(11) {
	case 0:
		return append(g.edits(from, false), append(history.Step{"together", name, from}, g.arguments()...))
	case 1, 2:
		where := []string{from, from, name}[g.b.rng.IntN(3)]
		if edit := g.edit(where, false); edit != nil && edit.Verb() != "env" && !strings.HasPrefix(edit.Word(1), "../") {
			return []history.Step{append(history.Step{"meanwhile", name, where, fmt.Sprint(40 * (1 + g.b.rng.IntN(15)))}, edit...)}
		}
	case 10:
		return []history.Step{append(history.Step{"twice", name}, g.arguments()...)}
	case 3:
		return append(g.off(name), g.cargo(name))
	case 4:
		return []history.Step{append(history.Step{"interrupt", name, fmt.Sprint(50 * (1 + g.b.rng.IntN(12)))}, "build", "--workspace"), g.cargo(name)}
	case 5, 6, 7:
		return []history.Step{{"begin", name}, g.cargo(name)}
	}
	return []history.Step{g.cargo(name)}
}

// ByItself is a history in which nobody types what the tool does by itself: it is not adopted, a state is kept because a
// worktree wants it, and a checkout acquires one when cargo first looks at its compiler there.
func ByItself(h *history.History) *history.History {
	h = h.Clone()
	b := &builder{files: map[string]string{}}
	b.store()
	h.Files = append(h.Files, b.archive()...)
	var steps []history.Step
	for _, s := range h.Steps {
		switch s.Verb() {
		case "adopt":
			steps = append(steps, history.Step{"automatic"})
		case "wrapper":
		case "keep":
			name := fmt.Sprint("wants", len(steps))
			steps = append(steps, history.Step{"new", s.Word(0), name, "worktree"}, history.Step{"begin", name})
		case "acquire":
			steps = append(steps, history.Step{"begin", s.Word(0)})
		default:
			steps = append(steps, s)
		}
	}
	h.Steps = steps
	return h
}
