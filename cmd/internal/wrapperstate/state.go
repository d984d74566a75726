// Package wrapperstate says how the wrapper of rustc stands in a checkout: whether cargo
// goes by it, what goes before it and how to mend that, whether this machine lets it
// work, and whether its calls are answered.
//
// It changes nothing (layers/wrapper does). A State is for one goroutine.
package wrapperstate

import (
	"github.com/cargo-cow/cargo-cow/layers/alias"
	"github.com/cargo-cow/cargo-cow/layers/wrapper"
)

// A State is how the wrapper stands here.
type State struct {
	Settings []wrapper.Setting // the one that cargo goes by first
	NoViews  error             // why directories cannot be shown at other paths on this machine, which is how the wrapper works
	Failure  string            // why calls were last handed on
	Store    string            // where units are kept, as enable has found out
	Answers  Answers           // whether calls can be answered, as status has found out
}

// Find finds the settings that hold, and whether the wrapper can work.
func Find(s *wrapper.Setup) (*State, error) {
	settings, err := s.Settings()
	if err != nil {
		return nil, err
	}
	return &State{Settings: settings, NoViews: alias.Probe(), Failure: s.Failure()}, nil
}

// First is the setting that cargo goes by; an empty one if there is none.
func (s *State) First() *wrapper.Setting {
	if len(s.Settings) == 0 {
		return &wrapper.Setting{}
	}
	return &s.Settings[0]
}

// Where names the variable or file of a setting.
func Where(s *wrapper.Setting) string {
	if s.Variable != "" {
		return s.Variable + " in the environment"
	}
	return s.In
}

// Remedy is how our wrapper comes before a setting of another.
func Remedy(s *wrapper.Setting) string {
	switch {
	case s.Variable != "" && s.Value == "":
		return "unset it"
	case s.Variable != "":
		return "unset it; to have both, name " + s.Value + " in Cargo's configuration, then run `cargo cow wrapper enable`"
	case s.Value == "":
		return "remove the key there"
	}
	return "run `cargo cow wrapper enable --project`, or remove the key there"
}
