package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Debian's own checks find nothing, and the package does nothing when it is installed.
func TestPackage(t *testing.T) {
	t.Parallel()
	requires(t, "dpkg-deb", "lintian")
	for _, p := range platforms {
		t.Run(p.debian, func(t *testing.T) {
			t.Parallel()
			deb := filepath.Join(made(t), here.pack(p))
			if out := output(t, "", "lintian", "--fail-on", "error,warning", "--tag-display-limit", "0", deb); out != "" {
				t.Errorf("lintian says\n%s", out)
			}
			parts := t.TempDir()
			output(t, "", "dpkg-deb", "--control", deb, parts)
			entries, err := os.ReadDir(parts)
			if err != nil || len(entries) != 2 {
				t.Errorf("the package has, besides control and md5sums: %v, %v", entries, err)
			}
			if got := strings.Fields(output(t, "", "dpkg-deb", "--field", deb, "Version", "Architecture")); strings.Join(got, " ") != "Version: "+version+" Architecture: "+p.debian {
				t.Errorf("the package is %q", got)
			}
		})
	}
}

// bareDebian is what hack/setup has made.
func bareDebian(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "cargo-cow-test/debian")
	if _, err := os.Stat(filepath.Join(dir, "included")); err != nil {
		missing(t, "there is no "+dir+": run hack/setup")
	}
	return dir
}

// On a Debian that has git and a C compiler, and Rust in a directory of its own: the package is installed, and as somebody
// who is not root a build directory is sealed, and a new worktree and, with the wrapper, a clone have nothing to compile.
// Then the package is removed, and nothing is left.
func TestDebian(t *testing.T) {
	t.Parallel()
	lower, src := bareDebian(t), newSource(t)
	in := bareRoot{lower: lower, mounts: []string{made(t) + ":/dist", rust(t) + ":/opt/rust"}, source: src}
	const job = `
		export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
		cargo help cow | head -1
		cd /src/app
		git init -q .
		git add .
		git commit -qm one
		cargo cow init --hook
		cargo build
		cargo cow snapshot
		git worktree add -q ../hooked
		git -c core.hooksPath=/dev/null worktree add -q ../fix
		cd ../fix
		cargo cow restore
		cargo build --message-format=json >/src/fix.json
		cd ../hooked
		cargo build --message-format=json >/src/hooked.json
		cargo cow wrapper enable
		git clone -q /src/app /src/clone
		cd ../clone
		cargo build --message-format=json >/src/clone.json
		cargo cow wrapper disable
		cargo cow check`
	if err := write(filepath.Join(src, "job"), []byte(job), 0o644); err != nil {
		t.Fatal(err)
	}
	out := in.run(t, `
		useradd --create-home user
		chown -R user /src
		files() { find / -xdev '(' -path /proc -o -path /src -o -path /var -o -path /home ')' -prune -o -print | sort; }
		files >/src/before
		dpkg --install /dist/`+here.pack(platforms[0])+` >/dev/null
		cargo-cow --version
		man -w cargo-cow cargo-cow-restore cargo-cow-rustc
		MANWIDTH=120 man cargo-cow-restore | sed -n '/^NAME/,/^SYN/p'
		su user -c 'id -un; sh -eu /src/job'
		dpkg --purge cargo-cow >/dev/null
		files >/src/after
		diff /src/before /src/after && echo nothing is left`)
	for _, want := range []string{
		"cargo-cow " + version + "\n", "/usr/share/man/man1/cargo-cow-rustc.1.gz\n", "cargo-cow-restore - Make the build directory",
		"\nuser\ncargo-cow keeps the build directories of Rust", "nothing is left\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	const units = 2
	for _, name := range []string{"fix.json", "hooked.json", "clone.json"} {
		wantFresh(t, filepath.Join(src, name), units)
	}
}

// On the same Debian somebody who is not root types one command of ours, once; then clones a project, builds it as one does,
// and finds nothing to compile in a new worktree, nor in a second clone at another path: for each way of building, an
// editor's too.
func TestNothingTyped(t *testing.T) {
	t.Parallel()
	lower, src := bareDebian(t), newSource(t)
	in := bareRoot{lower: lower, mounts: []string{made(t) + ":/dist", rust(t) + ":/opt/rust"}, source: src}
	ways := map[string]string{
		"build": "build", "release": "build --release", "target": "build --target x86_64-unknown-linux-gnu",
		"test": "test --no-run", "check": "check --workspace --all-targets", "clippy": "clippy",
	}
	job := `
		export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
		cd /src/app
		git init -q .
		git add .
		git commit -qm one
		cd /src
		cargo cow enable >/src/said
		git clone -q app here
		cd here
`
	for _, args := range ways {
		job += "cargo " + args + "\n"
	}
	for name, args := range ways {
		job += "git worktree add -q ../" + name + "; (cd ../" + name + "; cargo " + args + " --message-format=json >/src/" + name + ".json)\n"
	}
	// In one clone one after the other: each finds what it needs.
	job += "git clone -q /src/app /src/else/clone; cd /src/else/clone\n"
	for name, args := range ways {
		job += "cargo " + args + " --message-format=json >/src/" + name + "-clone.json\n"
	}
	job += "cargo cow check --deep\ncargo cow disable\n"
	if err := write(filepath.Join(src, "job"), []byte(job), 0o644); err != nil {
		t.Fatal(err)
	}
	in.run(t, `
		useradd --create-home user
		chown -R user /src
		dpkg --install /dist/`+here.pack(platforms[0])+` >/dev/null
		su user -c 'sh -eu /src/job'`)
	for name := range ways {
		for _, file := range []string{name + ".json", name + "-clone.json"} {
			if fresh, compiled := verdicts(t, filepath.Join(src, file)); fresh == 0 || compiled != 0 {
				t.Errorf("%s: %d units are fresh and %d were compiled", file, fresh, compiled)
			}
		}
	}
}
