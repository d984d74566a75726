package layers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
)

func TestMadeFrom(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "target")
	p := &Checkout{Workspace: &project.Workspace{BuildDir: dir}}
	if got := MadeFrom(p); got != "" {
		t.Errorf("no directory is made from %q", got)
	}
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if got := MadeFrom(p); got != "" {
		t.Errorf("a directory that tells nothing is made from %q", got)
	}
	for layer, want := range map[string]string{"../x": "", strings.Repeat("0", 32): strings.Repeat("0", 32)} {
		if err := (active.Provenance{Layer: layer, Restored: time.Now().UnixNano()}).Write(dir); err != nil {
			t.Fatal(err)
		}
		if got := MadeFrom(p); got != want {
			t.Errorf("with layer %q noted: %q, want %q", layer, got, want)
		}
	}
}
