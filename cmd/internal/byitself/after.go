package byitself

import (
	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/cmd/internal/pruning"
	"github.com/cargo-cow/cargo-cow/cmd/internal/spawn"
)

// After begins what follows each restore: the working tree notes that it has its build
// directory, a prune that is due is started, and, to warm it, reading ahead. Only the last is
// something to tell of where it fails.
func After(environment []string, p *open.Project, warm bool) error {
	p.NoteBuilt()
	pruning.Begin(environment, p.Session, p.Store)
	if !warm {
		return nil
	}
	return spawn.Warm(environment, p.BuildDir())
}
