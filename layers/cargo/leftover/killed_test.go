package leftover

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
	"github.com/cargo-cow/cargo-cow/layers/internal/flock"
)

// locked locks a file as a compiler would.
func locked(t *testing.T, path string) (unlock func()) {
	t.Helper()
	release, err := flock.TryLock(path, flock.Exclusive)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := release(); err != nil {
			t.Fatal(err)
		}
	}
}

// rustc asks the site's compiler.
func (s *site) rustc(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("rustc", args...)
	cmd.Env = s.environ()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("rustc: %v", err)
	}
	return out
}

// copied is the site as it is, under its own name: s is set back when the test is done with
// the copy, so that a build in it changes nothing.
func copied(t *testing.T, s *site) *site {
	t.Helper()
	saved := t.TempDir() + "/saved"
	cp := func(from, to string) {
		if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	cp(s.target(), saved)
	c := *s
	c.after = func() {
		if err := os.RemoveAll(s.target()); err != nil {
			t.Fatal(err)
		}
		cp(saved, s.target())
		if err := os.RemoveAll(saved); err != nil {
			t.Fatal(err)
		}
	}
	return &c
}

// kill starts a command and kills it, with all that it has started, after a time.
func (s *site) kill(t *testing.T, after time.Duration, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), after)
	defer cancel()
	cmd := exec.CommandContext(ctx, "cargo", args...)
	cmd.Dir = s.dir
	cmd.Env = s.environ()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	_ = cmd.Run()
}

// edit changes some sources so that their units are dirty, and keeps what they do.
func (s *site) edit(t *testing.T, files map[string]string, r *rand.Rand, n int) {
	t.Helper()
	var names []string
	for name := range files {
		if strings.HasSuffix(name, ".rs") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(s.dir, name)); err == nil && r.IntN(3) == 0 {
			cargotest.Write(t, s.dir, map[string]string{name: files[name] + fmt.Sprintf("// %d\n#[allow(dead_code)] fn unused_%d() { println!(\"{}\", %d) }\n", n, n, n)})
		}
	}
}

// Builds are killed at any moment, and what they leave is pruned: then each command finds
// all fresh that it would have found so without, and when a build is done, all is.
func TestKilledBuilds(t *testing.T) {
	asked := number(t, "CARGO_COW_TEST_ROUNDS")
	rounds := cmp.Or(asked, 1)
	for _, toolchain := range layouts {
		for shape, files := range map[string]map[string]string{"root": rootPackage, "members": members} {
			if asked == 0 && (toolchain == "") != (shape == "members") {
				continue // by default each layout has one shape
			}
			t.Run("rust "+toolchain+"/"+shape, func(t *testing.T) {
				t.Parallel()
				r := seeded(t)
				s := newSite(t, toolchain, files)
				if r.IntN(2) == 0 {
					s.build(t)
				} else {
					s.run(t, "check")
				}
				found := map[Reason]int{}
				for n := range rounds {
					for range 1 + r.IntN(3) {
						s.edit(t, files, r, n)
						s.kill(t, time.Duration(50+r.IntN(1500))*time.Millisecond, commands[r.IntN(len(commands))]...)
					}
					if r.IntN(3) == 0 {
						s.run(t, commands[r.IntN(len(commands))]...)
					}
					known, command := s.learn(t), commands[r.IntN(len(commands))]
					want := copied(t, s).states(t, command)
					for why, n := range reasons(s.prune(t, known)) {
						found[why] += n
					}
					got := copied(t, s).states(t, command)
					for unit, fresh := range want {
						if fresh && !got[unit] {
							t.Errorf("round %d: cargo %s: rebuilt %s", n, strings.Join(command, " "), unit)
						}
					}
				}
				s.build(t)
				plan := s.prune(t, s.learn(t))
				for why, n := range reasons(plan) {
					found[why] += n
				}
				s.wantFresh(t)
				t.Logf("found %v", found)
				for path := range list(t, s.target()) {
					// Of an object without its unit's id, as of a dynamic library of the workspace, nothing tells the unit.
					base := filepath.Base(path)
					object := strings.Contains(base, ".rcgu.") && outputFile.MatchString(base)
					if strings.HasPrefix(base, "rmeta") || strings.Contains(base, ".temp-archive") || object {
						t.Errorf("%s is still there", path)
					}
				}
			})
		}
	}
}

// A prune that is killed leaves nothing that is taken for whole: builds say what they said,
// and the next prune has the rest.
func TestKilledPrune(t *testing.T) {
	for _, toolchain := range layouts {
		if toolchain != "" && number(t, "CARGO_COW_TEST_ROUNDS") == 0 {
			continue // by default one layout
		}
		t.Run("rust "+toolchain, func(t *testing.T) {
			t.Parallel()
			r := seeded(t)
			s := newBumped(t, toolchain)
			s.build(t)
			s.run(t, "update", "-p", "regdep", "--precise", "1.0.1")
			s.run(t, "build", "--workspace") // all else is outdated, and its dependency gone
			known := s.learn(t)
			whole := s.find(t, known)
			steps := stepsOf(t, whole)
			if len(steps) < 20 {
				t.Fatalf("a plan of %d steps", len(steps))
			}
			saved := t.TempDir() + "/saved"
			if out, err := exec.Command("cp", "-a", s.target(), saved).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			var clean map[string]bool
			back := func() {
				t.Helper()
				if err := os.RemoveAll(s.target()); err != nil {
					t.Fatal(err)
				}
				if out, err := exec.Command("cp", "-a", saved, s.target()).CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
			}
			s.prune(t, known)
			clean = list(t, s.target())
			for range 8 {
				back()
				at := r.IntN(len(steps))
				for _, path := range steps[:at] {
					if err := os.Remove(filepath.Join(s.target(), path)); err != nil {
						t.Fatal(err)
					}
				}
				for unit, fresh := range copied(t, s).states(t, []string{"build", "--workspace"}) {
					if !fresh {
						t.Errorf("killed at %d of %d: rebuilt %s", at, len(steps), unit)
					}
				}
				s.prune(t, known)
				if after := list(t, s.target()); !maps.Equal(after, clean) {
					for path := range after {
						// Directories without a file may be Cargo's, and take no room.
						if fi, err := os.Lstat(filepath.Join(s.target(), path)); err != nil || fi.IsDir() && !holdsFile(filepath.Join(s.target(), path)) {
							continue
						}
						if !clean[path] {
							t.Errorf("killed at %d of %d: %s is still there", at, len(steps), path)
						}
					}
					for path := range clean {
						if !after[path] {
							t.Errorf("killed at %d of %d: %s is gone", at, len(steps), path)
						}
					}
				}
				s.build(t)
				s.wantFresh(t)
				if got := strings.TrimSpace(string(s.run(t, "run", "-q", "-p", "app"))); got != "1.0.1" {
					t.Errorf("killed at %d of %d: the program prints %q", at, len(steps), got)
				}
			}
		})
	}
}

// stepsOf lists every single removal of a plan, in its order.
func stepsOf(t *testing.T, p *Plan) (steps []string) {
	t.Helper()
	seen := map[string]bool{}
	for _, it := range p.Items {
		for _, rel := range it.Paths {
			var below []string
			for path := range list(t, filepath.Join(p.Dir, rel)) {
				below = append(below, filepath.Join(rel, path))
			}
			slices.Sort(below)
			for _, path := range slices.Backward(below) {
				if !seen[path] {
					seen[path] = true
					steps = append(steps, path)
				}
			}
		}
	}
	return steps
}
