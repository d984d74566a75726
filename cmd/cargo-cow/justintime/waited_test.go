package justintime

import (
	"strings"
	"testing"
)

// commitTelling is the workspace with a program that tells the commit it was built at, by a script that says so much of
// what it read.
func (w *world) commitTelling(declared string) {
	w.origin.Write("app/build.rs", `fn main() {
    let out = std::process::Command::new("git").args(["rev-parse", "HEAD"]).output().unwrap();`+declared+`
    println!("cargo:rustc-env=COMMIT={}", String::from_utf8(out.stdout).unwrap().trim());
}
`)
	w.origin.Write("app/commit", "")
	w.origin.Write("app/src/main.rs", "fn main() { println!(\"{} {} {}\", lib::name(), outside::name(), env!(\"COMMIT\")) }\n")
	w.origin.Commit("tells its commit")
}

// What has waited since it looked at a checkout seals and restores nothing for the commit that was there before.
func TestWaited(t *testing.T) {
	w := newWorld(t, []string{"CARGO_COW_WAREHOUSE=off", "RUSTC_WRAPPER="})
	w.commitTelling(`
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=commit");`)
	w.origin.Must("cargo", "build", "--workspace")
	before := w.origin.Says("git", "rev-parse", "HEAD")
	w.origin.Cow("snapshot")
	for _, command := range []string{"snapshot", "restore"} {
		// Another one keeps it waiting, but no cargo.
		other := w.origin.StopCow("restore.verified", "restore")
		waits := w.origin.StartCow(command)
		waits.Says("Blocking")
		w.origin.Must("git", "commit", "--quiet", "--allow-empty", "--message=meanwhile")
		w.origin.Write("app/commit", command)
		w.origin.Must("cargo", "build", "--workspace")
		now := w.origin.Says("git", "rev-parse", "HEAD")
		other.Kill()
		other.Wait()
		if r := waits.Wait(); r.Code == 0 || !strings.Contains(r.Stdout+r.Stderr, "another commit was checked out meanwhile") {
			t.Errorf("%s: %v", command, r)
		}
		if said := w.origin.Says(w.origin.Target("debug/app")); said != "lib outside "+now {
			t.Errorf("after %s it says %q", command, said)
		}
	}
	place := w.origin.Worktree("place", before)
	place.Cow("restore")
	place.Must("cargo", "build", "--workspace")
	if said := place.Says(place.Target("debug/app")); said != "lib outside "+before {
		t.Errorf("at the commit before it says %q, want %q", said, before)
	}
}
