package world

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// judged builds in c and compares with a clean build of what lies there, and with what the tool had promised.
func (c *Checkout) judged(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("cargo without a command")
	}
	w := c.World
	c.baselines()
	c.excuse(args)
	start := time.Now()
	took := func() time.Duration {
		defer func() { start = time.Now() }()
		return time.Since(start).Round(10 * time.Millisecond)
	}
	promised, err := w.tool.Promise(c)
	if err := c.said(err); err != nil {
		return err
	}
	asked := took()
	got := c.observe(args)
	built := took()
	if w.ctx.Err() != nil {
		return w.ctx.Err()
	}
	w.Counts.Builds++
	w.begun(got)
	for _, u := range got.Units {
		if u.Fresh {
			w.Counts.Fresh++
		} else {
			w.Counts.Rebuilt++
		}
	}
	want, err := c.truth(args)
	if err != nil {
		return err
	}
	w.Log("   asked for a promise %s, built %s, built cleanly %s", asked, built, took())
	if f := c.compare(got, want); f != nil {
		return f
	}
	defer func() { c.built = args }()
	return c.kept(promised, got, !slices.Equal(args, c.built) && c.shares())
}

// shares reports whether cargo puts units of one command line where those of another lie: before 1.95 the id of what
// depends on a library without an id of its own, such as a cdylib, does not tell which units are below it, and which
// these are depends on the command line (seed 8006: a macro built for all targets is another one than for tests). Then
// nobody can say before what the next command finds there.
func (c *Checkout) shares() bool {
	if c.Var("RUSTUP_TOOLCHAIN") != "1.85.1" {
		return false
	}
	manifests, err := filepath.Glob(c.Path("*/Cargo.toml"))
	return err == nil && slices.ContainsFunc(manifests, func(name string) bool {
		text, err := os.ReadFile(name)
		return err == nil && strings.Contains(string(text), `"cdylib"`)
	})
}

// present runs the program that lies in a build directory that was acquired just now, before anything is built there, as
// somebody may: if there is one, it says what a clean build's says, but for what comes of a variable, which belongs to the
// command that will build and not to the place. Where cargo builds elsewhere, what lies in target is what was last built
// here, and no tool's affair.
func (c *Checkout) present() error {
	program := c.Path("target/debug/app")
	if !exists(program) || c.acquiredAt == 0 || c.acquiredAt != c.World.step-1 || exists(c.Path("intermediate")) {
		return errSkip
	}
	want, err := c.truth([]string{"build", "--workspace"})
	if err != nil {
		return err
	}
	out, err := c.Command(nil, program).Output()
	if err != nil {
		return &Fault{Kind: "stale", Detail: fmt.Sprintf("in %s the program that lies there: %v", c.Name, err)}
	}
	got, of := &Outcome{Succeeded: true}, &Outcome{Succeeded: want.Succeeded}
	for line := range strings.Lines(string(out)) {
		if says := "app: " + strings.TrimSpace(line); !c.isOfEnvironment(key(says)) {
			got.Says = append(got.Says, says)
		}
	}
	slices.Sort(got.Says)
	for _, says := range want.Says {
		if strings.HasPrefix(says, "app: ") && !c.isOfEnvironment(key(says)) {
			of.Says = append(of.Says, says)
		}
	}
	return c.compare(got, of)
}

// compare returns the fault in what was built, if there is one.
func (c *Checkout) compare(got, want *Outcome) error {
	if got.Succeeded != want.Succeeded {
		if len(c.excused) > 0 {
			c.World.Counts.Excused++
			c.World.Log("   excused: succeeds %v, clean %v: %s%s", got.Succeeded, want.Succeeded, got.Error, want.Error)
			// It may have left things half done.
			return nil
		}
		return &Fault{Kind: "broken", Detail: fmt.Sprintf("in %s cargo succeeds: %v; a clean build: %v\n%s%s", c.Name, got.Succeeded, want.Succeeded, got.Error, want.Error)}
	}
	if !got.Succeeded {
		return nil // both fail; what is wrong may be told in another order
	}
	var differ []string
	excused := false
	for _, d := range difference(got.Says, want.Says) {
		if c.isExcused(key(d[2:])) {
			excused = true
			continue
		}
		differ = append(differ, d)
	}
	if excused {
		c.World.Counts.Excused++
	}
	if len(differ) > 0 {
		return &Fault{Kind: "stale", Detail: fmt.Sprintf("in %s (- says, + a clean build says):\n%s", c.Name, strings.Join(differ, "\n"))}
	}
	return nil
}

// difference lists the lines of one sorted list that the other does not have, and the other way round.
func difference(got, want []string) (all []string) {
	i, j := 0, 0
	for i < len(got) || j < len(want) {
		switch {
		case j == len(want) || i < len(got) && got[i] < want[j]:
			all = append(all, "- "+got[i])
			i++
		case i == len(got) || want[j] < got[i]:
			all = append(all, "+ "+want[j])
			j++
		default:
			i, j = i+1, j+1
		}
	}
	return all
}

// kept compares cargo's verdicts with what was promised of the same units; of what others have taken the place of, if
// shared, only that what is dirty is rebuilt.
func (c *Checkout) kept(promised map[string]bool, got *Outcome, shared bool) error {
	if promised == nil || !got.Succeeded {
		return nil
	}
	var wrong []string
	for _, u := range got.Units {
		dirty, ok := promised[u.ID]
		if !ok {
			continue
		}
		if shared && !dirty {
			continue
		}
		c.World.Counts.Promises++
		if dirty == u.Fresh {
			wrong = append(wrong, fmt.Sprintf("%s: promised to be rebuilt: %v; cargo says fresh: %v", u, dirty, u.Fresh))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.Sort(wrong)
	return &Fault{Kind: "promise", Detail: "in " + c.Name + ": " + strings.Join(wrong, "\n")}
}

// Remove removes the world, also what a tool has sealed in it or left beside it under its name.
func (w *World) Remove(unseal func(dir string) error) error {
	if err := unseal(w.Dir); err != nil {
		return err
	}
	beside, err := filepath.Glob(w.Dir + ".*")
	for _, dir := range append(beside, w.Dir) {
		err = errors.Join(err, removeAll(dir))
	}
	return err
}

// removeAll removes a directory in which a tool may still be writing, in the background: mbx does.
func removeAll(dir string) (err error) {
	for range 50 {
		if err = os.RemoveAll(dir); err == nil {
			return nil
		}
		time.Sleep(200 * time.Millisecond)
	}
	return err
}
