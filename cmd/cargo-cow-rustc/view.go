package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/alias"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/cargo/incremental"
)

// plan decides how the call is to be run, and reports false: as it is.
func (v *viewedCall) plan() bool {
	// Arguments in a file are too many for a command line.
	if v.Incremental == "" || v.PathBound && ruleDebug.on() || v.ArgFile || v.handoff.InPlace(v.Crate) || !v.inWorkspace() {
		return false
	}
	state, ok := v.state()
	if !ok || !incremental.Any(v.Incremental, v.Crate) {
		return false
	}
	if v.mapping, ok = newMapping(v.handoff, state, v.build); !ok {
		return false
	}
	var err error
	if v.mapping.real, err = filepath.EvalSymlinks(v.build); err != nil {
		return false
	}
	if why := v.originUnusable(); why != "" {
		handoff.SetUnavailable(v.build, why)
		return false
	}
	if what := v.namesOrigin(); ruleNames.on() && what != "" {
		handoff.SetUnavailable(v.build, what+" names "+v.mapping.there)
		return false
	}
	return !(ruleLinks.on() && v.misled()) && v.chooseBinds()
}

// originUnusable says why the other checkout's path cannot be used, "" if it can.
func (v *viewedCall) originUnusable() string {
	info, err := os.Lstat(v.mapping.there)
	switch {
	case err != nil:
		return "the checkout " + v.mapping.there + " is gone"
	case !info.IsDir():
		return v.mapping.there + " is no directory any more"
	case sameFile(v.mapping.there, v.mapping.here):
		return v.mapping.there + " is another name of " + v.mapping.here
	}
	real, err := filepath.EvalSymlinks(v.mapping.there)
	if err != nil || real != v.mapping.there {
		return v.mapping.there + " is another directory's name now"
	}
	v.before = info
	return ""
}

// shellVariables are variables that shells set to where they are or were, so that they
// name another checkout often and by chance. cargo and rustc do not read them; what
// a crate asks for is looked at when rustc has listed it.
var shellVariables = []string{"PWD=", "OLDPWD=", "_="}

// namesOrigin returns what is handed on as it is and names the other checkout: there
// rustc, or a macro, would find this checkout's files instead. It is "" if nothing
// does.
func (v *viewedCall) namesOrigin() string {
	for _, a := range v.Argv {
		if v.mapping.mentioned(a) {
			return "an argument of rustc"
		}
	}
	for _, e := range v.env {
		if slices.ContainsFunc(shellVariables, func(name string) bool { return strings.HasPrefix(e, name) }) {
			continue
		}
		key, value, _ := strings.Cut(e, "=")
		if v.mapping.mentioned(e) {
			return "the environment variable " + key
		}
		for name := range strings.SplitSeq(value, ":") {
			if strings.HasPrefix(name, "/") && v.mapping.hides(name) {
				return "the environment variable " + key
			}
		}
	}
	program, err := lookPath(v.Argv[0])
	if err != nil || v.mapping.hides(program) {
		return "the compiler's path"
	}
	return ""
}

// chooseBinds decides what is shown where.
func (v *viewedCall) chooseBinds() bool {
	m := v.mapping
	git, ok := v.repository()
	if !ok {
		return false
	}
	binds := append(git, alias.Bind{From: m.here, At: m.there})
	if m.nested {
		// The checkout stays visible at its own path.
		own := m.here + "/" + strings.TrimPrefix(m.here, m.there+"/")
		if os.MkdirAll(own, 0o777) != nil {
			return false
		}
		if real, err := filepath.EvalSymlinks(own); err != nil || real != own {
			return false
		}
		binds = append(binds, alias.Bind{From: m.here, At: m.here})
	}
	if m.apart {
		at, ok := m.buildAt()
		if !ok {
			return false
		}
		binds = append(binds, alias.Bind{From: v.build, At: at})
	}
	v.view.Binds = binds
	return true
}

// repository says what has to be shown for git to work where the checkout hides the
// repository it belongs to.
func (v *viewedCall) repository() (binds []alias.Bind, ok bool) {
	git := v.handoff.Git
	if git == (handoff.Git{}) || !ruleGit.on() || !v.mapping.covers(git.Common) && !v.mapping.covers(git.Dir) {
		return nil, true
	}
	mount, file := v.build+"/"+handoff.GitDir, v.build+"/"+handoff.GitFile
	own := v.mapping.here + "/.git"
	for _, path := range []string{file, own} {
		if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
			return nil, false
		}
	}
	real, err := filepath.EvalSymlinks(mount)
	if err != nil {
		return nil, false
	}
	v.mapping.git = [2]string{v.handoff.Build[0] + "/" + handoff.GitDir, git.Common}
	return []alias.Bind{{From: git.Common, At: real}, {From: file, At: own}}, true
}
