package open

import (
	"context"

	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/wrapper"
)

// Wrapper finds where a wrapper of rustc can be configured. The user's own
// configuration needs neither a project nor a cargo.
func (s *Session) Wrapper(ctx context.Context) *wrapper.Setup {
	tool := s.cargo()
	w := &wrapper.Setup{Dir: s.opts.Dir, CargoHome: tool.CargoHome(), Environ: s.environ, Links: s.userDirs().Wrappers()}
	ws, err := project.Locate(ctx, tool)
	if err != nil {
		w.NoWorkspace = err
		return w
	}
	w.Workspace, w.BuildDir = ws.Root, ws.BuildDir
	return w
}
