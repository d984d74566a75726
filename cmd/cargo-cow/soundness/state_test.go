package soundness

import (
	"os"
	"path/filepath"
)

// linked is an app whose linker is a script beside the checkouts that adds an
// object file.
const linked = oneApp + `
-- a/.cargo/config.toml --
[target.'cfg(all())']
linker = "$W/ext/linker.sh"
-- a/app/src/main.rs --
unsafe extern "C" { safe fn value() -> i32; }
fn main() { println!("{}", value()); }
-- ext/linker.sh --
#!/bin/sh
exec cc "$@" $W/ext/one.o
-- ext/one.c --
int value(void) { return 1; }
-- ext/two.c --
int value(void) { return 2; }
`

// buildLinked builds an origin that is linked with what linker.sh says.
func buildLinked(w *world) {
	w.T.Helper()
	w.At("ext").Must("cc", "-c", "one.c", "two.c")
	w.build()
}

// otherLinker has the same file say another.
func otherLinker(w *world) {
	w.T.Helper()
	w.Write("ext/linker.sh", "#!/bin/sh\nexec cc \"$@\" "+w.Path("ext/two.o")+"\n")
}

var stateHazards = []hazard{
	{
		name:   "H15/linker-replaced",
		rule:   "fingerprint",
		files:  linked,
		origin: buildLinked,
		differ: otherLinker,
	},
	{
		// The layer is asked for by name, so it is not looked for by fingerprint.
		name:    "H15/linker-replaced-named-layer",
		rule:    "fingerprint",
		restore: []string{"--from=latest"},
		files:   linked,
		origin:  buildLinked,
		differ:  otherLinker,
	},
	{
		name:  "safe/H15-other-toolchain",
		safe:  "rustc's -vV text is part of unit ids and of fingerprints",
		files: appAndLib + changedLib,
		differ: func(w *world) {
			w.checkout = w.checkout.With("RUSTUP_TOOLCHAIN=nightly")
		},
	},
	{
		// The same crates under another home: their paths are hashed.
		name: "safe/H17-other-cargo-home",
		safe: "the absolute path of a registry package is hashed, so it is dirty",
		files: oneApp + `
-- a/app/Cargo.toml --
[package]
name = "app"
edition = "2024"
[dependencies]
cfg-if = "1"
-- a/app/src/main.rs --
cfg_if::cfg_if! { if #[cfg(unix)] { const VALUE: u32 = 1; } else { const VALUE: u32 = 2; } }
fn main() { println!("{VALUE}"); }
`,
		differ: func(w *world) {
			home := os.Getenv("CARGO_HOME")
			if home == "" {
				home = filepath.Join(os.Getenv("HOME"), ".cargo")
			}
			if err := os.MkdirAll(w.Path("home"), 0o777); err != nil {
				w.T.Fatal(err)
			}
			w.Symlink(filepath.Join(home, "registry"), "home/registry")
			w.checkout = w.checkout.With("CARGO_HOME=" + w.Path("home"))
		},
	},
	{
		// The member was gone when the snapshot was taken, so nothing says what it
		// was built from.
		name: "H26/dropped-member",
		rule: "unknown-unit",
		files: oneApp + `
-- a/Cargo.toml --
[workspace]
members = ["app", "gone"]
resolver = "3"
-- a/app/src/main.rs --
fn main() { println!("app"); }
-- a/gone/Cargo.toml --
[package]
name = "gone"
edition = "2024"
-- a/gone/src/main.rs --
fn main() { println!("one"); }
-- b/Cargo.toml --
[workspace]
members = ["app", "gone"]
resolver = "3"
-- b/gone/src/main.rs --
fn main() { println!("two"); }
`,
		origin: func(w *world) {
			w.build()
			w.Write("a/Cargo.toml", "[workspace]\nmembers = [\"app\"]\nexclude = [\"gone\"]\nresolver = \"3\"\n")
			w.origin.Build("build")
		},
		restore: []string{"--from=latest"}, // its dependency set is another one
		observe: func(w *world) string { return w.checkout.Runs("gone", "build") },
	},
	{
		name:  "H28/program-before-build",
		rule:  "unlink-uplifted",
		files: appAndLib + changedLib,
		observe: func(w *world) string {
			exe := w.Path("b/target/debug/app")
			if _, err := os.Stat(exe); err != nil {
				return "absent"
			}
			return w.checkout.Says(exe)
		},
	},
}
