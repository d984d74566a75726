package soundness

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

// TestJoined: layers that hold little each, built by different commands in different
// checkouts and from different sources, are joined in a restore. Whatever is built
// there next, by whatever command, is what a clean build makes; and so again where
// the joined state is sealed and restored elsewhere. -count=N gives N times as many,
// each with a seed of its own, as make soak does.
func TestJoined(t *testing.T) {
	dir := btrfs(t)
	var joined atomic.Int64
	t.Run("group", func(t *testing.T) {
		for range rounds {
			seed := lastSeed.Add(1)
			t.Run(fmt.Sprintf("seed-%d", seed), func(t *testing.T) {
				t.Parallel()
				s := newStory(t, filepath.Join(dir, fmt.Sprint(seed)), seed)
				s.w.origin.Cow("init")
				for range 6 {
					s.sealOne()
				}
				for _, p := range s.checkouts {
					joined.Add(s.restoreJoined(p))
				}
			})
		}
	})
	if joined.Load() == 0 {
		t.Error("no unit was joined, so nothing is shown")
	}
}

// commands are the ways to build a workspace whose units differ.
var commands = [][]string{
	{"build", "--workspace"}, {"check", "--workspace"}, {"test", "--workspace", "--no-run"},
	{"build", "--release", "--workspace"}, {"check", "--workspace", "--all-targets"},
}

// sealOne seals what one command leaves in an empty build directory.
func (s *story) sealOne() {
	s.t.Helper()
	p := s.checkouts[s.rng.IntN(len(s.checkouts))]
	args := commands[s.rng.IntN(len(commands))]
	if s.rng.IntN(3) == 0 {
		args = []string{"build", "--package=" + s.packages[s.rng.IntN(len(s.packages))].name}
	}
	edited := ""
	if s.rng.IntN(3) == 0 {
		edited = s.edit(p, false)
	}
	p.Must("rm", "-rf", "target")
	s.t.Logf("%s: edit %q, %s, snapshot", p.Name(), edited, strings.Join(args, " "))
	p.Build(args...)
	p.Cow("snapshot")
}

func (s *story) restoreJoined(p *fixture.Checkout) (joined int64) {
	s.t.Helper()
	name := p.Name()
	p.Must("rm", "-rf", "target")
	for _, line := range p.Cow("restore") {
		if n, ok := line["grafted"].(float64); ok {
			joined = int64(n)
		}
	}
	edited := ""
	if s.rng.IntN(2) == 0 {
		edited = s.edit(p, false)
	}
	s.t.Logf("%s: restore, %d units joined, edit %q", name, joined, edited)
	for _, i := range s.rng.Perm(len(commands)) {
		p.Build(commands[i]...)
		if s.rng.IntN(3) == 0 {
			s.t.Logf("%s: edit %s", name, s.edit(p, false))
		}
		s.check(p)
	}
	if s.rng.IntN(2) == 0 {
		p.Cow("snapshot")
	}
	return joined
}
