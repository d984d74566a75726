package calls

import (
	"path"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
)

// Usual lists, as arguments of cargo, the builds that units of some profile directories may come from: those that
// people make most first. profiles are all that the build directory has, wanted those whose units are asked for.
func Usual(profiles, wanted []string) (builds [][]string) {
	// With --target, what runs while it builds lies in the profile directory without the triple.
	var asked []string
	for _, p := range profiles {
		_, name := path.Split(p)
		if slices.Contains(wanted, p) || name != p && slices.Contains(wanted, name) {
			asked = append(asked, p)
		}
	}
	for _, what := range [][]string{
		{"build"}, {"build", "--all-targets"}, {"build", "--workspace", "--all-targets"}, {"build", "--workspace"},
		{"check"}, {"check", "--workspace", "--all-targets"}, {"check", "--all-targets"},
	} {
		for _, p := range asked {
			builds = append(builds, command(what, p))
		}
	}
	return builds
}

// For returns builds of one member, with its features as they were, that a unit may come from; none if it is no
// member's, and no member's unit depends on it.
func For(u *builddir.Unit, ws *project.Workspace) (builds [][]string) {
	m := memberAbove(u, ws, map[*builddir.Unit]bool{})
	if m == nil || m.Fingerprint == nil {
		return nil
	}
	args := []string{"-p", m.Package, "--no-default-features"}
	if features := features(m.Fingerprint.Features); len(features) > 0 {
		args = append(args, "--features", strings.Join(features, ","))
	}
	for _, what := range [][]string{{"build"}, {"build", "--all-targets"}, {"check"}, {"check", "--all-targets"}} {
		builds = append(builds, command(append(what, args...), m.Profile))
	}
	return builds
}

// memberAbove finds the nearest unit of a member's library or programs that depends on u, which may be u itself.
func memberAbove(u *builddir.Unit, ws *project.Workspace, seen map[*builddir.Unit]bool) *builddir.Unit {
	if seen[u] {
		return nil
	}
	seen[u] = true
	isMember := slices.ContainsFunc(ws.Packages, func(p project.Package) bool { return p.Name == u.Package })
	if isMember && u.Source == builddir.SourcePath && !u.Run && u.Kind != builddir.KindScript {
		return u
	}
	for _, d := range u.Dependents {
		if m := memberAbove(d, ws, seen); m != nil {
			return m
		}
	}
	return nil
}

// features reads what cargo notes of a unit's features: ["a", "b"].
func features(text string) (list []string) {
	for f := range strings.SplitSeq(strings.Trim(text, "[]"), ",") {
		if f = strings.Trim(f, ` "`); f != "" {
			list = append(list, f)
		}
	}
	return list
}

// command is a whole command line for a profile directory. Cargo goes on after a script that was never compiled, asks
// nobody on the network and changes no lockfile.
func command(what []string, profile string) []string {
	triple, name := path.Split(profile)
	if name == "debug" {
		name = "dev"
	}
	args := append(slices.Clone(what), "--quiet", "--keep-going", "--frozen", "--profile", name)
	if triple != "" {
		args = append(args, "--target", strings.TrimSuffix(triple, "/"))
	}
	return args
}
