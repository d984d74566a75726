package warehouse

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

// keepsLater: not in a container's namespace, whose processes are all killed when its first one ends.
func keepsLater(t *testing.T) bool {
	t.Helper()
	ns, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		t.Fatal(err)
	}
	return ns == "pid:[4026531836]"
}

// waitKept waits until keepers have kept all that was put on their lists.
func (w *world) waitKept(within time.Duration) {
	w.T.Helper()
	for end := time.Now().Add(within); ; time.Sleep(20 * time.Millisecond) {
		lists, err := os.ReadDir(w.Path("store/warehouse/later"))
		if err != nil {
			w.T.Fatalf("nothing was put off: %v", err)
		}
		if len(lists) == 0 {
			return
		}
		if time.Now().After(end) {
			w.T.Fatalf("%d lists are left", len(lists))
		}
	}
}

// Unless something says that what outlives cargo will be killed, it is kept when cargo has gone, and serves all.
func TestKeptAfterTheBuild(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.workspace("a")
	w.lock("a")
	w.copy("a", "b")
	w.copy("a", "c")
	later := []string{"CARGO_COW_WAREHOUSE="}
	w.wantCompiled(w.good("a", later), everything...)
	if keepsLater(t) {
		w.waitKept(time.Minute)
	}
	w.Remove("a/target")
	w.wantCompiled(w.good("b", later))
	// In CI it is kept at once.
	w.Remove("store/warehouse")
	w.wantCompiled(w.good("c", append(later, "CI=true", "CARGO_INCREMENTAL=1")), everything...)
	if _, err := os.Stat(w.Path("store/warehouse/later")); err == nil {
		t.Error("in CI something is put off")
	}
	w.Remove("b/target")
	w.Remove("c/target")
	w.wantCompiled(w.good("b", later))
}

// What cargo has compiled is kept while what it has become runs on; nobody who waits for the end of what was inherited waits
// for the keeper.
func TestKeptWhileTheProgramRuns(t *testing.T) {
	t.Parallel()
	if !keepsLater(t) {
		t.Log("nothing is put off in this namespace")
		return
	}
	w := newWorld(t)
	w.project("a", appManifest+"-- src/main.rs --\nfn main() { std::thread::sleep(std::time::Duration::from_secs(600)) }\n")
	run := exec.Command("cargo", "run", "--quiet", "--offline")
	run.Dir, run.Env = w.Path("a"), append(w.Env, "CARGO_COW_WAREHOUSE=", "RUSTC_WRAPPER="+fixture.Wrapper(t))
	inherited, end, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer inherited.Close()
	run.ExtraFiles = []*os.File{end}
	run.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	end.Close()
	killed := false
	kill := func() {
		if !killed {
			killed = true
			_ = syscall.Kill(-run.Process.Pid, syscall.SIGKILL)
			_ = run.Wait()
		}
	}
	defer kill()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if lists, err := os.ReadDir(w.Path("store/warehouse/later")); err == nil && len(lists) > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing is put off")
		}
	}
	w.waitKept(time.Minute)
	kill()
	done := make(chan struct{})
	go func() {
		_, _ = inherited.Read(make([]byte, 1))
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Error("somebody still has what cargo was given")
	}
	w.copy("a", "b")
	w.Remove("b/target")
	w.Remove("a/target")
	w.wantCompiled(w.good("b", []string{"CARGO_COW_WAREHOUSE="}))
}
