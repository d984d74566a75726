package world

import (
	"errors"

	"github.com/cargo-cow/cargo-cow/hack/differential/history"
)

// another makes a checkout in one of the ways in which people do: new FROM NAME WAY [COMMIT]. What is built in FROM does not
// come along. A copy has what lies in FROM, times included; an archive has no repository, and all its files are as old as the
// commit.
func (c *Checkout) another(s history.Step) error {
	name, way, commit := s.Word(1), s.Word(2), s.Word(3)
	w := c.World
	if w.checkouts[name] != nil || exists(w.path(name)) || way != "copy" && !exists(c.Path(".git")) {
		return errSkip
	}
	if commit == "" || c.run("git", "rev-parse", "-q", "--verify", commit+"^{commit}") != nil {
		commit = "HEAD"
	}
	to := w.at(name)
	for k, v := range c.env {
		to.env[k] = v
	}
	var err error
	switch way {
	case "worktree":
		_ = c.run("git", "worktree", "prune")
		err = c.run("git", "worktree", "add", "-q", "-B", name, to.Dir, commit)
	case "clone":
		if err = c.run("git", "clone", "-q", "--no-hardlinks", "--no-checkout", c.Dir, to.Dir); err == nil {
			err = c.run("sh", "-c", `git -C "$1" checkout -q -B "$2" "$(git rev-parse "$3")"`, "sh", to.Dir, name, commit)
		}
	case "copy":
		err = c.run("sh", "-c", `mkdir "$1" && tar --exclude=./target --exclude=./intermediate -c . | tar -x -p -C "$1"`, "sh", to.Dir)
	case "archive":
		err = c.run("sh", "-c", `mkdir "$1" && git archive "$2" | tar -x -C "$1"`, "sh", to.Dir, commit)
	default:
		return errors.New("no checkout is made by " + way)
	}
	if err != nil { // a branch that is checked out elsewhere
		w.Log("   %v", err)
		delete(w.checkouts, name)
		return errors.Join(errSkip, removeAll(to.Dir))
	}
	return nil
}

// erase removes a checkout without a word to git.
func (c *Checkout) erase(history.Step) error {
	delete(c.World.checkouts, c.Name)
	return removeAll(c.Dir)
}

// begin has cargo look at its compiler, and build nothing: what a tool then gives it is asked for a promise before the first
// build.
func (c *Checkout) begin(history.Step) error {
	c.baselines()
	c.looked = c.isHollow()
	t := c.World.tool
	_ = c.Command(t.Env(c), t.Cargo(), "build", "--offline", "--quiet", "--bin=none-of-this-name").Run() // there is none
	return nil
}

// twice has two cargos build at once in c, one of them something else, and judges what they leave.
func (c *Checkout) twice(s history.Step) error {
	c.baselines()
	args := s.Rest(1)
	done := make(chan struct{})
	t := c.World.tool
	go func() {
		defer close(done)
		_ = c.Command(t.Env(c), t.Cargo(), "check", "--workspace", "--offline", "--quiet").Run() // what does not compile is judged below
	}()
	built := c.observe(args)
	<-done
	c.World.begun(built)
	return c.judged(args)
}

// better has the tool replace what is built only by what is better.
func (c *Checkout) better(history.Step) error {
	acquired, err := c.World.tool.Do(c, "better", nil)
	if acquired {
		c.acquired()
		c.World.Counts.Acquired++
	}
	return c.said(err)
}

// path is where a checkout of a name is, or would be.
func (w *World) path(name string) string { return (&Checkout{Dir: w.Dir}).Path(name) }
