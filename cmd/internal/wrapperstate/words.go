package wrapperstate

import (
	"errors"
	"fmt"

	"github.com/cargo-cow/cargo-cow/cmd/internal/spawn"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/wrapper"
)

// Program finds the wrapper that was installed with this program.
func Program() (string, error) {
	program, err := spawn.Beside(wrapper.Program)
	if err != nil {
		return "", &layers.HelpError{
			Err:  errors.New("enable wrapper: there is no " + wrapper.Program + " beside this program or in PATH"),
			Help: "install " + wrapper.Program + " where cargo-cow is",
		}
	}
	return program, nil
}

// Warn tells what keeps the wrapper from being used, with the remedy.
func (s *State) Warn(term *ui.Terminal) {
	enabled := false
	for i := range s.Settings {
		set := &s.Settings[i]
		enabled = enabled || set.Ours
		if set.Ours && set.Missing {
			term.Warn("%s names %s, which is not there: cargo cannot build (run `cargo cow wrapper enable`)", Where(set), set.Value)
		}
	}
	if first := s.First(); enabled && !first.Ours {
		term.Warn("the wrapper is not used: %s goes before it (%s)", Where(first), Remedy(first))
	}
}

// Rows says what keeps calls from being answered.
func (a *Answers) Rows(tab *ui.Table) {
	switch {
	case a.NoCompiler != "":
		tab.Row("compiler", "calls are handed on: "+a.NoCompiler)
	case a.Compiler != "":
		tab.Row("compiler", a.Compiler)
	}
	if a.Members != "" {
		tab.Row("members", "calls for the workspace's packages are handed on: "+a.Members)
	}
	if a.Refused > 0 {
		tab.Row("last calls", fmt.Sprintf("%d of %d were handed on, most for: %s (see `cargo cow stats`)", a.Refused, a.Last, a.Why))
	}
}

// Help adds what the user can do about a file that cannot be changed.
func Help(err error) error {
	var we *wrapper.WriteError
	switch {
	case errors.As(err, &we) && we.Value != "":
		return &layers.HelpError{Err: err, Help: "set build.rustc-wrapper = " + we.Value + " by hand"}
	case errors.As(err, &we):
		return &layers.HelpError{Err: err, Help: "remove build.rustc-wrapper by hand"}
	}
	return err
}
