package rustc

import (
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/extent"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
)

// macroInputs adds what the procedural macros that may run in this call may read unseen:
// of the environment, of the package's files, and for a package of the workspace of the
// files beside its packages.
func (u *unit) macroInputs() error {
	reach := u.macroReach()
	u.macroVariables(reach)
	if !reach.SeesFiles() {
		return nil
	}
	left := budget{files: mostFiles, bytes: mostBytes}
	home, ok := u.env("CARGO_MANIFEST_DIR")
	if !ok || !isPosition(home) {
		return &Uncacheable{"not cargo's", "no CARGO_MANIFEST_DIR"}
	}
	t := &dirHasher{remaining: &left, pkg: home, extent: extent.Of(u.Dir), packages: extent.PackagesOf(u.Dir)}
	digest, err := t.digest(home)
	if err != nil {
		return err
	}
	u.add("files of the package", digest)
	if u.outEnv != "" && exists(u.outEnv) {
		if digest, err = (&dirHasher{remaining: &left, pkg: home, extent: t.extent}).digest(u.outEnv); err != nil {
			return err
		}
		u.add("files of the build script", digest)
	}
	if !u.immutable() && home != u.Dir {
		t.besidePackages = true
		if digest, err = t.digest(u.Dir); err != nil {
			return err
		}
		u.add("files beside the packages", digest)
	}
	// Macros that take variables from a file look for it upwards.
	if above := extent.Above(u.Dir, ".env"); !u.immutable() && above != "" {
		if digest, _, err = Digest(above); err != nil {
			return &Uncacheable{"file that cannot be read", above}
		}
		u.add(".env above the workspace", digest)
	}
	return nil
}

// macroVariables adds the variables that macros may read: those that their sources name,
// or all where these do not tell.
func (u *unit) macroVariables(reach rustsrc.Reach) {
	environ := slices.Clone(u.Environ)
	slices.Sort(environ)
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		if reach.SeesEnvironment() && !isVolatile(name) || slices.Contains(reach.Variables, name) {
			u.add("environment "+name, u.portableText(value))
		}
	}
}

// volatileVariables are the names of variables that tell of a terminal, a login or a
// build tool's own doings, and differ from one shell to the next; those with an
// underscore at the end begin names. A macro that compiles something else for them is
// not provided for. PATH is among them: it is another one in each terminal, editor
// and shell of a project, and leads to programs, not to what they say.
var volatileVariables = []string{
	"CARGO_COW_", "CARGO_LOG", "CARGO_MAKEFLAGS", "CARGO_TERM_", "COLORTERM", "COLUMNS", "DBUS_", "DISPLAY", "GPG_",
	"HISTCONTROL", "HISTFILE", "HISTFILESIZE", "HISTIGNORE", "HISTSIZE", "HISTTIMEFORMAT", "INVOCATION_ID",
	"JOURNAL_STREAM", "KACHE_", "KONSOLE_", "LD_LIBRARY_PATH", "LESS", "LESSCHARSET", "LESSCLOSE", "LESSOPEN", "LESS_",
	"LINES", "LS_COLORS", "MAKEFLAGS", "MAKELEVEL", "MBX_", "MFLAGS", "NIX_PATH", "NIX_PROFILES", "NIX_SSL_CERT_FILE",
	"OLDPWD", "PATH", "PS1", "PWD", "RUSTC_LOG", "RUSTC_WRAPPER", "RUST_BACKTRACE", "RUST_LOG", "RUST_RECURSION_COUNT",
	"SCCACHE_", "SHLVL", "SSH_", "STY", "SYSTEMD_", "TERM", "TERMCAP", "TERMINFO", "TERMINFO_DIRS", "TERM_", "TMUX",
	"TMUX_", "VSCODE_", "VTE_", "WAYLAND_", "WINDOWID", "XAUTHORITY", "XDG_SESSION_", "XDG_VTNR", "_",
}

func isVolatile(name string) bool {
	return slices.ContainsFunc(volatileVariables, func(stem string) bool {
		return name == stem || strings.HasSuffix(stem, "_") && len(stem) > 1 && strings.HasPrefix(name, stem)
	})
}
