package generate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/hack/differential/history"
)

// A Generator makes up the steps of one history. It takes for granted that each step did what it says; one that could
// not be done does no harm.
type Generator struct {
	b         *builder
	checkouts []string
	branches  []string
	names     int
	kept      bool
	stashed   map[string]bool
	opt       Options
}

// edits changes one or more things in checkout c; unseen: so that cargo may miss it.
func (g *Generator) edits(c string, unseen bool) (steps []history.Step) {
	for range 1 + g.b.rng.IntN(2) {
		if s := g.edit(c, unseen); s != nil {
			steps = append(steps, s)
		}
	}
	return steps
}

func (g *Generator) edit(c string, unseen bool) history.Step {
	s := g.b.sites[g.b.rng.IntN(len(g.b.sites))]
	path := s.input.Name
	old := unseen && !g.b.chance(3)
	switch s.verb {
	case "env":
		if g.b.chance(4) {
			return history.Step{"env", c, path}
		}
		return history.Step{"env", c, path, "told-" + g.b.value()}
	case "describe":
		return written(history.Step{"describe", c, g.b.value()}, old)
	case "link":
		return history.Step{"link", c, path, []string{"one.txt", "two.txt"}[g.b.rng.IntN(2)]}
	case "tree":
		name := fmt.Sprintf("%s/n%d", path, g.b.rng.IntN(3))
		switch g.b.rng.IntN(6) {
		case 0, 1:
			return history.Step{"remove", c, name}
		case 2:
			return history.Step{"rename", c, name, fmt.Sprintf("%s/n%d", path, g.b.rng.IntN(3))}
		}
		return written(history.Step{"write", c, name, g.b.value()}, old)
	case "bump":
		return history.Step{"bump", c, path, versions[g.b.rng.IntN(len(versions))]}
	case "shadow":
		if g.b.chance(4) { // the other name that the module's file may have
			return history.Step{"rename", c, strings.TrimSuffix(path, "/mod.rs") + ".rs", path}
		}
		if !unseen || g.b.chance(3) {
			return history.Step{"remove", c, path}
		}
		return history.Step{"write", c, path, "pub const V: &str = \"shadow\";"}
	}
	if g.b.chance(12) {
		return history.Step{"chmod", c, path, []string{"600", "644", "755"}[g.b.rng.IntN(3)]}
	}
	if g.b.chance(12) {
		return history.Step{"touch", c, path, []string{"old", "now"}[g.b.rng.IntN(2)]}
	}
	return written(history.Step{"write", c, path, s.render(g.b.value())}, old)
}

func written(s history.Step, old bool) history.Step {
	if old {
		return append(s, "old")
	}
	return s
}

// cargo is a build in c, mostly the usual one.
func (g *Generator) cargo(c string) history.Step {
	if g.b.chance(3) {
		return append(history.Step{"cargo", c}, g.arguments()...)
	}
	return history.Step{"cargo", c, "build", "--workspace"}
}

func (g *Generator) arguments() []string {
	p := g.b.packages[g.b.rng.IntN(len(g.b.packages))].name
	ways := [][]string{
		{"build", "--workspace"}, {"build", "--workspace"}, {"build"}, {"build", "--package=" + p}, {"build", "--package=app"}, {"check", "--workspace"},
		{"test", "--workspace"}, {"test", "--workspace"}, {"build", "--workspace", "--release"}, {"build", "--workspace", "--all-targets"},
		{"build", "--workspace", "--profile=fast"},
	}
	if len(g.b.features) > 0 {
		feature := g.b.features[g.b.rng.IntN(len(g.b.features))]
		ways = append(ways, []string{"build", "--workspace", "--features=" + feature}, []string{"test", "--workspace", "--features=" + feature})
	}
	return slices.Clone(ways[g.b.rng.IntN(len(ways))])
}

// another makes another checkout, and builds there.
func (g *Generator) another(from string) []history.Step {
	if len(g.checkouts) >= 4 {
		return []history.Step{{"acquire", from}, g.cargo(from)}
	}
	g.names++
	name := string(rune('a' + g.names))
	verb := "worktree"
	if g.b.chance(5) {
		verb = "clone"
	}
	g.checkouts = append(g.checkouts, name)
	g.branches = append(g.branches, name)
	steps := []history.Step{{verb, from, name}}
	if !g.b.chance(3) {
		steps = append(steps, history.Step{"acquire", name})
	}
	return append(steps, g.cargo(name))
}

// git changes what is checked out in c.
func (g *Generator) git(c string) []history.Step {
	branch := g.branches[g.b.rng.IntN(len(g.branches))]
	commit := history.Step{"commit", c}
	switch g.b.rng.IntN(8) {
	case 0:
		return []history.Step{commit}
	case 7:
		g.names++
		return []history.Step{{"git", c, "tag", fmt.Sprintf("v%d", g.names)}}
	case 1:
		g.names++
		name := fmt.Sprintf("topic%d", g.names)
		g.branches = append(g.branches, name)
		return []history.Step{commit, {"git", c, "checkout", "-q", "-b", name}}
	case 2:
		return []history.Step{commit, {"git", c, "checkout", "-q", "--detach", branch}}
	case 3:
		return []history.Step{commit, {"merge", c, branch}}
	case 4:
		return []history.Step{commit, {"rebase", c, branch}}
	case 5:
		if g.stashed[c] = !g.stashed[c]; g.stashed[c] {
			return []history.Step{{"git", c, "stash", "-q"}}
		}
		return []history.Step{{"git", c, "stash", "pop", "-q"}}
	default:
		return []history.Step{commit, {"switch", c, branch}}
	}
}

// ways builds c in more than one way, one after the other.
func (g *Generator) ways(c string) []history.Step {
	return []history.Step{
		append(history.Step{"cargo", c}, g.arguments()...),
		append(history.Step{"cargo", c}, g.arguments()...),
		{"keep", c},
	}
}

// leave moves or removes a checkout that is not the first.
func (g *Generator) leave(c string) []history.Step {
	if c == "a" {
		return []history.Step{{"acquire", c}, g.cargo(c)}
	}
	if g.b.chance(2) {
		g.names++
		name := string(rune('a' + g.names))
		g.checkouts[slices.Index(g.checkouts, c)] = name
		return []history.Step{{"move", c, name}, g.cargo(name)}
	}
	g.checkouts = slices.DeleteFunc(g.checkouts, func(o string) bool { return o == c })
	return []history.Step{{"leave", c}}
}

// broken has a build fail, and what broke it mended.
func (g *Generator) broken(c string) []history.Step {
	p := g.b.packages[g.b.rng.IntN(len(g.b.packages))].name
	steps := []history.Step{{"append", c, p + "/src/lib.rs", "fn broken( {"}, {"cargo", c, "build", "--workspace"}}
	if g.b.chance(2) {
		steps = append(steps, history.Step{"keep", c})
	}
	return append(steps, history.Step{"unappend", c, p + "/src/lib.rs"})
}
