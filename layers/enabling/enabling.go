// Package enabling has this program act by itself for a user, and undoes that: the wrapper
// is on in Cargo's configuration, the file says so that others look for, and the shell
// completes commands.
//
// What it will do is planned first, without a write. It is then done wholly, or, if a step
// fails, what came before it is taken back; completions alone may fail. Disabling leaves
// every file as it was before, byte for byte, and removes the directories that were made, if
// they are empty: what was made is noted in the file. A process that is killed leaves steps
// done, and doing the same again does the rest; but which directories were made before, and
// that a file was empty, is then forgotten.
//
// Plans are for one goroutine. Two processes that enable and disable at once may undo each
// other's steps.
package enabling

import (
	"errors"
	"path/filepath"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/wrapper"
)

// Plan is what is to be done, each step after those that may rather fail.
type Plan struct {
	Configs     []*wrapper.Change // in Cargo's configuration
	Automatic   string            // the file that says so
	Completions []*Completion     // of the shell's; if disabled, all that are ours

	steps []step
	// What fails of the following undoes nothing.
	links []string // of the wrapper's, which nothing names any more
	made  []string // directories that go if they are empty: by a failure, or by disabling
	off   bool
}

// Touches lists the files that the plan touches, in its order.
func (p *Plan) Touches() []Touch {
	all := []Touch{}
	for _, s := range p.steps {
		all = append(all, s.touches...)
	}
	for _, c := range p.Completions {
		if c.how != "" {
			all = append(all, Touch{c.File, c.how})
		}
	}
	for _, dir := range p.links {
		for _, name := range linkNames {
			if file := filepath.Join(dir, name); exists(file) {
				all = append(all, Touch{file, Remove})
			}
		}
	}
	return all
}

// Changes reports whether there is anything to do.
func (p *Plan) Changes() bool { return len(p.Touches()) > 0 }

// CarryOut does what was planned, or nothing of it. What became of completions stands there.
func (p *Plan) CarryOut() error {
	for i, s := range p.steps {
		if err := s.do(); err != nil {
			for _, done := range slices.Backward(p.steps[:i+1]) {
				err = errors.Join(err, done.undo())
			}
			if !p.off {
				removeDirs(p.made)
			}
			return err
		}
	}
	for _, c := range p.Completions {
		c.carryOut()
	}
	var errs []error
	for _, dir := range p.links {
		errs = append(errs, removeLink(dir))
	}
	if p.off {
		removeDirs(p.made)
	}
	return errors.Join(errs...)
}
