package justintime

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

// Of two cargos that come at once one restores and the other waits for it: both find all fresh, and nothing is kept that
// somebody has built.
func TestTwoAtOnce(t *testing.T) {
	rounds := 20
	if fixture.EveryCargo() {
		rounds = 50
	}
	fixture.EachCargo(t, oneNewest, func(t *testing.T, env ...string) {
		w := newWorld(t, env)
		for n := range rounds {
			c := w.origin.Worktree(fmt.Sprint("place", n))
			one, two := c.StartMessages("build"), c.StartMessages("build")
			for _, p := range []*fixture.Process{one, two} {
				r := p.Wait()
				if r.Code != 0 {
					t.Fatal(r)
				}
				for _, m := range fixture.Messages(r.Stdout) {
					if m.Reason == "compiler-artifact" && !m.Fresh {
						t.Errorf("%d: built %s", n, m.Unit())
					}
				}
			}
			if !isRestored(c) {
				t.Errorf("%d: nothing is restored", n)
			}
			wantNothingLeft(c)
		}
	})
}

// A build that is over before the restore stays: the restore finds it and is in vain.
func TestSlowRestore(t *testing.T) {
	for _, point := range []string{"restore.verified", "restore.cloned", "restore.staged"} {
		t.Run(point, func(t *testing.T) {
			fixture.EachCargo(t, oneLater, func(t *testing.T, env ...string) {
				w := newWorld(t, append(env, "CARGO_COW_WAREHOUSE=off"))
				c := w.origin.Worktree("place")
				slow := c.With("CARGO_COW_CRASHPOINT=" + point + "=stop").StartMessages("build")
				stopped := restoreUnder(t, slow)
				c.Edit("app/src/main.rs", "println!(", "print!(\"mine \"); println!(")
				c.With("CARGO_COW=off").Must("cargo", "build")
				if err := syscall.Kill(stopped, syscall.SIGCONT); err != nil {
					t.Fatal(err)
				}
				if got := fixture.Compiled(t, slow.Wait()); len(got) > 0 || isRestored(c) {
					t.Errorf("built %q again", got)
				}
				if said := c.Says(c.Target("debug/app")); said[:5] != "mine " {
					t.Errorf("the program says %q", said)
				}
				wantNothingLeft(c)
			})
		})
	}
}

// Whoever is killed, the restore, cargo, or both: cargo builds what is right then or the next time, and nothing stays
// behind once a command has come by.
func TestKilled(t *testing.T) {
	of := map[string][]string{"restore": oneInstalled, "cargo": oneLater, "both": oneNewest}
	for _, point := range []string{"restore.verified", "restore.cloned", "restore.staged", "replace.aside", "restore.done"} {
		for _, who := range []string{"restore", "cargo", "both"} {
			t.Run(point+"/"+who, func(t *testing.T) {
				t.Parallel()
				fixture.EachCargo(t, of[who], func(t *testing.T, env ...string) {
					w := newWorld(t, env)
					c := w.origin.Worktree("place")
					build := c.With("CARGO_COW_CRASHPOINT=" + point + "=stop").StartMessages("build")
					stopped := restoreUnder(t, build)
					if who != "restore" {
						build.Kill()
						build.Wait()
					}
					if who != "cargo" {
						_ = syscall.Kill(stopped, syscall.SIGKILL)
					} else if err := syscall.Kill(stopped, syscall.SIGCONT); err != nil {
						t.Fatal(err)
					}
					if who == "restore" {
						// Cargo asks a second time where it has no answer yet.
						fixture.Eventually(t, "the end of cargo", func() bool {
							if again := stoppedBelow(build.Pid()); again != 0 {
								_ = syscall.Kill(again, syscall.SIGKILL)
							}
							return !build.Running()
						})
						if r := build.Wait(); r.Code != 0 {
							t.Error(r)
						}
					}
					fixture.Eventually(t, "the end of the restore", func() bool { return syscall.Kill(stopped, 0) != nil })
					c.Must("cargo", "build")
					if said := c.Says(c.Target("debug/app")); said != "lib outside\n" && said != "lib outside" {
						t.Errorf("the program says %q", said)
					}
					if got := ran(c, "build"); len(got) > 0 {
						t.Errorf("built %q again", got)
					}
					c.Cow("snapshot")
					wantNothingLeft(c)
					w.origin.Cow("check")
				})
			})
		}
	}
}

// restoreUnder waits until the restore that a cargo waits for has stopped itself, and returns its process.
func restoreUnder(t *testing.T, cargo *fixture.Process) (pid int) {
	t.Helper()
	fixture.Eventually(t, "a stopped restore", func() bool {
		if !cargo.Running() {
			t.Fatalf("cargo did not wait: %v", cargo.Wait())
		}
		pid = stoppedBelow(cargo.Pid())
		return pid != 0
	})
	return pid
}
