package soundness

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/driver/pool"
)

// poolOnExt4 is a directory in a pool.
func poolOnExt4(t testing.TB, opts ...loopfs.Option) string {
	t.Helper()
	host := loopfs.Ext4(t, opts...)
	etc := filepath.Join(host, "etc")
	if err := os.Mkdir(etc, 0o755); err != nil {
		t.Fatal(err)
	}
	p := pool.At(filepath.Join(host, "pool")).With(etc)
	if _, err := p.Create(t.Context(), pool.Request{Size: 12 << 30}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { loopfs.Unmount(t, p.Mount) })
	return p.Mount
}

// TestDisks: a sample of the hazards is closed wherever a store can lie and whoever works there, by the same rules, whatever
// the driver does.
func TestDisks(t *testing.T) {
	t.Parallel()
	if os.Getenv("CARGO_COW_TEST_ENVIRON") != "" {
		return // that is about cargo
	}
	for _, disk := range []struct {
		name, driver string
		mount        func(testing.TB, ...loopfs.Option) string
	}{{"xfs", "reflink", loopfs.XFS}, {"ext4", "copy", loopfs.Ext4}, {"pool", "btrfs", poolOnExt4}, {"btrfs", "btrfs", loopfs.Btrfs}} {
		for _, uid := range []int{0, 31000} {
			if disk.name == "btrfs" && uid == 0 {
				continue // TestHazards
			}
			t.Run(fmt.Sprint(disk.name, "/", uid), func(t *testing.T) {
				t.Parallel()
				dir := filepath.Join(disk.mount(t, loopfs.Size(16<<30)), "w")
				if err := errors.Join(os.Mkdir(dir, 0o755), os.Chown(dir, uid, uid)); err != nil {
					t.Fatal(err)
				}
				for _, h := range hazards {
					if !slices.Contains(sample, h.name) {
						continue
					}
					s := newScene(h, dir)
					if uid != 0 {
						s.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}
						s.env = append(slices.Clone(s.env), userEnv(t, dir, uid)...)
					}
					t.Run(h.name, func(t *testing.T) {
						w := s.begin(t)
						if got := w.origin.Cow("init")[0]["driver"]; got != disk.driver {
							t.Fatalf("the driver is %v", got)
						}
						snapshot(w)
						s.withRules(w, true)
					})
				}
			})
		}
	}
}

// userEnv is an environment for a user who cannot enter the home that the toolchain may lie in.
func userEnv(t *testing.T, dir string, uid int) []string {
	t.Helper()
	home, toolchain := filepath.Join(dir, "home"), filepath.Join(dir, "toolchain")
	if !fixture.Exists(home) {
		fixture.ShowToolchain(t, toolchain)
		if err := errors.Join(os.Mkdir(home, 0o755), os.Chown(home, uid, uid)); err != nil {
			t.Fatal(err)
		}
	}
	return []string{
		"HOME=" + home, "CARGO_HOME=" + home + "/.cargo",
		"PATH=" + filepath.Dir(fixture.Program(t)) + ":" + toolchain + "/bin:/usr/local/bin:/usr/bin:/bin",
	}
}
