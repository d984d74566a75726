package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/cargo-cow/cargo-cow/layers/alias"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/cargo/incremental"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
)

// A job is a call in a checkout whose build directory was restored. It may be run where
// the checkout is seen at the path of another.
type job struct {
	*rustc.Call
	env    []string
	place  *handoff.Handoff
	paths  *mapping
	build  string // the build directory, by its text in this call
	rel    string // where below it the unit's files are
	inputs string // rustc's list of them, the .d file
	before os.FileInfo
	view   alias.View
}

// plan decides how the call is to be run, and reports false: as it is.
func (j *job) plan() bool {
	// Arguments in a file are too many for a command line.
	if j.Incremental == "" || j.PathBound && ruleDebug.on() || j.ArgFile || j.place.InPlace(j.Crate) || !j.inWorkspace() {
		return false
	}
	state, ok := j.state()
	if !ok || !incremental.Any(j.Incremental, j.Crate) {
		return false
	}
	if j.paths, ok = newMapping(j.place, state, j.build); !ok {
		return false
	}
	var err error
	if j.paths.real, err = filepath.EvalSymlinks(j.build); err != nil {
		return false
	}
	if why := j.originUnusable(); why != "" {
		handoff.SetUnavailable(j.build, why)
		return false
	}
	if what := j.namesOrigin(); ruleNames.on() && what != "" {
		handoff.SetUnavailable(j.build, what+" names "+j.paths.there)
		return false
	}
	return !(ruleLinks.on() && j.misled()) && j.chooseBinds()
}

// newJob returns nil where no restore was.
func newJob(c *rustc.Call, env []string) *job {
	j := &job{Call: c, env: env, inputs: c.DepFile()}
	if !j.find() {
		return nil
	}
	return j
}

// find looks for what a restore left, from the unit's directory upwards.
func (j *job) find() bool {
	// TARGET/TRIPLE/PROFILE/build/PACKAGE/ID/out is the deepest that cargo makes.
	const deepest = 6
	dir := j.OutDir
	for range deepest + 1 {
		place, err := handoff.Read(dir)
		if err == nil {
			j.place, j.build = place, dir
			rel, ok := paths.Under(j.OutDir, dir)
			j.rel = rel
			return ok && rel != "" && j.isRestored()
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
func (j *job) isRestored() bool {
	if slices.Contains(j.place.Build, j.build) {
		return true
	}
	return sameFile(j.place.Build[0], j.build)
}

// inWorkspace reports whether the call is one for a package of the workspace, which is
// compiled from the workspace's root. For others file!() and the list of inputs
// have names that start elsewhere.
func (j *job) inWorkspace() bool {
	if !ruleCrateRoot.on() {
		return true
	}
	cwd, err := getcwd()
	return err == nil && cwd == j.place.Root && !filepath.IsAbs(j.Input) && !leaves(j.Input)
}

// state returns where the unit's state was made, if that is another checkout.
func (j *job) state() (handoff.State, bool) {
	text, err := os.ReadFile(j.inputs)
	if err != nil {
		return handoff.State{}, false
	}
	if !ruleUnit.on() && len(j.place.Origins) > 0 && len(j.place.Origins[0].Build) > 0 {
		return handoff.State{Root: j.place.Origins[0].Root, Build: j.place.Origins[0].Build[0]}, true
	}
	state, ok := handoff.Marked(string(text))
	if !ok {
		made, ok := depfile.Made(string(text), j.rel)
		if !ok || made == j.build || slices.Contains(j.place.Build, made) {
			return state, false
		}
		origin, ok := j.place.OriginOf(made)
		if !ok {
			return state, false
		}
		state = handoff.State{Root: origin.Root, Build: made}
	}
	return state, state.Root != j.place.Root
}

// originUnusable says why the other checkout's path cannot be used, "" if it can.
func (j *job) originUnusable() string {
	info, err := os.Lstat(j.paths.there)
	switch {
	case err != nil:
		return "the checkout " + j.paths.there + " is gone"
	case !info.IsDir():
		return j.paths.there + " is no directory any more"
	case sameFile(j.paths.there, j.paths.here):
		return j.paths.there + " is another name of " + j.paths.here
	}
	real, err := filepath.EvalSymlinks(j.paths.there)
	if err != nil || real != j.paths.there {
		return j.paths.there + " is another directory's name now"
	}
	j.before = info
	return ""
}

// shellVariables are variables that shells set to where they are or were, so that they
// name another checkout often and by chance. cargo and rustc do not read them; what
// a crate asks for is looked at when rustc has listed it.
var shellVariables = []string{"PWD=", "OLDPWD=", "_="}

// namesOrigin returns what is handed on as it is and names the other checkout: there
// rustc, or a macro, would find this checkout's files instead. It is "" if nothing
// does.
func (j *job) namesOrigin() string {
	for _, a := range j.Argv {
		if j.paths.mentioned(a) {
			return "an argument of rustc"
		}
	}
	for _, e := range j.env {
		if slices.ContainsFunc(shellVariables, func(name string) bool { return strings.HasPrefix(e, name) }) {
			continue
		}
		key, value, _ := strings.Cut(e, "=")
		if j.paths.mentioned(e) {
			return "the environment variable " + key
		}
		for name := range strings.SplitSeq(value, ":") {
			if strings.HasPrefix(name, "/") && j.paths.hides(name) {
				return "the environment variable " + key
			}
		}
	}
	program, err := lookPath(j.Argv[0])
	if err != nil || j.paths.hides(program) {
		return "the compiler's path"
	}
	return ""
}

// chooseBinds decides what is shown where.
func (j *job) chooseBinds() bool {
	p := j.paths
	git, ok := j.repository()
	if !ok {
		return false
	}
	binds := append(git, alias.Bind{From: p.here, At: p.there})
	if p.nested {
		// The checkout stays visible at its own path.
		own := p.here + "/" + strings.TrimPrefix(p.here, p.there+"/")
		if os.MkdirAll(own, 0o777) != nil {
			return false
		}
		if real, err := filepath.EvalSymlinks(own); err != nil || real != own {
			return false
		}
		binds = append(binds, alias.Bind{From: p.here, At: p.here})
	}
	if p.apart {
		at, ok := p.buildAt()
		if !ok {
			return false
		}
		binds = append(binds, alias.Bind{From: j.build, At: at})
	}
	j.view.Binds = binds
	return true
}

// repository says what has to be shown for git to work where the checkout hides the
// repository it belongs to.
func (j *job) repository() (binds []alias.Bind, ok bool) {
	git := j.place.Git
	if git == (handoff.Git{}) || !ruleGit.on() || !j.paths.covers(git.Common) && !j.paths.covers(git.Dir) {
		return nil, true
	}
	mount, file := j.build+"/"+handoff.GitDir, j.build+"/"+handoff.GitFile
	own := j.paths.here + "/.git"
	for _, path := range []string{file, own} {
		if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
			return nil, false
		}
	}
	real, err := filepath.EvalSymlinks(mount)
	if err != nil {
		return nil, false
	}
	j.paths.git = [2]string{j.place.Build[0] + "/" + handoff.GitDir, git.Common}
	return []alias.Bind{{From: git.Common, At: real}, {From: file, At: own}}, true
}
