package drivertest

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// asUserDir names the environment variable that tells a test, run again as
// another user, which directory to work in.
const asUserDir = "DRIVERTEST_AS_USER_DIR"

// AsUser runs the calling test again in a process of its own as the user, and
// group, with the id uid, without any capability. There it calls test with dir,
// which the user must be able to reach.
func AsUser(t *testing.T, uid int, dir func(t testing.TB) string, test func(t *testing.T, dir string)) {
	if dir := os.Getenv(asUserDir); dir != "" {
		if os.Getuid() != uid {
			t.Fatalf("running as %d, want %d", os.Getuid(), uid)
		}
		test(t, dir)
		return
	}
	// The link in /proc works though the directory of the test binary is private.
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1")
	cmd.Dir = "/"
	cmd.Env = []string{asUserDir + "=" + dir(t), "PATH=/usr/bin:/bin", "CI=" + os.Getenv("CI")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("as user %d: %v\n%s", uid, err, out)
	}
	// A test binary that found no such test would be content too.
	if !strings.Contains(string(out), "--- PASS: "+t.Name()) || strings.Contains(string(out), "--- SKIP") {
		t.Errorf("as user %d the test did not run in full:\n%s", uid, out)
	}
}
