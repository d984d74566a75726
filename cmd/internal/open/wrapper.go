package open

import (
	"context"

	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/enabling"
	"github.com/cargo-cow/cargo-cow/layers/wrapper"
)

// User is what is enabled for the session's user, wherever it is, and for whatever
// project: no cargo is asked.
func (s *Session) User(script func(shell string) ([]byte, error)) *enabling.User {
	dirs := s.userDirs()
	return &enabling.User{
		Wrapper: &wrapper.Setup{Dir: s.opts.Dir, CargoHome: s.cargo().CargoHome(), Environ: s.environ, Links: dirs.Wrappers()},
		Dirs:    dirs,
		Shell:   s.environ.Get("SHELL"),
		Script:  script,
	}
}

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
