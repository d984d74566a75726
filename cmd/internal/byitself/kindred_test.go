package byitself

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// Of many projects those count in which something was built last, whatever they are called.
func TestNewestFirst(t *testing.T) {
	top := t.TempDir()
	var dirs []string
	for i, profile := range []string{"debug", "release", ""} {
		dir := filepath.Join(top, string(rune('a'+i)))
		dirs = append(dirs, dir)
		if err := os.MkdirAll(filepath.Join(dir, profile), 0o777); err != nil {
			t.Fatal(err)
		}
		when := time.Now().Add(time.Duration(i-10) * time.Hour)
		if err := os.Chtimes(filepath.Join(dir, profile), when, when); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{dirs[1], dirs[0], dirs[2]} // nothing was built in the last
	if got := newestFirst(slices.Clone(dirs)); !slices.Equal(got, want) {
		t.Errorf("in the order %q, want %q", got, want)
	}
}
