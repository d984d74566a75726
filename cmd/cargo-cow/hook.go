package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/layers/git"
)

var errNoHookWithoutGit = errors.New("install hook: not in a git checkout")

func newHook(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hook",
		Short: "Restore by git's post-checkout hook",
		Long: `With the hook, ` + "`git worktree add`" + ` restores the build directory in the new
worktree. Installed with --switch, it does so as well when git goes to another
commit in a working tree: by git switch, checkout or bisect, but not in a rebase.
Then the build directory is replaced if a layer leaves less to be compiled;
unlike ` + "`cargo cow switch`" + `, nothing is sealed before. CARGO_COW_HOOK=off in the
environment keeps the hook from doing anything.

In repositories that never ran init it does nothing. A hook that is there already
keeps all its lines; where core.hooksPath leads out of the repository, nothing is
written and the line to add is shown.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	sub := func(use, text string, do func(context.Context, *git.Checkout) error) *cobra.Command {
		return &cobra.Command{Use: use, Short: text, Long: text + ".", Args: noArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.session()
			if err != nil {
				return err
			}
			repo, err := s.Repository(cmd.Context())
			if err != nil {
				return err
			}
			return do(cmd.Context(), repo)
		}}
	}
	var install *cobra.Command
	onSwitch := false
	install = sub("install", "Install the hook, or update it", func(ctx context.Context, repo *git.Checkout) error {
		followed := repo.SwitchOn()
		if install.Flags().Changed("switch") {
			if err := repo.SetSwitch(onSwitch); err != nil {
				return err
			}
		}
		return a.installHook(ctx, repo, followed)
	})
	install.Flags().BoolVar(&onSwitch, "switch", false, "restore when another commit is checked out, too; --switch=false undoes that")
	cmd.AddCommand(
		install,
		sub("remove", "Take the hook out again", a.removeHook),
		sub("status", "Say whether the hook is installed", a.hookStatus),
	)
	return cmd
}

// installHook installs the hook, which followed switches before or did not.
func (a *app) installHook(ctx context.Context, repo *git.Checkout, followed bool) error {
	program, err := programPath()
	if err != nil {
		return err
	}
	was, err := repo.HookState(ctx)
	if err != nil {
		return err
	}
	before, _ := os.ReadFile(was.Path)
	h, err := repo.InstallHook(ctx, program)
	if err != nil {
		return err
	}
	a.hookJSON(repo, h)
	verb := "Installed"
	after, err := os.ReadFile(h.Path)
	if err == nil && bytes.Equal(before, after) && was.State == h.State && followed == repo.SwitchOn() {
		verb = "Unchanged"
	}
	a.term.Status(verb, "%s%s", h.Path, hookScope(repo))
	return nil
}

func (a *app) removeHook(ctx context.Context, repo *git.Checkout) error {
	was, err := repo.HookState(ctx)
	if err != nil {
		return err
	}
	followed := repo.SwitchOn()
	h, err := repo.RemoveHook(ctx)
	if err == nil {
		err = repo.SetSwitch(false)
	}
	if err != nil {
		return err
	}
	a.hookJSON(repo, h)
	if was.Program == "" && !followed {
		a.term.Status("Unchanged", "%s: there is nothing of ours in it", h.Path)
		return nil
	}
	a.term.Status("Removed", "our part of %s", h.Path)
	return nil
}

func (a *app) hookStatus(ctx context.Context, repo *git.Checkout) error {
	h, err := repo.HookState(ctx)
	if err != nil {
		return err
	}
	a.hookJSON(repo, h)
	a.term.Println("%s: %s%s", h.State, h.Path, hookScope(repo))
	return nil
}

// hookScope is what a line about the hook says more where it follows switches.
func hookScope(repo *git.Checkout) string {
	if repo.SwitchOn() {
		return " (on switches, too)"
	}
	return ""
}

func (a *app) hookJSON(repo *git.Checkout, h *git.Hook) {
	a.term.JSON("hook", struct {
		State   git.HookState `json:"state"`
		Path    string        `json:"path"`
		Program string        `json:"program,omitempty"`
		Shared  bool          `json:"shared,omitempty"`
		Switch  bool          `json:"switch,omitempty"` // it restores when another commit is checked out, too
	}{h.State, h.Path, h.Program, h.Shared, repo.SwitchOn()})
}

// programPath is where this program is found again later. The name it was
// called by goes before what the kernel makes of it: that may be the inside of a
// package manager's directory of versions.
func programPath() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	called, err := exec.LookPath(os.Args[0])
	if err != nil {
		return self, nil
	}
	if called, err = filepath.Abs(called); err != nil {
		return self, nil
	}
	x, errx := os.Stat(self)
	y, erry := os.Stat(called)
	if errx == nil && erry == nil && os.SameFile(x, y) {
		return called, nil
	}
	return self, nil
}
