package enabling

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
	"github.com/cargo-cow/cargo-cow/layers/wrapper"
)

// PlanEnable is what enabling would do: program, an absolute path, becomes the wrapper.
func (u *User) PlanEnable(program string) (*Plan, error) {
	p := &Plan{Automatic: u.Dirs.Automatic()}
	if p.Automatic == "" {
		return nil, fmt.Errorf("note that it is enabled: %w", wrapper.ErrNoHome)
	}
	setup := *u.Wrapper
	// Apart from all others, where no configuration but the user's names them: they can be removed.
	setup.Links = filepath.Join(u.Dirs.Data, paths.UserEnabled)
	c, err := setup.PlanEnable(wrapper.User, program)
	if err != nil {
		return nil, err
	}
	p.Configs = []*wrapper.Change{c}
	if touches := configTouches(c, program); touches != nil {
		p.steps = append(p.steps, configure(c, touches))
	}
	if c, err := u.completion(); err != nil {
		return nil, err
	} else if c != nil {
		p.Completions = []*Completion{c}
	}

	text, _ := regular.Read(p.Automatic)
	note := parse(string(text))
	note.configs = note.configs.with(c.File)
	if c.Changed {
		note.empty = note.empty.without(c.File)
		if c.WasEmpty() {
			note.empty = note.empty.with(c.File)
		}
	}
	for _, c := range p.Completions {
		if c.how != "" {
			note.completions = note.completions.with(c.File)
		}
	}
	for _, t := range append(p.Touches(), Touch{p.Automatic, Create}) {
		if t.How == Create {
			p.made = append(p.made, missingDirs(t.File)...)
		}
	}
	note.dirs = note.dirs.with(p.made...)
	if now := note.text(); now != string(text) {
		p.steps = append(p.steps, keep(p.Automatic, []byte(now)))
	}
	return p, nil
}

// configTouches are the files that a change which enables touches.
func configTouches(c *wrapper.Change, program string) (all []Touch) {
	if c.Link != "" {
		for _, name := range linkNames {
			file := filepath.Join(c.Link, name)
			to, err := os.Readlink(file)
			switch {
			case !exists(file):
				all = append(all, Touch{file, Create})
			case name == wrapper.Program && (err != nil || to != program):
				all = append(all, Touch{file, Write})
			}
		}
	}
	switch {
	case c.Changed && c.Made:
		all = append(all, Touch{c.File, Create})
	case c.Changed:
		all = append(all, Touch{c.File, Change})
	}
	return all
}
