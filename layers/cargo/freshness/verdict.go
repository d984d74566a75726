package freshness

import (
	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Verdict is what the next cargo build will do with one unit.
type Verdict struct {
	builddir.UnitName
	Fresh bool // Cargo leaves it alone
	// Reason is set on a unit that is not fresh.
	Reason *rule.Reason
	// Because lists the units it depends on that will be rebuilt, where that
	// is the reason.
	Because []string
	// Irreproducible: its fingerprint is of a form whose hash this program cannot compute,
	// so that it cannot be rewritten for another checkout.
	Irreproducible bool
}

// Noted is a reason that a restore found against a unit. It is kept with the build
// directory, so that a later Explain can say why the unit is dirty.
type Noted struct {
	Record paths.Path `json:"record"`
	File   string     `json:"file"`
	rule.Reason
}
