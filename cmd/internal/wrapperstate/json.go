package wrapperstate

import "github.com/cargo-cow/cargo-cow/layers/wrapper"

// JSON is the line of all commands that switch or look; c is nil where nothing was to be
// switched.
func (s *State) JSON(c *wrapper.Change) any {
	type setting struct {
		Variable string `json:"variable,omitempty"`
		File     string `json:"file,omitempty"`
		Program  string `json:"program"`
		Ours     bool   `json:"ours"`
		Chained  string `json:"chained,omitempty"`
		Missing  bool   `json:"missing,omitempty"`
	}
	line := struct {
		Enabled  bool      `json:"enabled"` // cargo goes by it here
		Program  string    `json:"program,omitempty"`
		Chained  string    `json:"chained,omitempty"`
		Settings []setting `json:"settings"` // what cargo goes by first, and what that hides
		Remedy   string    `json:"remedy,omitempty"`
		Views    bool      `json:"views"` // directories can be shown at other paths
		NoViews  string    `json:"no_views,omitempty"`
		Failure  string    `json:"failure,omitempty"` // why calls were last handed on in this build directory
		File     string    `json:"file,omitempty"`    // the one that enable or disable was about
		Changed  bool      `json:"changed,omitempty"`
		Store    string    `json:"store,omitempty"` // that enable has found or made
		Answers
	}{Settings: []setting{}, Failure: s.Failure, Store: s.Store, Answers: s.Answers}
	first := s.First()
	for i, set := range s.Settings {
		line.Settings = append(line.Settings, setting{set.Variable, set.In, set.Value, set.Ours, set.Next, set.Missing})
		if i > 0 && set.Ours && !first.Ours {
			line.Remedy = Remedy(first)
		}
	}
	if first.Ours {
		line.Enabled, line.Program, line.Chained = true, first.Value, first.Next
	}
	if line.Views = s.NoViews == nil; !line.Views {
		line.NoViews = s.NoViews.Error()
	}
	if c != nil {
		line.File, line.Changed = c.File, c.Changed
	}
	return line
}
