package enabled

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/pooling"
	"github.com/cargo-cow/cargo-cow/cmd/internal/wrapperstate"
	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/alias"
	"github.com/cargo-cow/cargo-cow/layers/enabling"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Enable enables all for the session's user; root is the program whose commands shells are to complete.
func (c *Command) Enable(ctx context.Context, root *cobra.Command) error {
	program, err := wrapperstate.Program()
	if err != nil {
		return err
	}
	user := c.Session.User(func(shell string) ([]byte, error) { return completions(root, shell) })
	plan, err := user.PlanEnable(program)
	if err != nil {
		return withHelp("enable", err)
	}
	touches, err := c.carryOut(plan)
	if err != nil {
		return withHelp("enable", err)
	}
	state, err := wrapperstate.Find(user.Wrapper)
	if err != nil {
		state = &wrapperstate.State{NoViews: alias.Probe()} // the configuration of this directory is its own matter
	}
	line := newLine(plan, touches, c.DryRun)
	views := state.NoViews == nil
	line.Views = &views
	if c.DryRun {
		c.Term.JSON("enable", line)
		c.wouldTouch(touches, "all is enabled already")
		return nil
	}
	d, fsName, _ := c.Session.Disk(ctx)
	if line.FileSystem = fsName; d != nil {
		line.Driver = d.Name()
	}
	c.Term.JSON("enable", line)
	c.tellEnabled(plan, touches)
	state.Warn(c.Term)
	for _, l := range fromNowOn(c.Session.Dir(), d, fsName, pooling.Offer(c.Environ), views) {
		c.Term.Println("%s", l)
	}
	return nil
}

// tellEnabled says what was done.
func (c *Command) tellEnabled(plan *enabling.Plan, touches []enabling.Touch) {
	config := plan.Configs[0]
	switch {
	case config.Changed && config.Next != "":
		c.Term.Status("Enabled", "the wrapper in %s, before %s", config.File, config.Next)
	case config.Changed:
		c.Term.Status("Enabled", "the wrapper in %s", config.File)
	}
	if slices.Contains(touches, enabling.Touch{File: plan.Automatic, How: enabling.Create}) {
		c.Term.Status("Enabled", "stores where they are first needed, by %s", plan.Automatic)
	}
	for _, f := range plan.Completions {
		c.tellCompletions(f, slices.ContainsFunc(touches, func(t enabling.Touch) bool { return t.File == f.File }))
	}
	if len(touches) == 0 {
		c.Term.Status("Unchanged", "all is enabled already")
	}
}

func (c *Command) tellCompletions(f *enabling.Completion, changed bool) {
	switch {
	case f.Err != nil:
		c.Term.Warn("no completions for %s: %v", f.Shell, f.Err)
	case f.State == enabling.Edited:
		c.Term.Warn("completions for %s stay as somebody has edited them: %s", f.Shell, f.File)
	case f.State == enabling.Foreign:
		c.Term.Warn("no completions for %s: %s is somebody else's", f.Shell, f.File)
	case changed:
		c.Term.Status("Installed", "completions for %s: %s", f.Shell, f.File)
	}
	dir := filepath.Dir(f.File)
	// Whether .zshrc has the line only zsh can tell, and it tells programs where FPATH is exported.
	if f.Shell == "zsh" && f.State == enabling.Installed && !slices.Contains(filepath.SplitList(c.Environ.Get("FPATH")), dir) {
		c.Term.Status("Note", "zsh finds them with this line in .zshrc, before compinit: fpath=(%s $fpath)", paths.ShellWord(dir))
	}
}

// fromNowOn is what enabling means: three lines.
func fromNowOn(dir string, d driver.Driver, fsName, offer string, views bool) [3]string {
	lines := [3]string{
		"A new checkout (worktree, clone, copy) is warm at its first cargo command, where a build directory of the same dependencies is known.",
		"CARGO_COW=off before a cargo command leaves that out for this one; `cargo cow disable` undoes it for good.",
		"On this disk (" + fsName + ") ",
	}
	switch {
	case d == nil:
		lines[2] = "Nothing can be written in " + dir + ": what the disk of a project makes possible, `cargo cow status` says there"
	case d.Caps().ConstantTime:
		lines[2] += "a restore takes constant time, and shares its data"
	case d.Caps().SharesData:
		lines[2] += "a restore copies file by file, by reference, and shares its data"
	default:
		lines[2] += "there are only copies: a layer takes its full size, and nothing is restored by itself; " + offer
	}
	if !views {
		lines[2] += " (views: impossible)"
	}
	lines[2] += "."
	return lines
}

// completions makes the completions of a program's commands.
func completions(root *cobra.Command, shell string) ([]byte, error) {
	var b bytes.Buffer
	var err error
	switch shell {
	case "bash":
		err = root.GenBashCompletionV2(&b, true)
	case "fish":
		err = root.GenFishCompletion(&b, true)
	case "zsh":
		err = root.GenZshCompletion(&b)
	}
	return b.Bytes(), err
}
