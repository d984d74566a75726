package main

import (
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

// crate publishes a version of a crate in the directory $WORK/registry, which
// stands for crates.io from then on.
func crate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || len(args[0]) < 4 {
		ts.Fatalf("usage: crate NAME VERSION")
	}
	r := fixture.LocalRegistry{Dir: ts.MkAbs(filepath.Join(ts.Getenv("WORK"), "registry")), Home: ts.Getenv("CARGO_HOME")}
	ts.Check(r.Publish(args[0], args[1]))
}
