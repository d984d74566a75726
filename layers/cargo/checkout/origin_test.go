package checkout

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
)

func TestMentions(t *testing.T) {
	o := &Origin{Git: GitState{Commit: "0123456789abcdef0123456789abcdef01234567"}}
	o.add(rooted.Workspace, "/a/repo")
	o.add(rooted.Build, "/a/repo/target")
	o.add(rooted.CommonDir, "/a/main/.git")
	tests := []struct{ text, want string }{
		{"/a/repo", "/a/repo"},
		{"-L/a/repo/native", "/a/repo"},
		{"native=/a/repo/target/debug", "/a/repo/target"}, // the innermost name
		{"/a/repo/targets", "/a/repo"},
		{"/a/repository", ""},
		{"/a/repo-2", ""},
		{"/a/repo2:/a/repo", "/a/repo"},
		{"/a/repo\u00e4", ""},
		{"/a/repo.git", "/a/repo"}, // in doubt, found
		{"/mnt/a/repo/x", "/a/repo"},
		{"cd /a/main/.git", "/a/main/.git"},
		{"/a/main", ""},
		{"", ""},
	}
	for _, tt := range tests {
		if got, found := o.Mentions(tt.text); got != tt.want || found != (tt.want != "") {
			t.Errorf("mentions(%q) = %q, %v; want %q", tt.text, got, found, tt.want)
		}
	}
	for text, want := range map[string]bool{"v1-g0123456-dirty": true, "012345": false, "": false} {
		if got := o.MentionsCommit(text); got != want {
			t.Errorf("mentionsCommit(%q) = %v; want %v", text, got, want)
		}
	}
	if (&Origin{}).MentionsCommit("anything") {
		t.Error("no commit is mentioned everywhere")
	}
}

func TestOriginNames(t *testing.T) {
	o := new(Origin)
	o.add(rooted.Workspace, "/a")
	o.add(rooted.Build, "/a/target")
	o.add(rooted.GitDir, "/a/.git")
	for _, none := range []string{"", "/", "/a"} {
		o.add(rooted.Workspace, none)
	}
	want := []Name{{rooted.Build, "/a/target"}, {rooted.GitDir, "/a/.git"}, {rooted.Workspace, "/a"}}
	if len(o.Names) != len(want) {
		t.Fatalf("names %v; want %v", o.Names, want)
	}
	for i := range want {
		if o.Names[i] != want[i] {
			t.Fatalf("names %v; want %v", o.Names, want)
		}
	}
}

func TestLocate(t *testing.T) {
	dir := cargotest.RealTempDir(t)
	cargotest.Write(t, dir, map[string]string{
		"repo/src/lib.rs": "", "repo/target/debug/x": "", "repository/x": "", "other/y": "",
	})
	if err := os.Symlink("repo", filepath.Join(dir, "alias")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../../other", filepath.Join(dir, "repo/src/out")); err != nil {
		t.Fatal(err)
	}
	origin := func() *Origin {
		o := new(Origin)
		o.add(rooted.Workspace, dir+"/repo")
		o.add(rooted.Build, dir+"/repo/target")
		return o
	}
	tests := []struct {
		path  string
		want  rooted.Path
		known bool
	}{
		{dir + "/repo/src/lib.rs", rooted.Path{Root: rooted.Workspace, Rel: "src/lib.rs"}, true},
		{dir + "/repo", rooted.Path{Root: rooted.Workspace, Rel: ""}, true},
		{dir + "/repo/target/debug/x", rooted.Path{Root: rooted.Build, Rel: "debug/x"}, true},
		{dir + "/repo/targets", rooted.Path{Root: rooted.Workspace, Rel: "targets"}, true},
		{dir + "/repository/x", rooted.Path{Root: rooted.Absolute, Rel: dir + "/repository/x"}, true},
		{dir + "/alias/src/lib.rs", rooted.Path{Root: rooted.Workspace, Rel: "src/lib.rs"}, false},
		{dir + "/alias/target/debug/x", rooted.Path{Root: rooted.Build, Rel: "debug/x"}, false},
		{dir + "/other/../repo/src/lib.rs", rooted.Path{Root: rooted.Workspace, Rel: "src/lib.rs"}, false},
		{dir + "/other/y", rooted.Path{Root: rooted.Absolute, Rel: dir + "/other/y"}, true},
		{dir + "/gone/y", rooted.Path{Root: rooted.Absolute, Rel: dir + "/gone/y"}, true},
		// By its text it moves with the checkout, wherever the link leads.
		{dir + "/repo/src/out/y", rooted.Path{Root: rooted.Workspace, Rel: "src/out/y"}, true},
	}
	for _, tt := range tests {
		if got, known := origin().Locate(tt.path); got != tt.want || known != tt.known {
			t.Errorf("locate(%s) = %v, %v; want %v, %v", tt.path, got, known, tt.want, tt.known)
		}
	}
}

// A second mount of the checkout shares no text with its name. The mount is made
// in a namespace of a child process and goes with it.
func TestLocateSecondMount(t *testing.T) {
	const mounted = "CARGO_COW_TEST_MOUNTED"
	if os.Getenv(mounted) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestLocateSecondMount$", "-test.v")
		cmd.Env = append(os.Environ(), mounted+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
		out, err := cmd.CombinedOutput()
		switch {
		case errors.Is(err, syscall.EPERM) && os.Getenv("CI") == "":
			t.Skipf("SKIPPED, NOTHING WAS TESTED: mounting needs root: %v", err)
		case err != nil:
			t.Fatalf("in a mount namespace: %v\n%s", err, out)
		}
		return
	}
	dir := cargotest.RealTempDir(t)
	cargotest.Write(t, dir, map[string]string{"repo/src/lib.rs": "", "mnt/keep": ""})
	if err := unix.Mount(dir+"/repo", dir+"/mnt", "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(dir+"/mnt", unix.MNT_DETACH)
	o := new(Origin)
	o.add(rooted.Workspace, dir+"/repo")
	if got, known := o.Locate(dir + "/mnt/src/lib.rs"); got != (rooted.Path{Root: rooted.Workspace, Rel: "src/lib.rs"}) || known {
		t.Errorf("locate below the second mount = %v, %v; want w:src/lib.rs, unknown", got, known)
	}
	if name, found := o.Mentions("native=" + dir + "/mnt/native"); !found || name != dir+"/mnt" {
		t.Errorf("the name was not learnt: %q, %v", name, found)
	}
}

// A hard link must not be taken for the checkout: only where the directories are
// the same too does what is edited under one name show under the other.
func TestLocateHardLink(t *testing.T) {
	dir := cargotest.RealTempDir(t)
	cargotest.Write(t, dir, map[string]string{"repo/shared.txt": "x"})
	if err := os.Mkdir(filepath.Join(dir, "elsewhere"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(dir, "repo/shared.txt"), filepath.Join(dir, "elsewhere/shared.txt")); err != nil {
		t.Fatal(err)
	}
	o := new(Origin)
	o.add(rooted.Workspace, dir+"/repo")
	path := dir + "/elsewhere/shared.txt"
	if got, _ := o.Locate(path); got != (rooted.Path{Root: rooted.Absolute, Rel: path}) {
		t.Errorf("locate(%s) = %v; want a fixed place", path, got)
	}
	if len(o.Names) != 1 {
		t.Errorf("the origin got the name %v", o.Names)
	}
}

func TestAbs(t *testing.T) {
	co := &Checkout{Workspace: &project.Workspace{Root: "/w", BuildDir: "/b"}, GitDir: "/g"}
	tests := []struct {
		loc  rooted.Path
		want string
		ok   bool
	}{
		{rooted.Path{Root: rooted.Workspace, Rel: "src"}, "/w/src", true},
		{rooted.Path{Root: rooted.Workspace, Rel: ""}, "/w", true},
		{rooted.Path{Root: rooted.Build, Rel: "debug"}, "/b/debug", true},
		{rooted.Path{Root: rooted.GitDir, Rel: "HEAD"}, "/g/HEAD", true},
		{rooted.Path{Root: rooted.CommonDir, Rel: "HEAD"}, "", false}, // not under git that way
		{rooted.Path{Root: rooted.Absolute, Rel: "/etc/x"}, "/etc/x", true},
		{rooted.Path{}, "", false}, // a manifest that leaves it out
	}
	for _, tt := range tests {
		if got, ok := co.Abs(tt.loc); got != tt.want || ok != tt.ok {
			t.Errorf("Abs(%v) = %q, %v; want %q, %v", tt.loc, got, ok, tt.want, tt.ok)
		}
	}
}
