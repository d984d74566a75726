package main

import (
	"context"
	"os"
	"strings"

	"github.com/cargo-cow/cargo-cow/cmd/internal/spawn"
	"github.com/cargo-cow/cargo-cow/layers/git"
)

// installHook installs the hook and makes sure that git comes to it; changed: what
// it does is another thing than before.
func (a *app) installHook(ctx context.Context, repo *git.Checkout, changed bool) error {
	program, err := spawn.Program()
	if err != nil {
		return err
	}
	h, err := repo.HookState(ctx)
	if err != nil {
		return err
	}
	var reach *git.Reach
	if h.In != h.Path && (h.In != "" || h.State != git.HookAbsent) {
		// Somebody else's hook may run ours from where we do not look.
		if reach, err = repo.ProbeHook(ctx, os.TempDir()); err != nil {
			return err
		}
	}
	if reach == nil || !reach.Reached {
		if h, err = repo.InstallHook(ctx, program); err != nil {
			return err
		}
		if reach, err = repo.ProbeHook(ctx, os.TempDir()); err != nil {
			return err
		}
	}
	h.Reach(reach)
	a.hookJSON(repo, h, reach)
	switch {
	case !reach.Reached:
		return &git.HookError{Path: h.File(), Reason: "git does not reach cargo-cow there" + whyUnreached(reach), Help: h.ByHand()}
	case h.Changed || changed:
		a.term.Status("Installed", "%s%s", h.File(), hookScope(repo))
	default:
		a.term.Status("Unchanged", "%s%s", h.File(), hookScope(repo))
	}
	a.term.Detail("Ran", "%s, which reached %s", strings.Join(reach.Ran, " "), reach.Program)
	switch {
	case h.Changed && h.In != h.Path:
		a.term.Status("Note", "other clones get it when %s is committed", h.In)
	case h.Changed && h.Manager != nil:
		a.statusLines(h.Manager.Name + " removes it when it rewrites this file; to keep it, " + h.ByHand())
	}
	return nil
}

// hookScope is what a line about the hook says more where it follows switches.
func hookScope(repo *git.Checkout) string {
	if repo.SwitchOn() {
		return " (also on switches)"
	}
	return ""
}

// whyUnreached is why a hook was not reached, as far as running it tells.
func whyUnreached(r *git.Reach) string {
	switch {
	case r.Late:
		return ", and what runs before it was not done within a minute"
	case r.Said != "":
		return " (it said: " + r.Said + ")"
	}
	return ""
}

func (a *app) hookJSON(repo *git.Checkout, h *git.Hook, reach *git.Reach) {
	line := struct {
		State   git.HookState `json:"state"`
		Path    string        `json:"path"`
		In      string        `json:"in,omitempty"` // the file with our part, if another one
		Program string        `json:"program,omitempty"`
		Shared  bool          `json:"shared,omitempty"`
		Switch  bool          `json:"switch,omitempty"` // it restores when another commit is checked out, too
		Reached *bool         `json:"reached,omitempty"`
		Ran     []string      `json:"ran,omitempty"` // to find that out
	}{State: h.State, Path: h.Path, Program: h.Program, Shared: h.Shared, Switch: repo.SwitchOn()}
	if h.In != h.Path {
		line.In = h.In
	}
	if reach != nil {
		line.Reached, line.Ran = &reach.Reached, reach.Ran
	}
	a.term.JSON("hook", line)
}

// statusLines says something of several lines.
func (a *app) statusLines(text string) {
	verb := "Note"
	for l := range strings.Lines(text) {
		a.term.Status(verb, "%s", strings.TrimSuffix(l, "\n"))
		verb = ""
	}
}
