package open

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/driver/btrfs"
)

// The page about disks says what drivers claim, which the conformance suite proves.
func TestDriversPage(t *testing.T) {
	page, err := os.ReadFile("../../../docs/drivers.md")
	if err != nil {
		t.Fatal(err)
	}
	said := func(is bool) string {
		if is {
			return "yes"
		}
		return "no"
	}
	for _, d := range drivers(btrfs.Compression{}) {
		c := d.Caps()
		row := fmt.Sprintf("| `%s` | %s | %s | %s | %s |\n", d.Name(), said(c.ConstantTime), said(c.SharesData), said(c.EnforcesSeal), said(c.SharedUsage))
		if !strings.Contains(string(page), row) {
			t.Errorf("docs/drivers.md lacks %q", row)
		}
	}
}
