package project_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
)

// A manifest that cannot be looked at, as on a disk that fails, is not one that is not
// there, though cargo says so.
func TestUnreadableManifest(t *testing.T) {
	cargotest.Require(t, "")
	dir := cargotest.RealTempDir(t)
	inside := filepath.Join(dir, "src")
	if err := errors.Join(os.Mkdir(inside, 0o755), os.Symlink("Cargo.toml", filepath.Join(dir, "Cargo.toml"))); err != nil {
		t.Fatal(err)
	}
	tool := project.Tool{Cargo: "cargo", Dir: inside, Environ: os.Environ()}
	if _, err := project.Locate(t.Context(), tool); !errors.Is(err, syscall.ELOOP) || errors.Is(err, project.ErrNoPackage) {
		t.Errorf("a manifest that is a link to itself: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "Cargo.toml")); err != nil {
		t.Fatal(err)
	}
	if _, err := project.Locate(t.Context(), tool); !errors.Is(err, project.ErrNoPackage) {
		t.Errorf("no manifest: %v", err)
	}
}
