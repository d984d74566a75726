package freshness

import (
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
)

// variable compares a variable of the environment, as a unit's last build saw it, with
// what the next build will see (cargo 1.95, fingerprint/mod.rs: from_env; dep_info.rs:
// translate_dep_info). Of those that cargo, rustup or the [env] table of the
// configuration give only cargo knows the value.
func (e *explainer) variable(name, value string, set bool) *rule.Reason {
	if e.checkout.Getenv == nil || given(name) || strings.Contains(e.checkout.Env, name) {
		return nil
	}
	now, ok := e.checkout.Getenv(name)
	switch {
	case ok == set && (now == value || !ok):
		return nil
	case !ok:
		return rule.Because(rule.Cargo, "the variable "+name+" is not set now")
	case !set:
		return rule.Because(rule.Cargo, "the variable "+name+" is set now")
	}
	return rule.Because(rule.Cargo, "the variable "+name+" has another value")
}

// given reports whether a variable may be another one below cargo than beside it.
func given(name string) bool {
	for _, prefix := range []string{"CARGO", "RUST", "LD_", "DYLD_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	switch name {
	case "CLIPPY_ARGS": // by cargo clippy, whose units no other command looks at
		return true
	case "PATH", "HOME", "PWD", "OLDPWD", "SHLVL", "_":
		return true
	}
	return false
}

func (e *explainer) variables(u *builddir.Unit) *rule.Reason {
	pkg := e.from.PackageOf(u)
	for _, v := range u.DepInfo.Env {
		// Of the manifest's own cargo knows the value before any other (cargo 1.95,
		// fingerprint/mod.rs: find_stale_item).
		if now, ok := ofManifest(pkg, v.Name); ok {
			if !v.Set || now != v.Value {
				return rule.Because(rule.Cargo, "the manifest says something else for "+v.Name)
			}
			continue
		}
		if r := e.variable(v.Name, v.Value, v.Set); r != nil {
			return r
		}
	}
	return nil
}

func ofManifest(p *project.Package, name string) (value string, ok bool) {
	if p != nil {
		value, ok = p.Variables[name]
	}
	return value, ok
}
