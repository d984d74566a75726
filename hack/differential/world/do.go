package world

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/cargo-cow/cargo-cow/hack/differential/history"
)

// Run does all steps of h. The error is a *Fault where something is wrong with the tool.
func (w *World) Run(steps []history.Step) error {
	for _, s := range steps {
		if err := w.Do(s); err != nil {
			return err
		}
	}
	return nil
}

// Do does the next step. One that cannot be done, because what it is about is not there (any more), is passed over.
func (w *World) Do(s history.Step) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	w.Log("%d: %s", w.step+1, s)
	start := time.Now()
	err := w.do(s)
	var f *Fault
	switch {
	case errors.Is(err, ErrNot) || errors.Is(err, errSkip):
		w.Counts.Skipped++
		w.Log("   passed over: %v", err)
		err = nil
	case errors.As(err, &f):
		f.Step = w.step
		err = f
	case err != nil && w.ctx.Err() == nil:
		err = fmt.Errorf("step %d: %s: %w", w.step+1, s, err)
	}
	w.Log("   %.1fs", time.Since(start).Seconds())
	w.step++
	w.Counts.Steps++
	return err
}

func (w *World) do(s history.Step) error {
	switch s.Verb() {
	case "set":
		w.env = append(w.env, s.Word(0)+"="+s.Word(1))
		return nil
	case "wrapper", "automatic":
		_, err := w.tool.Do(w.checkouts["a"], s.Verb(), s.Rest(0))
		return err
	}
	c := w.checkouts[s.Word(0)]
	if c == nil {
		return fmt.Errorf("%w: there is no %s", errSkip, s.Word(0))
	}
	if do, ok := verbs[s.Verb()]; ok {
		return do(c, s)
	}
	return fmt.Errorf("no step is called %q", s.Verb())
}

// verbs are the steps that are done in a checkout.
var verbs map[string]func(*Checkout, history.Step) error

func init() { // a table whose entries use it
	verbs = map[string]func(*Checkout, history.Step) error{
		"repository": (*Checkout).repository,
		"adopt":      func(c *Checkout, s history.Step) error { return c.said(c.World.tool.Adopt(c, s.Word(1))) },
		"worktree":   (*Checkout).worktree, "clone": (*Checkout).clone, "move": (*Checkout).move, "leave": (*Checkout).leave,
		"write": (*Checkout).write, "append": (*Checkout).append, "unappend": (*Checkout).unappend, "remove": (*Checkout).remove, "link": (*Checkout).link,
		"rename": (*Checkout).rename, "bump": (*Checkout).bump,
		"touch": (*Checkout).touch, "chmod": (*Checkout).chmod, "describe": (*Checkout).describe, "empty": (*Checkout).empty,
		"env": (*Checkout).setEnv, "commit": (*Checkout).commit, "git": (*Checkout).anyGit, "merge": (*Checkout).merge, "rebase": (*Checkout).merge,
		"cargo":    func(c *Checkout, s history.Step) error { return c.judged(s.Rest(1)) },
		"present":  func(c *Checkout, _ history.Step) error { return c.present() },
		"together": (*Checkout).together, "interrupt": (*Checkout).interrupt, "clean": (*Checkout).clean,
		"keep":    func(c *Checkout, _ history.Step) error { return c.said(c.World.tool.Keep(c)) },
		"acquire": (*Checkout).acquire, "undo": (*Checkout).undo, "graft": (*Checkout).other, "prune": (*Checkout).other, "check": (*Checkout).other, "dedupe": (*Checkout).other, "inside": (*Checkout).other,
		"switch": (*Checkout).switches,
		"new":    (*Checkout).another, "erase": (*Checkout).erase, "begin": (*Checkout).begin, "better": (*Checkout).better, "meanwhile": (*Checkout).meanwhile, "twice": (*Checkout).twice,
	}
}

// meanwhile builds in c, does a step there or elsewhere some time after that has begun, and judges both:
// meanwhile C OTHER MS STEP…
func (c *Checkout) meanwhile(s history.Step) error {
	other := c.World.checkouts[s.Word(1)]
	ms, err := strconv.Atoi(s.Word(2))
	if err != nil || len(s) < 5 {
		return errors.Join(errors.New("meanwhile C OTHER MS STEP…"), err)
	}
	if other == nil {
		return errSkip
	}
	build := []string{"build", "--workspace"}
	c.baselines()
	built := make(chan *Outcome)
	go func() { built <- c.observe(build) }()
	time.Sleep(time.Duration(ms) * time.Millisecond)
	err = c.World.do(s.Rest(3))
	c.World.begun(<-built)
	if err != nil && !errors.Is(err, errSkip) {
		return err
	}
	if err := c.judged(build); err != nil || other == c {
		return err
	}
	return other.judged(build)
}
