package recompile

import (
	"github.com/cargo-cow/cargo-cow/layers/alias"
	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
)

// ErrUnavailable says that nothing can be compiled where it was made on this machine, or by this user.
var ErrUnavailable = alias.ErrUnavailable

// Options say what to compile again, and with what.
type Options struct {
	Checkout *checkout.Checkout
	// Top is the root of the git checkout, or the workspace root.
	Top string
	// Tool runs cargo.
	Tool project.Tool
	// Clone is the clone of the build directory, and Temp a directory for what cargo must find outside of it.
	Clone, Temp string
	// Self is this program's file, which stands in for the compiler while cargo is asked.
	Self string
	// Wanted are the units to compile again.
	Wanted map[builddir.UnitName]bool
	// MadeAt says of the record of a unit that came from the warehouse in which directory it was compiled, to which
	// directory its outputs went, and what OUT_DIR was.
	MadeAt func(key string) (dir, outDir, outEnv string, ok bool)
	// Tell is told each verdict, by one goroutine at a time.
	Tell func(*Verdict)
}

// Result is what was found of a unit.
type Result string

// The results. They are part of what the program prints as JSON.
const (
	Equal     Result = "equal"            // byte for byte
	EqualBut  Result = "equal-but"        // for what can never be equal
	Varies    Result = "not-reproducible" // compilations differ between themselves
	Different Result = "different"        // compilations are equal, and what is there is another thing
	Failed    Result = "failed"           // it could not be compiled again
	Unknown   Result = "unknown"          // it was not tried; Why says why
)

// A Verdict is what was found of one unit.
type Verdict struct {
	builddir.UnitName
	Result Result `json:"verdict"`
	// But names what can never be equal.
	But []string `json:"but,omitempty"`
	// Differs lists the parts that differ.
	Differs []Part `json:"differs,omitempty"`
	// Why it failed, or is unknown.
	Why string `json:"why,omitempty"`
	// At is the workspace root that it was compiled at, where that is not the checkout's.
	At string `json:"at,omitempty"`
	// Tries counts the compilations.
	Tries int `json:"tries,omitempty"`
}

// A Part is a part of a file that differs.
type Part struct {
	File   string `json:"file"` // in the build directory
	Part   string `json:"part"`
	Detail string `json:"detail,omitempty"`
}
