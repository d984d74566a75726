package policy

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An exchange of the wrong thing makes the kernel force a whole Btrfs read-only, so
// there is one place that exchanges, and looks before it does (driver.ErrStub).
func TestOnePlaceExchanges(t *testing.T) {
	const place = "driver/exchange.go"
	found := false
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "bin") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !bytes.Contains(text, []byte("Renameat2(")) && !bytes.Contains(text, []byte("RENAME_EXCHANGE")) {
			return nil
		}
		if rel, _ := filepath.Rel(root, path); rel != place {
			t.Errorf("%s exchanges by itself: use driver.Exchange or driver.Publish", rel)
		} else {
			found = true
		}
		return nil
	})
	if err != nil || !found {
		t.Fatalf("%s does not exchange: this looks for the wrong thing (%v)", place, err)
	}
}
