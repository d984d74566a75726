package exit

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/foreign"
	"github.com/cargo-cow/cargo-cow/layers/git"
	"github.com/cargo-cow/cargo-cow/layers/relocate"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

const noSpace = "make room: `cargo cow prune --max-age 7d --dry-run` lists what was not used for 7 days"

// Help returns what to do about err, "" when there is nothing general to say.
// What the error itself carries goes first.
func Help(err error) string {
	var own *layers.HelpError
	if errors.As(err, &own) {
		return own.Help
	}
	var hook *git.HookError
	if errors.As(err, &hook) {
		return hook.Help
	}
	var usage usageError
	if errors.As(err, &usage) {
		return usage.help()
	}
	for _, h := range []struct {
		err  error
		text string
	}{
		{layers.ErrNoStore, "run `cargo cow init`"},
		{layers.ErrNoTarget, "build first, with `cargo build`"},
		{layers.ErrBusy, "wait for cargo to end, or leave out --no-wait"},
		{layers.ErrNoLayer, "build here and run `cargo cow snapshot`, or name a layer of `cargo cow list` with --from"},
		{layers.ErrNotFound, "see `cargo cow list`"},
		{relocate.ErrInUse, "run it again when nobody works in the store"},
		{warehouse.ErrNotFound, "see `cargo cow warehouse list`"},
		{warehouse.ErrAmbiguous, "give more characters of its key, see `cargo cow warehouse list`"},
		{rustc.ErrFormat, "run `cargo cow warehouse verify --repair`"},
		{unix.ENOSPC, noSpace},
		{unix.EDQUOT, noSpace},
		{layers.ErrAmbiguous, "give more characters of its id, see `cargo cow list`"},
		{project.ErrNoPackage, "name a cargo project with -C DIR"},
		{project.ErrNoLockfile, "run `cargo generate-lockfile`"},
		{project.ErrNoCargo, "install Rust, or put cargo on the PATH"},
		{git.ErrNotRepository, "run this in a git checkout"},
		{git.ErrNoGit, "install git"},
	} {
		if errors.Is(err, h.err) {
			return h.text
		}
	}
	return foreign.PermissionHelp(err)
}

// Suffix is Help for the end of a line that says the error itself.
func Suffix(err error) string {
	if help := Help(err); help != "" {
		return " (" + help + ")"
	}
	return ""
}

// help names the command whose help says how it is called.
func (e usageError) help() string {
	path := "cargo cow"
	if e.command != nil {
		// CommandPath begins with the name of the program.
		_, rest, _ := strings.Cut(e.command.CommandPath(), " ")
		path = strings.TrimSpace(path + " " + rest)
	}
	return "see `" + path + " --help`"
}
