package enabling

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
	"github.com/cargo-cow/cargo-cow/layers/wrapper"
)

// PlanDisable is what disabling would do. The wrapper goes off, by whomever it was switched
// on.
func (u *User) PlanDisable() (*Plan, error) {
	p := &Plan{Automatic: u.Dirs.Automatic(), off: true}
	text, _ := regular.Read(p.Automatic)
	note := parse(string(text))
	setup := *u.Wrapper
	setup.Links = u.Dirs.Data // whichever directory of links it is
	for _, home := range append([]string{setup.CargoHome}, note.cargoHomes()...) {
		setup.CargoHome = home
		c, err := setup.PlanDisable(wrapper.User)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(p.Configs, func(d *wrapper.Change) bool { return d.File == c.File }) {
			continue
		}
		p.Configs = append(p.Configs, c)
		if c.Changed {
			p.steps = append(p.steps, unconfigure(c, note.empty.has(c.File)))
		}
	}
	if p.Automatic != "" && exists(p.Automatic) {
		p.steps = append(p.steps, keep(p.Automatic, nil))
	}
	for _, file := range u.completionFiles().with(note.completions...) {
		if c := look(file); c.State == Installed {
			c.how = Remove
			p.Completions = append(p.Completions, c)
		} else if c.State == Edited {
			p.Completions = append(p.Completions, c)
		}
	}
	p.made = note.dirs
	if u.Dirs.Data != "" {
		links := filepath.Join(u.Dirs.Data, paths.UserEnabled)
		entries, _ := os.ReadDir(links)
		for _, e := range entries {
			if e.IsDir() {
				p.links = append(p.links, filepath.Join(links, e.Name()))
			}
		}
		p.made = append(p.made, links)
	}
	return p, nil
}

// unconfigure is the step that takes the wrapper out of Cargo's configuration.
func unconfigure(c *wrapper.Change, wasEmpty bool) step {
	how := Change
	if c.Removes() && !wasEmpty {
		how = Remove
	}
	s := configure(c, []Touch{{c.File, how}})
	if wasEmpty {
		s.do = func() error {
			if err := c.Apply(); err != nil {
				return err
			}
			return c.KeepEmpty()
		}
	}
	return s
}
