package mounts

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"
)

// What the kernel of this machine says is understood: /proc lies on itself.
func TestOf(t *testing.T) {
	m, err := Of("/proc/self")
	if err != nil || m.Point != "/proc" || m.Type != "proc" || m.Backing() != "" {
		t.Errorf("%+v, %v", m, err)
	}
	table, err := Table()
	if at, ok := At(table, "/proc"); err != nil || !ok || at.Type != "proc" {
		t.Errorf("%+v, %v", at, err)
	}
	if m, err := Of(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of nothing: %+v, %v", m, err)
	}
}
