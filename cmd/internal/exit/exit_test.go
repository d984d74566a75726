package exit

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

func TestCode(t *testing.T) {
	some := errors.New("some")
	for _, tt := range []struct {
		err  error
		want int
	}{
		{some, Failed},
		{Usage(some), Misused},
		{Partly(some), InPart},
		{Partly(layers.ErrBusy), InPart},
		{fmt.Errorf("show: %w", layers.ErrNotFound), NotFound},
		{fmt.Errorf("show: %w", warehouse.ErrNotFound), NotFound},
		{fmt.Errorf("verify: %w", layers.ErrNoUnit), NotFound},
		{Missing(some, "look there"), NotFound},
		{fmt.Errorf("restore: %w", layers.ErrBusy), Busy},
		{fmt.Errorf("read: %w", context.Canceled), Interrupted},
	} {
		if got := Code(tt.err); got != tt.want {
			t.Errorf("%v: code %d, want %d", tt.err, got, tt.want)
		}
	}
	if got := Help(Missing(some, "look there")); got != "look there" {
		t.Errorf("help of what is missing: %q", got)
	}
}

// The command nearest to the mistake is the one whose help is named.
func TestUsageOf(t *testing.T) {
	root, list, show := &cobra.Command{Use: "cargo-cow"}, &cobra.Command{Use: "list"}, &cobra.Command{Use: "show"}
	root.AddCommand(list, show)
	err := UsageOf(root, UsageOf(list, Usage(errors.New("some"))))
	if got, want := Help(err), "see `cargo cow list --help`"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if other := errors.New("other"); UsageOf(show, other) != other {
		t.Error("an error that is none of usage has become one")
	}
}
