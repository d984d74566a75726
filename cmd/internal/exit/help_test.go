package exit

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers"
)

func TestHelp(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("seal: %w", unix.ENOSPC), noSpace},
		{fmt.Errorf("seal: %w", unix.EDQUOT), noSpace},
		{fmt.Errorf("seal: %w", &layers.HelpError{Err: unix.ENOSPC, Help: "own"}), "own"},
		{fmt.Errorf("seal: %w", unix.EIO), ""},
		{Usage(fmt.Errorf("no command")), "see `cargo cow --help`"},
	} {
		if got := Help(tt.err); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.err, got, tt.want)
		}
	}
}
