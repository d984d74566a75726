package world

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/hack/differential/history"
)

// acquired: the build directory is true for the checkout as it lies now. What undo would bring back is what was there.
func (c *Checkout) acquired() {
	c.before = c.baseline
	c.excused, c.baseline = map[string]bool{}, c.values(nil)
	c.acquiredAt = c.World.step
}

// baselines is called before cargo builds: what it then finds changed, unseen, is its own affair. Where nothing is built,
// there is nothing that cargo could take for fresh, unless a tool gives it a state at that moment, for which it answers.
func (c *Checkout) baselines() {
	switch {
	case c.isHollow():
		c.acquired()
	case c.baseline == nil: // what is built came along
		c.baseline = c.values(nil)
	}
}

// isHollow reports whether nothing is built in c. What cargo notes of its compiler does not count, nor what tools note.
func (c *Checkout) isHollow() bool {
	for _, dir := range buildDirs {
		entries, _ := os.ReadDir(c.Path(dir)) // mostly one of them is not there
		for _, e := range entries {
			if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
				return false
			}
		}
	}
	return true
}

// undone: the build directory is again what it was before it was last acquired, and knows of nothing since.
func (c *Checkout) undone() {
	c.baseline, c.before = c.before, c.baseline
	if c.baseline == nil {
		c.baseline = map[string]string{}
	}
	c.excused = map[string]bool{}
	for key := range c.aged {
		c.excused[key] = true
	}
}

// excuse notes the hidden inputs that are not what they were when the build directory was acquired.
func (c *Checkout) excuse(args []string) {
	now := c.values(args)
	for key, value := range now {
		switch was, ok := c.baseline[key]; {
		case !ok || was == "":
			c.baseline[key] = value
		case was != value:
			c.excused[key] = true
		}
	}
}

// excusePath excuses what comes from a file that was given an old time; what lies beside the checkouts is everybody's.
func (c *Checkout) excusePath(path string) {
	if strings.HasPrefix(path, "../") {
		for _, o := range c.World.checkouts {
			o.excuseFile(path)
		}
		return
	}
	c.excuseFile(path)
}

func (c *Checkout) excuseFile(path string) {
	for _, in := range c.World.inputs {
		if in.Kind == history.File && in.Name == path || in.Kind == history.Tree && strings.HasPrefix(path, in.Name+"/") {
			c.excused[in.Key], c.aged[in.Key] = true, true
		}
	}
}

// excuseAll excuses every line.
func (c *Checkout) excuseAll(string) {
	for _, in := range c.World.inputs {
		c.excused[in.Key] = true
	}
	c.excused["*"] = true
}

// isExcused reports whether a line that differs may differ. What is read of the environment and told to nobody no tool
// can know: docs/soundness.md, "What is not covered". Nor can one know the next command line, on which cargo's variable for
// the packages it names depends, that is no part of its fingerprints (1.95, compilation.rs, CARGO_PRIMARY_PACKAGE).
func (c *Checkout) isExcused(key string) bool {
	return c.excused["*"] || c.excused[key] || slices.ContainsFunc(c.World.inputs, func(in history.Input) bool {
		return in.Key == key && in.Hidden && (in.Kind == history.Env || in.Kind == history.Args)
	})
}

// isOfEnvironment reports whether a line tells of a variable.
func (c *Checkout) isOfEnvironment(key string) bool {
	return slices.ContainsFunc(c.World.inputs, func(in history.Input) bool { return in.Key == key && in.Kind == history.Env })
}

// values are what hidden inputs are, by key: all that a key has together. That of a command line is known where there is
// one.
func (c *Checkout) values(args []string) map[string]string {
	all := map[string]string{}
	for _, in := range c.World.inputs {
		if !in.Hidden {
			continue
		}
		switch in.Kind {
		case history.File, history.Tree:
			all[in.Key] += digest(c.Path(in.Name))
		case history.Env:
			all[in.Key] += "env " + c.Var(in.Name)
		case history.Head:
			all[in.Key] += "head " + c.head()
		case history.Args:
			if args != nil {
				all[in.Key] += strings.Join(args, " ")
			}
		}
	}
	return all
}

// head is the commit and the branch, and whether a tracked file differs from the commit.
func (c *Checkout) head() string {
	out, err := c.Command(nil, "git", "log", "-1", "--format=%H %D").Output()
	if err != nil {
		return err.Error()
	}
	// diff-index by itself goes by times; what differs in content or mode, it says behind a refresh.
	_ = c.Command(nil, "git", "update-index", "-q", "--refresh").Run()
	if c.Command(nil, "git", "diff-index", "--quiet", "HEAD").Run() != nil {
		return string(out) + "dirty"
	}
	return string(out)
}

// digest tells two states of a file, a link or a directory apart; leaving out names below it that are in skip.
func digest(path string, skip ...string) string {
	h := sha256.New()
	err := filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(path, name)
		if err != nil {
			return err
		}
		for _, s := range skip {
			if rel == s && d.IsDir() {
				return fs.SkipDir
			} else if rel == s {
				return nil
			}
		}
		return addTo(h, rel, name, d)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return "absent"
	} else if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:12])
}

func addTo(h io.Writer, rel, name string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	fmt.Fprintf(h, "%q %v ", rel, info.Mode())
	if d.IsDir() {
		return nil
	}
	if d.Type()&fs.ModeSymlink != 0 {
		to, err := os.Readlink(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "-> %q ", to)
	}
	text, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // a link that leads nowhere
		return err
	}
	_, err = fmt.Fprintf(h, "%d %s", len(text), text)
	return err
}
