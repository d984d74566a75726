package soundness

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// TestPathsInHashes: some of what cargo hashes is an absolute path in the checkout.
// What can be told to be equal is fresh in another one; of the rest explain and
// restore say that it is not.
func TestPathsInHashes(t *testing.T) {
	dir := btrfs(t)
	const lone = `
-- a/Cargo.toml --
[package]
name = "app"
edition = "2024"
[dependencies]
itoa = "1"
-- a/src/lib.rs --
-- a/src/main.rs --
fn main() { println!("{}", itoa::Buffer::new().format(7)); }
`
	for _, tt := range []struct {
		name, files string
		sub         string   // where the workspace is in the checkout
		want        []string // what cargo rebuilds
		left        []string // what explain then still calls dirty
	}{
		{
			name: "linker",
			files: lone + "-- a/tools/mycc.sh --\n#!/bin/sh\nexec cc \"$@\"\n" +
				"-- a/.cargo/config.toml --\n[target.'cfg(unix)']\nlinker = \"tools/mycc.sh\"\n",
		},
		{
			name: "package-beside-workspace",
			files: `
-- a/rust/Cargo.toml --
[package]
name = "app"
edition = "2024"
[workspace]
[dependencies]
itoa = "1"
side = { path = "../libs/side" }
-- a/rust/src/main.rs --
fn main() { println!("{} {}", side::WORD, itoa::Buffer::new().format(7)); }
-- a/libs/side/Cargo.toml --
[package]
name = "side"
edition = "2024"
-- a/libs/side/src/lib.rs --
pub const WORD: &str = "side";
`,
			sub:  "/rust",
			want: []string{"app/app/bin", "side/side/lib"},
		},
		{
			name: "workspace-wrapper",
			files: lone + "-- a/tools/wrap.sh --\n#!/bin/sh\nexec \"$@\"\n" +
				"-- a/.cargo/config.toml --\n[build]\nrustc-workspace-wrapper = \"tools/wrap.sh\"\n",
			want: []string{"app/app/bin", "app/app/lib"},
			left: []string{"app/app/bin", "app/app/lib"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, dir+"/"+tt.name)
			w.lay(txtar.Parse([]byte(tt.files)), "a", "a")
			origin, checkout := w.At("a"+tt.sub), w.At("b"+tt.sub)
			w.Write("a/.gitignore", "target\n")
			origin.Must("cargo", "generate-lockfile", "--quiet")
			w.At("a").Repository()
			origin.Cow("init")
			origin.Build("build")
			origin.Cow("snapshot")
			w.At("a").Worktree(w.Path("b"))
			checkout.Cow("restore")
			plan := checkout.Cow("explain")
			b := checkout.Build("build")
			if diff := cmp.Diff(tt.want, b.Ran()); diff != "" {
				t.Errorf("rebuilt (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.want, explained(t, plan, b)); diff != "" {
				t.Errorf("explained (-want +got):\n%s", diff)
			}
			// Afterwards nothing of another checkout is held against it, but for units that
			// a build with the other's wrapper would still use.
			if diff := cmp.Diff(tt.left, explained(t, checkout.Cow("explain"), b)); diff != "" {
				t.Errorf("explained after the build (-want +got):\n%s", diff)
			}
		})
	}
}
