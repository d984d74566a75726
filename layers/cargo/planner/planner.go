// Package planner has cargo say which units a build needs, without building any. Plans are kept by what
// decides them. A Planner has no state of its own between calls, and may be used by several goroutines.
package planner

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depset"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
)

// PlanningVariable is set in the environment of the program that a planning run calls as
// RUSTC_WRAPPER: see Planner.Wrapper.
const PlanningVariable = "CARGO_COW_PLANNING"

// ErrPlanning says that cargo could not tell which units a build needs.
var ErrPlanning = errors.New("cargo did not plan the build")

// Planner learns from cargo which units a build of a checkout needs, without
// building any: cargo fingerprints all of them before it runs the first, into a
// directory of its own, and then meets a compiler that refuses to compile.
// A run takes 0.1 to 0.4 s. It changes nothing in the checkout.
type Planner struct {
	Tool      project.Tool       // by which cargo is run
	Workspace *project.Workspace // that is to be built
	// Wrapper is the program that cargo calls instead of rustc. With
	// PlanningVariable in its environment it passes questions on to the
	// compiler it is told of (RefuseCompile) and fails otherwise.
	Wrapper string
	// Temp is where directories to plan in are made and removed again.
	Temp string
	// Notes is a file in which cargo's notes about the compiler are kept, which
	// spares the next run some 50 ms of questions. "" keeps none.
	Notes string
	// Kept is a directory in which plans are kept, by the fingerprint of the
	// checkout among others: those of one lockfile serve all its checkouts. ""
	// keeps none.
	Kept string
	// Fingerprint is the checkout's. Without one no plan is kept.
	Fingerprint *depset.Fingerprint
}

// Build is what cargo would be asked to build.
type Build struct {
	Profile string // profile directory: debug, x86_64-unknown-linux-gnu/release
	Check   bool   // cargo check instead of cargo build
	All     bool   // every target of every member, tests among them
}

// Builds are those that are commonly asked for in profiles: of the default targets and of all, and checks
// if anybody checks.
func Builds(profiles []string, checked bool) (builds []Build) {
	for _, profile := range profiles {
		// With the tests, other features of the dependencies may be wanted.
		builds = append(builds, Build{Profile: profile}, Build{Profile: profile, All: true})
		if checked {
			builds = append(builds, Build{Profile: profile, Check: true, All: true})
		}
	}
	return builds
}

func (b Build) args() []string {
	verb := "build"
	if b.Check {
		verb = "check"
	}
	triple, profile := filepath.Split(b.Profile)
	switch profile {
	case "debug":
		profile = "dev"
	}
	args := []string{verb, "--quiet", "--frozen", "--profile", profile}
	if triple != "" {
		args = append(args, "--target", strings.TrimSuffix(triple, "/"))
	}
	if b.All {
		args = append(args, "--workspace", "--all-targets")
	}
	return args
}

// compilerNotes is where cargo keeps what rustc answered (cargo 1.95,
// util/rustc.rs).
const compilerNotes = ".rustc_info.json"

// logMark precedes, in cargo's log, the path of each unit's hash file (cargo
// 1.95, fingerprint/mod.rs:prepare_target).
const logMark = "fingerprint at: "
