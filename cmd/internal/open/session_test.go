package open

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/environ"
)

// session makes a session whose home is empty.
func session(t *testing.T, dir string, env ...string) *Session {
	t.Helper()
	s, err := New(Options{Dir: dir, Environ: append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, env...)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestNew(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	for _, dir := range []string{file, file + "-missing"} {
		if _, err := New(Options{Dir: dir}); err == nil {
			t.Errorf("New in %s: no error", dir)
		}
	}
}

func TestTestRules(t *testing.T) {
	if _, err := testRules(environ.Environ{"CARGO_COW_TEST_WITHOUT="}); err != nil {
		t.Error(err)
	}
}
