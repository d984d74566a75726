package locate

import (
	"os"
	"testing"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

func TestOwnerOfCheckout(t *testing.T) {
	if os.Geteuid() != 0 {
		loopfs.Unavailable(t, "only root can give files away")
	}
	const uid = 31000
	dir := t.TempDir()
	for name, owner := range map[string]int{
		"/theirs/.git/HEAD": uid, "/theirs/member/Cargo.toml": uid, "/theirs/member/src/lib.rs": 0,
		// A directory that a user made, and root has filled: a job in a container.
		"/job/.git/HEAD": 0, "/job/Cargo.toml": uid, "/plain/Cargo.toml": uid, "/none/x": uid,
	} {
		write(t, dir+name, "")
		if err := os.Chown(dir+name, owner, owner); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir+"/added/.git", "gitdir: "+dir+"/theirs/.git/worktrees/added\n")
	write(t, dir+"/theirs/.git/worktrees/added/commondir", "../..\n")
	for path, owner := range map[string]int{"/theirs": uid, "/theirs/.git": uid, "/job": 0, "/job/.git": 0} {
		if err := os.Chown(dir+path, owner, owner); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(dir+"/job", uid, uid); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{
		"/theirs": uid, "/theirs/member/src": uid, "/theirs/target/debug": uid, "/job": 0, "/job/src": 0, "/plain/target": uid, "/added/src": uid, "/none": 0, "": 0,
	} {
		got, yes := Trespass(dir + path)
		if got != want || yes != (want != 0) {
			t.Errorf("%s: %d, %v, want %d", path, got, yes, want)
		}
	}
}
