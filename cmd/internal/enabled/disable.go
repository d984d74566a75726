package enabled

import (
	"slices"

	"github.com/cargo-cow/cargo-cow/cmd/internal/wrapperstate"
	"github.com/cargo-cow/cargo-cow/layers/enabling"
	"github.com/cargo-cow/cargo-cow/layers/wrapper"
)

// Disable undoes what Enable did.
func (c *Command) Disable() error {
	user := c.Session.User(nil)
	plan, err := user.PlanDisable()
	if err != nil {
		return withHelp("disable", err)
	}
	touches, err := c.carryOut(plan)
	if err != nil {
		return withHelp("disable", err)
	}
	c.Term.JSON("disable", newLine(plan, touches, c.DryRun))
	if c.DryRun {
		c.wouldTouch(touches, "nothing is enabled")
		return nil
	}
	c.tellDisabled(plan, touches)
	if state, err := wrapperstate.Find(user.Wrapper); err == nil && state.First().Ours {
		c.Term.Warn("the wrapper is still on here: %s", wrapperstate.Where(state.First()))
	}
	return nil
}

// tellDisabled says what was done.
func (c *Command) tellDisabled(plan *enabling.Plan, touches []enabling.Touch) {
	for _, config := range plan.Configs {
		switch {
		case config.Changed && config.Next != "":
			c.Term.Status("Disabled", "the wrapper in %s, and put back %s", config.File, config.Next)
		case config.Changed:
			c.Term.Status("Disabled", "the wrapper in %s", config.File)
		}
		if config.Forgotten {
			c.Term.Warn("another wrapper was configured in %s before, and the note of it is lost", config.File)
		}
	}
	stays := map[string]bool{}
	for _, f := range plan.Completions {
		switch {
		case f.Err != nil:
			stays[f.File] = true
			c.Term.Warn("%s stays: %v", f.File, f.Err)
		case f.State == enabling.Edited:
			c.Term.Warn("%s stays: somebody has edited it", f.File)
		}
	}
	for _, t := range touches {
		isConfig := slices.ContainsFunc(plan.Configs, func(config *wrapper.Change) bool { return config.File == t.File })
		if !isConfig && !stays[t.File] {
			c.Term.Status("Removed", "%s", t.File)
		}
	}
	if len(touches) == 0 {
		c.Term.Status("Unchanged", "nothing is enabled")
		return
	}
	c.Term.Status("Kept", "stores and their layers: `cargo cow store remove` in a project removes its store")
}
