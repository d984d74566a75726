package whereabouts

import (
	"os"
	"path/filepath"
	"testing"
)

func TestOriginGone(t *testing.T) {
	dir := t.TempDir()
	dangling := filepath.Join(dir, "link")
	if err := os.Symlink("nowhere", dangling); err != nil {
		t.Fatal(err)
	}
	for root, want := range map[string]bool{
		dir: false, dangling: false, filepath.Join(dir, "x"): true, filepath.Join(dir, "x/y"): true,
		"": false, filepath.Join(dir, "not UTF-8: \uFFFD"): false,
	} {
		if got := OriginGone(root); got != want {
			t.Errorf("OriginGone(%q) = %v, want %v", root, got, want)
		}
	}
}
