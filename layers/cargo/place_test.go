package cargo

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
)

func TestMentions(t *testing.T) {
	o := &Origin{Git: GitState{Commit: "0123456789abcdef0123456789abcdef01234567"}}
	o.add(BaseRoot, "/a/repo")
	o.add(BaseBuild, "/a/repo/target")
	o.add(BaseCommon, "/a/main/.git")
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
		if got, found := o.mentions(tt.text); got != tt.want || found != (tt.want != "") {
			t.Errorf("mentions(%q) = %q, %v; want %q", tt.text, got, found, tt.want)
		}
	}
	for text, want := range map[string]bool{"v1-g0123456-dirty": true, "012345": false, "": false} {
		if got := o.mentionsCommit(text); got != want {
			t.Errorf("mentionsCommit(%q) = %v; want %v", text, got, want)
		}
	}
	if (&Origin{}).mentionsCommit("anything") {
		t.Error("no commit is mentioned everywhere")
	}
}

func TestOriginNames(t *testing.T) {
	o := new(Origin)
	o.add(BaseRoot, "/a")
	o.add(BaseBuild, "/a/target")
	o.add(BaseGit, "/a/.git")
	for _, none := range []string{"", "/", "/a"} {
		o.add(BaseRoot, none)
	}
	want := []Name{{BaseBuild, "/a/target"}, {BaseGit, "/a/.git"}, {BaseRoot, "/a"}}
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
	dir := realTempDir(t)
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
		o.add(BaseRoot, dir+"/repo")
		o.add(BaseBuild, dir+"/repo/target")
		return o
	}
	tests := []struct {
		path  string
		want  Loc
		known bool
	}{
		{dir + "/repo/src/lib.rs", Loc{BaseRoot, "src/lib.rs"}, true},
		{dir + "/repo", Loc{BaseRoot, ""}, true},
		{dir + "/repo/target/debug/x", Loc{BaseBuild, "debug/x"}, true},
		{dir + "/repo/targets", Loc{BaseRoot, "targets"}, true},
		{dir + "/repository/x", Loc{BaseFixed, dir + "/repository/x"}, true},
		{dir + "/alias/src/lib.rs", Loc{BaseRoot, "src/lib.rs"}, false},
		{dir + "/alias/target/debug/x", Loc{BaseBuild, "debug/x"}, false},
		{dir + "/other/../repo/src/lib.rs", Loc{BaseRoot, "src/lib.rs"}, false},
		{dir + "/other/y", Loc{BaseFixed, dir + "/other/y"}, true},
		{dir + "/gone/y", Loc{BaseFixed, dir + "/gone/y"}, true},
		// By its text it moves with the checkout, wherever the link leads.
		{dir + "/repo/src/out/y", Loc{BaseRoot, "src/out/y"}, true},
	}
	for _, tt := range tests {
		if got, known := origin().locate(tt.path); got != tt.want || known != tt.known {
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
	dir := realTempDir(t)
	cargotest.Write(t, dir, map[string]string{"repo/src/lib.rs": "", "mnt/keep": ""})
	if err := unix.Mount(dir+"/repo", dir+"/mnt", "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(dir+"/mnt", unix.MNT_DETACH)
	o := new(Origin)
	o.add(BaseRoot, dir+"/repo")
	if got, known := o.locate(dir + "/mnt/src/lib.rs"); got != (Loc{BaseRoot, "src/lib.rs"}) || known {
		t.Errorf("locate below the second mount = %v, %v; want w:src/lib.rs, unknown", got, known)
	}
	if name, found := o.mentions("native=" + dir + "/mnt/native"); !found || name != dir+"/mnt" {
		t.Errorf("the name was not learnt: %q, %v", name, found)
	}
}

// A hard link must not be taken for the checkout: only where the directories are
// the same too does what is edited under one name show under the other.
func TestLocateHardLink(t *testing.T) {
	dir := realTempDir(t)
	cargotest.Write(t, dir, map[string]string{"repo/shared.txt": "x"})
	if err := os.Mkdir(filepath.Join(dir, "elsewhere"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(dir, "repo/shared.txt"), filepath.Join(dir, "elsewhere/shared.txt")); err != nil {
		t.Fatal(err)
	}
	o := new(Origin)
	o.add(BaseRoot, dir+"/repo")
	path := dir + "/elsewhere/shared.txt"
	if got, _ := o.locate(path); got != (Loc{BaseFixed, path}) {
		t.Errorf("locate(%s) = %v; want a fixed place", path, got)
	}
	if len(o.Names) != 1 {
		t.Errorf("the origin got the name %v", o.Names)
	}
}

func TestPlaceAbs(t *testing.T) {
	p := &Place{Workspace: &Workspace{Root: "/w", BuildDir: "/b"}, GitDir: "/g"}
	tests := []struct {
		loc  Loc
		want string
		ok   bool
	}{
		{Loc{BaseRoot, "src"}, "/w/src", true},
		{Loc{BaseRoot, ""}, "/w", true},
		{Loc{BaseBuild, "debug"}, "/b/debug", true},
		{Loc{BaseGit, "HEAD"}, "/g/HEAD", true},
		{Loc{BaseCommon, "HEAD"}, "", false}, // not under git that way
		{Loc{BaseFixed, "/etc/x"}, "/etc/x", true},
		{Loc{}, "", false}, // a manifest that leaves it out
	}
	for _, tt := range tests {
		if got, ok := p.Abs(tt.loc); got != tt.want || ok != tt.ok {
			t.Errorf("Abs(%v) = %q, %v; want %q, %v", tt.loc, got, ok, tt.want, tt.ok)
		}
	}
}

// realTempDir is a temporary directory by its real name.
func realTempDir(t testing.TB) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
