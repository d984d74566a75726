package open

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/git"
)

// What a repository remembers may have been written by anybody who had its directory. It
// leads to no workspace outside of the working tree.
func FuzzMemory(f *testing.F) {
	f.Add([]byte(`{"version":2,"store":"/s","stores":[{"dir":"/s","named":true}],"workspaces":[".","a/b"]}`))
	f.Add([]byte(`{"version":1,"store":"/s","workspaces":["../../etc","/etc","a/../../b",""]}`))
	f.Add([]byte(`{"version":9}`))
	f.Add([]byte(`[[[[`))
	f.Fuzz(func(t *testing.T, text []byte) {
		repo := &git.Checkout{CommonDir: t.TempDir()}
		if err := os.MkdirAll(filepath.Dir(memoryPath(repo)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(memoryPath(repo), text, 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := ReadMemory(repo)
		if err != nil {
			return
		}
		for _, w := range m.Workspaces {
			if !filepath.IsLocal(w) {
				t.Errorf("remembers the workspace %q", w)
			}
		}
		if m.Version > memoryVersion {
			t.Errorf("version %d is taken for known", m.Version)
		}
	})
}
