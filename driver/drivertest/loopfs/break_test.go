package loopfs

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// What is broken answers with EIO, and has everything again when it is mended.
func TestBreak(t *testing.T) {
	for name, mount := range map[string]func(testing.TB, ...Option) string{"xfs": XFS, "ext4": Ext4} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := mount(t)
			file := filepath.Join(dir, "file")
			if err := os.WriteFile(file, make([]byte, 10_000), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := Break(dir); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "other"), nil, 0o644); !errors.Is(err, unix.EIO) {
				t.Errorf("write to what is broken: %v, want EIO", err)
			}
			Mend(t, dir)
			if info, err := os.Stat(file); err != nil || info.Size() != 10_000 {
				t.Errorf("what was written before: %v, %v", info, err)
			}
			if err := os.WriteFile(filepath.Join(dir, "other"), nil, 0o644); err != nil {
				t.Error(err)
			}
		})
	}
}
