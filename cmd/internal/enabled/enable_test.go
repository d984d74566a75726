package enabled

import (
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/driver/btrfs"
	"github.com/cargo-cow/cargo-cow/driver/plain"
)

// What a disk makes possible goes by what its driver claims, and each is told from the others.
func TestFromNowOn(t *testing.T) {
	for name, tt := range map[string]struct {
		d     driver.Driver
		views bool
		has   []string
		not   []string
	}{
		"snapshots":  {btrfs.Compressing(btrfs.Compression{}), true, []string{"(Some)", "constant time", "shares"}, []string{"views", "/d"}},
		"references": {plain.New(plain.Reflink), false, []string{"(Some)", "by reference", "shares", "(views: impossible)."}, []string{"constant", "full size"}},
		"copies":     {plain.New(plain.Copy), true, []string{"(Some)", "full size", "nothing is restored by itself"}, []string{"views", "shares"}},
		"nothing":    {nil, true, []string{"/d", "cargo cow status"}, []string{"Some", "shares"}},
	} {
		lines := fromNowOn("/d", tt.d, "Some", "a pool helps", tt.views)
		for _, text := range tt.has {
			if !strings.Contains(lines[2], text) {
				t.Errorf("%s: %q lacks %q", name, lines[2], text)
			}
		}
		for _, text := range tt.not {
			if strings.Contains(lines[2], text) {
				t.Errorf("%s: %q has %q", name, lines[2], text)
			}
		}
		for _, l := range lines {
			if strings.Contains(l, "\n") || !strings.HasSuffix(l, ".") {
				t.Errorf("%s: %q is no line", name, l)
			}
		}
	}
}
