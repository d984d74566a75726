package main

import (
	"testing"

	"github.com/cargo-cow/cargo-cow/hack/project"
)

func TestIsEdit(t *testing.T) {
	lib := project.Unit{Package: project.Demo.Name, Kind: "lib"}
	bin := project.Unit{Package: project.Demo.Name, Kind: "bin"}
	other := project.Unit{Package: "serde", Kind: "lib"}
	for _, test := range []struct {
		compiled []project.Unit
		want     bool
	}{
		{nil, false},
		{[]project.Unit{lib, bin}, true},
		{[]project.Unit{lib}, false},
		{[]project.Unit{lib, other}, false},
		{[]project.Unit{lib, bin, other}, false},
	} {
		if got := isEdit(test.compiled); got != test.want {
			t.Errorf("isEdit(%v) = %v", test.compiled, got)
		}
	}
}
