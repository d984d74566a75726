package main

import (
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/layers/alias"
)

func TestMain(m *testing.M) {
	alias.Main() // for Probe
	fixture.Main(m, "-tags=cowtest")
}
