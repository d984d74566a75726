package foreign

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cargo-cow/cargo-cow/driver/drivertest"
)

// Directories of another user are found where a build makes them, in both layouts.
func TestForeignDirs(t *testing.T) {
	theirs := []string{
		"debug/.fingerprint/a-1", "debug/build/a-1", "debug/build/b-1/out/c/d", "debug/incremental/a-1", "debug/incremental/b-1/s-1",
		"doc/a", "release", "x86_64/debug/build/a/1", "x86_64/release/.fingerprint/a-1",
	}
	dir := func(t testing.TB) string {
		dir, err := os.MkdirTemp("", "foreign-")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		for _, name := range theirs {
			if err := os.MkdirAll(filepath.Join(dir, name, "inside"), 0o755); err != nil {
				t.Fatal(err)
			}
			for up := filepath.Dir(name); up != "."; up = filepath.Dir(up) {
				if err := os.Chown(filepath.Join(dir, up), 65534, 65534); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := errors.Join(os.Chmod(dir, 0o755), os.Chown(dir, 65534, 65534), os.WriteFile(dir+"/debug/root", nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	drivertest.AsUser(t, 65534, dir, func(t *testing.T, dir string) {
		got, err := Dirs(dir)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{}
		for _, name := range theirs {
			want = append(want, filepath.Join(dir, name))
		}
		if !slices.Equal(got, want) {
			t.Errorf("Dirs:\n%q, want\n%q", got, want)
		}
	})
}

func TestUserName(t *testing.T) {
	if got := UserName(0); got != "root" {
		t.Errorf("got %q", got)
	}
	if got := UserName(31007); got != "31007" {
		t.Errorf("a user without a name: got %q", got)
	}
}
