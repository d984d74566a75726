package inputs

import (
	"context"

	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/sourcelist"
)

// NewestSource returns what Cargo records of the newest file of the package in home: the
// fingerprint of a script that declares no inputs.
func NewestSource(ctx context.Context, co *checkout.Checkout, home string) (string, error) {
	opts := sourcelist.Options{}
	if co.RunGit != nil {
		opts.Git = func(_ context.Context, dir string, args ...string) ([]byte, error) { return co.RunGit(dir, args...) }
	}
	return sourcelist.Newest(ctx, home, opts)
}
