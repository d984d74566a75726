package cargo

// Reason is why a unit will be rebuilt.
type Reason struct {
	Rule   Rule   `json:"rule"`
	Detail string `json:"detail"` // the file, line or path that decided
}

// UnitName identifies a unit to a person.
type UnitName struct {
	Package string `json:"package"`
	Target  string `json:"target"`
	// Kind is lib, bin, test, example, bench, proc-macro, build-script,
	// run-build-script or doc.
	Kind string `json:"kind"`
	// Test tells a unit built with the test harness.
	Test bool `json:"test,omitempty"`
	// Profile is the directory below the build directory: debug,
	// x86_64-unknown-linux-gnu/release.
	Profile string `json:"profile"`
	// Unit is package and id: liba-407a90833ee3607c.
	Unit string `json:"unit"`
}

// Verdict is what the next cargo build will do with one unit.
type Verdict struct {
	UnitName
	Fresh bool
	// Reason is set on a unit that is not fresh.
	Reason *Reason
	// Because lists the units it depends on that will be rebuilt, where that
	// is the reason.
	Because []string
	// Strange: its fingerprint is of a form whose hash nobody here can compute, so
	// that it cannot be rewritten for another place.
	Strange bool
}
