package open

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/git"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// A checkout brings configuration of cargo and rustup, which can have cargo run whatever
// program the checkout brings as well. Who runs a command of ours there wants cargo to be
// asked. Who lets git check out a branch, to read it, has asked for no such thing; but
// our hook would ask cargo. So the repository remembers under which configurations its
// user has run commands of ours, and the hook asks cargo under no other.

// errSteered: the hook asks nothing of cargo here.
var errSteered = errors.New("the checkout brings configuration of cargo or rustup under which no command was run yet")

// mostKnown bounds how many configurations a repository remembers: more than its branches
// have, and few enough to be read at once.
const mostKnown = 256

// steering is what project.Tool.Steering says of a workspace in a repository's checkout, or
// in none.
func (s *Session) steering(repo *git.Checkout, root string) (string, error) {
	tool := s.cargo()
	tool.Dir = realPath(root)
	if repo == nil {
		return tool.Steering(tool.Dir)
	}
	return tool.Steering(repo.Root)
}

// CheckKnown returns nil where the hook may ask cargo in the session's directory, and
// else an error that says why it may not. It runs nothing. From then on the session asks
// cargo only about a workspace that is rooted there.
func (s *Session) CheckKnown(repo *git.Checkout) error {
	if err := s.keepToRoot(); err != nil {
		return err
	}
	id, err := s.steering(repo, s.opts.Dir)
	switch {
	case errors.Is(err, project.ErrOwnToolchain):
		err = fmt.Errorf("restore %s: %w: %w", s.opts.Dir, errSteered, err)
	case err != nil:
		return err
	case id == "" || slices.Contains(readKnown(repo), id):
		return nil
	default:
		err = fmt.Errorf("restore %s: %w", s.opts.Dir, errSteered)
	}
	return &layers.HelpError{Err: err, Help: "if you trust it, run `cargo cow restore` there"}
}

// keepToRoot has the session ask cargo only about a workspace that is rooted in its directory,
// and fails where what cargo would read there is no file: a link to a device would have it
// read without end.
func (s *Session) keepToRoot() error {
	s.rootOnly = true
	for _, name := range []string{"Cargo.toml", "Cargo.lock"} {
		if info, err := os.Stat(filepath.Join(s.opts.Dir, name)); err == nil && !info.Mode().IsRegular() {
			return fmt.Errorf("restore %s: %s is not a file", s.opts.Dir, name)
		}
	}
	return nil
}

// noteKnown has the repository of a checkout remember what CheckKnown asks for, where a hook
// of ours may come to ask.
func (s *Session) noteKnown(checkout *layers.Checkout) {
	if repo := checkout.Git; repo != nil {
		if _, err := os.Lstat(memoryPath(repo)); err == nil {
			s.addKnown(repo, checkout)
		}
	}
}

// addKnown has the repository remember it. Where it cannot be noted, less is done by itself.
func (s *Session) addKnown(repo *git.Checkout, checkout *layers.Checkout) {
	id, err := s.steering(repo, checkout.Workspace.Root)
	if err != nil || id == "" {
		return
	}
	known := readKnown(repo)
	if slices.Contains(known, id) {
		return
	}
	known = append(known, id)
	known = known[max(0, len(known)-mostKnown):]
	_ = os.MkdirAll(filepath.Dir(knownPath(repo)), 0o777)
	_ = replaceFile(knownPath(repo), []byte(strings.Join(known, "\n")+"\n"))
}

func knownPath(repo *git.Checkout) string {
	return filepath.Join(repo.CommonDir, paths.RepositoryKnown)
}

// readKnown returns the digests that the repository remembers.
func readKnown(repo *git.Checkout) []string {
	text, err := regular.Read(knownPath(repo))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return strings.Fields(string(text))
}
