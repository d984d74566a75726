package cargo

import (
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
)

func TestRecordDir(t *testing.T) {
	for record, want := range map[string]builddir.UnitDir{
		"debug/.fingerprint/a-b-0123456789abcdef":          {ProfileDir: "debug", Layout: builddir.LayoutClassic, Pkg: "a-b", Id: "0123456789abcdef", Record: ""},
		"t/release/build/a-b/0123456789abcdef/fingerprint": {ProfileDir: "t/release", Layout: builddir.LayoutUnits, Pkg: "a-b", Id: "0123456789abcdef", Record: ""},
	} {
		want.Record = record
		if got := builddir.ParseRecordDir(record); got != want {
			t.Errorf("%s: %+v, want %+v", record, got, want)
		}
	}
}
