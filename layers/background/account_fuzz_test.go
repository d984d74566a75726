package background

import (
	"os"
	"path/filepath"
	"testing"
)

// An account may be anything: it says that something failed, or nothing.
func FuzzAccount(f *testing.F) {
	f.Add([]byte(`{"build_dir":"/a/target","started":"2026-01-02T03:04:05Z","error":"disk full"}`))
	f.Add([]byte(`{"error":7}`))
	f.Add([]byte(`{"error":"\u001b[2J"}`))
	f.Add([]byte("\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		store := t.TempDir()
		path := file(store, "/a/target")
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := ReadState(store, "/a/target")
		if err != nil || s.Running || (s.Failure == "") != (len(text) == 0) {
			t.Errorf("%q: %+v, %v", text, s, err)
		}
	})
}
