package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/cargo-cow/cargo-cow/layers/alias"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
)

// A viewedCall is a call in a checkout whose build directory was restored. It may be
// run in a view, which shows the checkout at the path of another.
type viewedCall struct {
	*rustc.Call
	env     []string
	handoff *handoff.Handoff
	build   string // the build directory, by its text in this call
	rel     string // where below it the unit's files are
	inputs  string // rustc's list of them, the .d file

	// What plan has decided.
	mapping *mapping
	before  os.FileInfo // the other checkout's directory, as it was then
	view    alias.View
}

// newViewedCall returns nil where no restore was.
func newViewedCall(c *rustc.Call, env []string) *viewedCall {
	v := &viewedCall{Call: c, env: env, inputs: c.DepFile()}
	if !v.find() {
		return nil
	}
	return v
}

// find looks for what a restore left, from the unit's directory upwards.
func (v *viewedCall) find() bool {
	// TARGET/TRIPLE/PROFILE/build/PACKAGE/ID/out is the deepest that cargo makes.
	const deepest = 6
	dir := v.OutDir
	for range deepest + 1 {
		h, err := handoff.Read(dir)
		if err == nil {
			v.handoff, v.build = h, dir
			rel, ok := paths.Under(v.OutDir, dir)
			v.rel = rel
			return ok && rel != "" && v.isRestored()
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
			return false
		}
		if dir = filepath.Dir(dir); dir == "/" {
			break
		}
	}
	return false
}

// isRestored reports whether the directory is the one that was restored, and no copy.
func (v *viewedCall) isRestored() bool {
	if slices.Contains(v.handoff.Build, v.build) {
		return true
	}
	return sameFile(v.handoff.Build[0], v.build)
}

// inWorkspace reports whether the call is one for a package of the workspace, which is
// compiled from the workspace's root. For others file!() and the list of inputs
// have names that start elsewhere.
func (v *viewedCall) inWorkspace() bool {
	if !ruleCrateRoot.on() {
		return true
	}
	cwd, err := getcwd()
	return err == nil && cwd == v.handoff.Root && !filepath.IsAbs(v.Input) && !leaves(v.Input)
}

// state returns where the unit's state was made, if that is another checkout.
func (v *viewedCall) state() (handoff.State, bool) {
	text, err := regular.Read(v.inputs)
	if err != nil {
		return handoff.State{}, false
	}
	if !ruleUnit.on() && len(v.handoff.Origins) > 0 && len(v.handoff.Origins[0].Build) > 0 {
		return handoff.State{Root: v.handoff.Origins[0].Root, Build: v.handoff.Origins[0].Build[0]}, true
	}
	state, ok := handoff.ParseState(string(text))
	if !ok {
		made, ok := depfile.Made(string(text), v.rel)
		if !ok || made == v.build || slices.Contains(v.handoff.Build, made) {
			return state, false
		}
		origin, ok := v.handoff.OriginAt(made)
		if !ok {
			return state, false
		}
		state = handoff.State{Root: origin.Root, Build: made}
	}
	return state, state.Root != v.handoff.Root
}
