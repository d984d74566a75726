package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/wrapperstate"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/git"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/reflink"
)

// tools finds the programs that are run here.
func (d *Doctor) tools(ctx context.Context) {
	for _, t := range []struct{ name, arg, help string }{
		{"cargo", "-V", "see https://rustup.rs"}, {"rustc", "-V", "see https://rustup.rs"}, {"git", "--version", "install git"},
	} {
		cmd := exec.CommandContext(ctx, t.name, t.arg)
		cmd.Dir, cmd.Env = d.Session.Dir(), d.Environ
		out, err := cmd.Output()
		if err != nil {
			state := Bad
			if t.name == "git" {
				state = Note // what is no repository does without
			}
			d.find(state, t.name, "it does not run here: "+err.Error(), t.help)
			continue
		}
		d.find(Fine, t.name, strings.TrimSpace(string(out)), "")
	}
}

// shortage is how little free space is worth a word, in bytes: a build of a project of middle size.
const shortage = 2 << 30

// store finds the store that serves the directory, and whether it does.
func (d *Doctor) store(ctx context.Context) {
	st, err := d.Session.AnyStore(ctx)
	switch {
	case errors.Is(err, layers.ErrNoStore) && d.Session.IsAutomatic():
		d.find(Fine, "store", "none here yet: it is made when cargo first builds", "")
		return
	case errors.Is(err, layers.ErrNoStore):
		d.find(Note, "store", err.Error(), "cargo cow enable")
		return
	case err != nil:
		d.find(Bad, "store", err.Error(), exit.Help(err))
		return
	}
	if err := st.Writable(); err != nil {
		d.find(Bad, "store", err.Error(), exit.Help(err))
		return
	}
	text := fmt.Sprintf("%s (%s)", st.Dir(), st.Driver().Name())
	free, err := reflink.Free(st.Dir())
	switch {
	case err != nil:
		d.find(Bad, "store", text+": "+err.Error(), "")
	case free < shortage:
		d.find(Bad, "store", text+": "+phrase.Size(free)+" are free", "cargo cow prune --free 5GB")
	default:
		d.find(Fine, "store", text+", "+phrase.Size(free)+" free", "")
	}
	d.snapshotTools(st.Dir())
	if checkout, err := d.Session.Unresolved(ctx); err == nil && st.Driver().Caps().SharesData && !open.Serves(st, checkout.Workspace.BuildDir) {
		d.find(Note, "store", "it is on another file system: what is built in "+checkout.Workspace.BuildDir+" is copied into it for checkouts there, and nothing is restored here", "")
	}
}

// wrapper finds whether cargo uses ours, and what is in its way.
func (d *Doctor) wrapper(ctx context.Context) {
	setup := d.Session.Wrapper(ctx)
	state, err := wrapperstate.Find(setup)
	if err != nil {
		d.find(Bad, "wrapper", err.Error(), exit.Help(err))
		return
	}
	first := state.First()
	program := first.Value
	hidden := false
	for _, s := range state.Settings {
		hidden = hidden || s.Ours && !first.Ours
	}
	switch {
	case first.Ours && first.Missing:
		d.find(Bad, "wrapper", first.Value+", by "+wrapperstate.Where(first)+", is not there: cargo fails", "cargo cow enable")
	case first.Ours && first.Next != "":
		d.find(Fine, "wrapper", "on, by "+wrapperstate.Where(first)+", before "+first.Next, "")
	case first.Ours:
		d.find(Fine, "wrapper", "on, by "+wrapperstate.Where(first), "")
	case hidden:
		d.find(Bad, "wrapper", "it is on, and cargo uses "+orNone(first.Value)+", by "+wrapperstate.Where(first), wrapperstate.Remedy(first))
	default:
		d.find(Note, "wrapper", "off: nothing is restored by itself", "cargo cow enable")
	}
	if state.Failure != "" {
		d.find(Note, "wrapper", "calls were last handed on unchanged here: "+state.Failure, "")
	}
	if first.Ours && !d.Session.IsAutomatic() {
		d.find(Note, "by itself", "off: nothing is restored before cargo builds", "cargo cow enable")
	}
	if !first.Ours {
		if ours, err := wrapperstate.Program(); err == nil {
			program = ours
		}
	}
	d.views(program)
}

func orNone(program string) string {
	if program == "" {
		return "none"
	}
	return program
}

// hook finds how the hook of the repository is, if it is in one.
func (d *Doctor) hook(ctx context.Context) {
	repo, err := d.Session.Repository(ctx)
	if errors.Is(err, git.ErrNotRepository) {
		return
	}
	if err != nil {
		d.find(Bad, "git", err.Error(), exit.Help(err))
		return
	}
	h, err := repo.HookState(ctx)
	if err != nil {
		d.find(Bad, "hook", err.Error(), exit.Help(err))
		return
	}
	where := h.File()
	if h.Shared {
		where += " (core.hooksPath)"
	}
	switch h.State {
	case git.HookInstalled:
		if _, err := os.Stat(h.Program); h.Program != "" && strings.HasPrefix(h.Program, "/") && err != nil {
			d.find(Bad, "hook", where+" runs "+h.Program+", which is not there", "cargo cow hook install")
			return
		}
		d.find(Fine, "hook", where, "")
	case git.HookDisabled:
		d.find(Bad, "hook", where+" is not executable: git passes it over", "chmod +x "+paths.ShellWord(h.File()))
	case git.HookUnreached:
		d.find(Bad, "hook", where+" is not reached by git", "cargo cow hook status")
	default:
		if !d.Session.IsAutomatic() {
			d.find(Note, "hook", "none: a new worktree is cold until `cargo cow restore`", "cargo cow enable")
		}
	}
}
