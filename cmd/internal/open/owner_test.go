package open

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers"
)

func TestCheckOwner(t *testing.T) {
	dir := t.TempDir()
	if exists, err := checkOwner(dir); !exists || err != nil {
		t.Errorf("one's own: got %v, %v", exists, err)
	}
	if exists, err := checkOwner(filepath.Join(dir, "missing")); exists || err != nil {
		t.Errorf("missing: got %v, %v", exists, err)
	}
	write(t, filepath.Join(dir, "file"), "")
	if _, err := checkOwner(filepath.Join(dir, "file")); err == nil {
		t.Error("a file: no error")
	}
	foreign := "/" // for anybody but root, who tries another way
	if os.Geteuid() == 0 {
		foreign = filepath.Join(dir, "foreign")
		if err := errors.Join(os.Mkdir(foreign, 0o755), os.Chown(foreign, 12345, 12345)); err != nil {
			t.Fatal(err)
		}
	}
	var help *layers.HelpError
	if _, err := checkOwner(foreign); !errors.As(err, &help) {
		t.Errorf("another user's: got %v", err)
	}
}
