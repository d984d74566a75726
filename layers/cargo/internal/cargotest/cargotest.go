// Package cargotest makes small workspaces and runs the real Cargo in them, for
// the tests of the packages that read what Cargo writes. Cargo runs offline and
// without the caller's flags, wrappers and target directory. The functions may
// be called from parallel tests.
package cargotest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Require returns the version of the toolchain ("" for the default one, else a
// rustup name such as "nightly"). Without it the test is skipped, or fails if
// CI is set.
func Require(t testing.TB, toolchain string) string {
	t.Helper()
	cmd := command(t.TempDir(), toolchain, "--version")
	out, err := cmd.CombinedOutput()
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("cargo %s is needed in CI: %v: %s", toolchain, err, out)
		}
		t.Skipf("SKIPPED, NOTHING WAS TESTED: cargo %s does not run: %v", toolchain, err)
	}
	return strings.TrimSpace(string(out))
}

// Toolchains are the versions of Rust that the program is held to, by rustup's
// names, the oldest first.
func Toolchains(t testing.TB) []string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		text, err := os.ReadFile(filepath.Join(dir, "hack/toolchains"))
		if err != nil {
			continue
		}
		var names []string
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				names = append(names, line)
			}
		}
		return names
	}
	t.Fatal("no hack/toolchains above the test")
	return nil
}

// Write makes the files below dir, with their directories. Those that are programs
// can be run at once.
func Write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		// What another test starts meanwhile would have the file open for writing, until
		// it is the other program, and the kernel runs no such file (ETXTBSY).
		syscall.ForkLock.RLock()
		err := os.WriteFile(path, []byte(content), 0o666)
		syscall.ForkLock.RUnlock()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Run runs cargo in dir with extra variables and returns its standard output.
// A failure ends the test.
func Run(t testing.TB, dir, toolchain string, env []string, args ...string) []byte {
	t.Helper()
	cmd := command(dir, toolchain, args...)
	cmd.Env = append(cmd.Env, env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("cargo %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return stdout.Bytes()
}

func command(dir, toolchain string, args ...string) *exec.Cmd {
	if toolchain != "" {
		args = append([]string{"+" + toolchain}, args...)
	}
	cmd := exec.Command("cargo", args...)
	cmd.Dir = dir
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		switch {
		case name == "CARGO_HOME":
		case strings.HasPrefix(name, "CARGO"), strings.HasPrefix(name, "RUSTC"), strings.HasPrefix(name, "RUSTFLAGS"),
			name == "RUSTUP_TOOLCHAIN", name == "MAKEFLAGS":
			continue
		}
		cmd.Env = append(cmd.Env, kv)
	}
	cmd.Env = append(cmd.Env, "CARGO_NET_OFFLINE=true")
	return cmd
}
