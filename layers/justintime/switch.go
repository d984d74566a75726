package justintime

import "slices"

// Switch is the variable that with the value Off switches all of this program off for one command, but for commands of
// its own.
const (
	Switch = "CARGO_COW"
	Off    = "off"
)

// IsOff reports whether an environment switches this program off.
func IsOff(env []string) bool { return slices.Contains(env, Switch+"="+Off) }
