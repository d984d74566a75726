package world

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cargo-cow/cargo-cow/hack/differential/history"
)

func (c *Checkout) repository(history.Step) error {
	for _, args := range [][]string{{"cargo", "fetch", "--quiet"}, {"git", "init", "-q", "-b", "main"}, {"git", "add", "--all"}, {"git", "commit", "-q", "-m", "first"}} {
		if err := c.run(args[0], args[1:]...); err != nil {
			return err
		}
	}
	return nil
}

func (c *Checkout) worktree(s history.Step) error {
	name := s.Word(1)
	to := c.World.at(name)
	for k, v := range c.env {
		to.env[k] = v
	}
	acquired, err := c.World.tool.Worktree(c, name, to.Dir)
	if err := c.said(err); err != nil {
		return err
	}
	if acquired {
		to.acquired()
	}
	return nil
}

func (c *Checkout) clone(s history.Step) error {
	to := c.World.at(s.Word(1))
	if err := c.run("git", "clone", "-q", "--no-hardlinks", c.Dir, to.Dir); err != nil {
		return err
	}
	return to.run("git", "checkout", "-q", "-B", to.Name)
}

func (c *Checkout) move(s history.Step) error {
	to := c.World.at(s.Word(1))
	to.env, to.aged = c.env, c.aged
	delete(c.World.checkouts, c.Name)
	git := ""
	if info, err := os.Lstat(c.Path(".git")); err == nil && info.Mode().IsRegular() {
		git = "worktree"
	}
	if err := os.Rename(c.Dir, to.Dir); err != nil {
		return err
	}
	// What was built elsewhere is nobody's promise here until it is acquired: cargo alone is judged.
	to.excuseAll("moved")
	if git != "" {
		return to.run("git", "--git-dir="+c.World.checkouts["a"].Path(".git"), "worktree", "repair", to.Dir)
	}
	return nil
}

func (c *Checkout) leave(history.Step) error {
	delete(c.World.checkouts, c.Name)
	if info, err := os.Lstat(c.Path(".git")); err == nil && info.Mode().IsRegular() {
		if a := c.World.checkouts["a"]; a.run("git", "worktree", "remove", "--force", c.Dir) == nil {
			return nil
		}
	}
	return os.RemoveAll(c.Dir)
}

// aged gives path an old time where the step says so, and notes it.
func (c *Checkout) written(s history.Step, path string) error {
	if s[len(s)-1] != "old" {
		return nil
	}
	return c.age(path)
}

func (c *Checkout) age(path string) error {
	old := time.Now().Add(-time.Hour)
	c.excusePath(path)
	for _, p := range []string{path, filepath.Dir(path)} {
		if err := os.Chtimes(c.Path(p), old, old); err != nil {
			return err
		}
	}
	return nil
}

func (c *Checkout) write(s history.Step) error {
	path := s.Word(1)
	// A new file where the old one was: a build in another checkout may be reading that.
	if err := os.Remove(c.Path(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeFile(c.Path(path), s.Word(2)+"\n"); err != nil {
		return err
	}
	return c.written(s, path)
}

// describe gives the workspace another description.
func (c *Checkout) describe(s history.Step) error {
	text, err := os.ReadFile(c.Path("Cargo.toml"))
	if err != nil {
		return err
	}
	var lines []string
	for line := range strings.SplitSeq(string(text), "\n") {
		if strings.HasPrefix(line, "description = ") {
			line = fmt.Sprintf("description = \"described %s\"", s.Word(1))
		}
		lines = append(lines, line)
	}
	if err := os.WriteFile(c.Path("Cargo.toml"), []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		return err
	}
	return c.written(s, "Cargo.toml")
}

func (c *Checkout) append(s history.Step) error {
	text, err := os.ReadFile(c.Path(s.Word(1)))
	if err != nil {
		return errSkip
	}
	return os.WriteFile(c.Path(s.Word(1)), append(text, s.Word(2)+"//appended\n"...), 0o644)
}

func (c *Checkout) unappend(s history.Step) error {
	text, err := os.ReadFile(c.Path(s.Word(1)))
	if err != nil {
		return errSkip
	}
	var kept strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.Contains(line, "//appended") {
			kept.WriteString(line)
		}
	}
	return os.WriteFile(c.Path(s.Word(1)), []byte(kept.String()), 0o644)
}

func (c *Checkout) remove(s history.Step) error {
	err := os.Remove(c.Path(s.Word(1)))
	if errors.Is(err, fs.ErrNotExist) {
		return errSkip
	}
	return err
}

// rename keeps the file's times, as git mv and every editor do.
func (c *Checkout) rename(s history.Step) error {
	from, to := c.Path(s.Word(1)), c.Path(s.Word(2))
	if !exists(from) || exists(to) {
		return errSkip
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// bump has the lockfile name another version of a package.
func (c *Checkout) bump(s history.Step) error {
	if err := c.run("cargo", "update", "--quiet", "--package", s.Word(1), "--precise", s.Word(2)); err != nil {
		c.World.Log("   %v", err) // the checkout has no such dependency, or an unmerged lockfile
		return errSkip
	}
	return c.run("cargo", "fetch", "--quiet")
}

func (c *Checkout) link(s history.Step) error {
	path := c.Path(s.Word(1))
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Symlink(s.Word(2), path)
}

func (c *Checkout) touch(s history.Step) error {
	path := s.Word(1)
	if _, err := os.Stat(c.Path(path)); err != nil {
		return errSkip
	}
	if s.Word(2) == "old" {
		return c.age(path)
	}
	now := time.Now()
	return os.Chtimes(c.Path(path), now, now)
}

func (c *Checkout) chmod(s history.Step) error {
	mode, err := strconv.ParseUint(s.Word(2), 8, 32)
	if err != nil {
		return err
	}
	if err := os.Chmod(c.Path(s.Word(1)), fs.FileMode(mode)); errors.Is(err, fs.ErrNotExist) {
		return errSkip
	} else if err != nil {
		return err
	}
	return nil
}

// empty takes the content of files and leaves their times, as a power cut does.
func (c *Checkout) empty(s history.Step) error {
	files, err := filepath.Glob(c.Path(s.Word(1)))
	if err != nil || len(files) == 0 {
		return errSkip
	}
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		if err := errors.Join(os.Truncate(name, 0), os.Chtimes(name, time.Time{}, info.ModTime())); err != nil {
			return err
		}
	}
	return nil
}

func (c *Checkout) setEnv(s history.Step) error {
	if len(s) < 4 {
		delete(c.env, s.Word(1))
	} else {
		c.env[s.Word(1)] = s.Word(2)
	}
	return nil
}

func (c *Checkout) commit(history.Step) error {
	if !exists(c.Path(".git")) {
		return errSkip // unpacked from an archive
	}
	if err := c.run("git", "add", "--all"); err != nil {
		return err
	}
	return c.run("git", "commit", "-q", "--allow-empty", "-m", fmt.Sprintf("step %d", c.World.step))
}

// anyGit runs git, which may say no: to a branch that another worktree has, to a stash that is not there.
func (c *Checkout) anyGit(s history.Step) error {
	if err := c.run("git", s.Rest(1)...); err != nil {
		c.World.Log("   %v", err)
		if s.Word(1) == "stash" { // popped upon something else
			_ = c.run("git", "checkout", "-q", "-f", "HEAD")
			_ = c.run("git", "reset", "-q", "--hard")
		}
	}
	return nil
}

// merge merges or rebases, in conflicts as the other side has it; what cannot be done so is taken back.
func (c *Checkout) merge(s history.Step) error {
	verb := s.Verb()
	args := map[string][]string{"merge": {"-q", "-X", "theirs", "--no-edit"}, "rebase": {"-q", "-X", "theirs"}}[verb]
	if err := c.run("git", append(append([]string{verb}, args...), s.Word(1))...); err != nil {
		c.World.Log("   %v", err)
		_ = c.run("git", verb, "--abort")
	}
	return nil
}

// together builds two checkouts at once, and then judges both.
func (c *Checkout) together(s history.Step) error {
	other := c.World.checkouts[s.Word(1)]
	if other == nil || other == c {
		return c.judged(s.Rest(2))
	}
	var wait sync.WaitGroup
	var built [2]*Outcome
	for i, o := range []*Checkout{c, other} {
		o.baselines()
		wait.Go(func() { built[i] = o.observe(s.Rest(2)) })
	}
	wait.Wait()
	c.World.begun(built[0])
	c.World.begun(built[1])
	if err := c.judged(s.Rest(2)); err != nil {
		return err
	}
	return other.judged(s.Rest(2))
}

// interrupt kills cargo and all that it has started, some time after it began.
func (c *Checkout) interrupt(s history.Step) error {
	ms, err := strconv.Atoi(s.Word(1))
	if err != nil {
		return err
	}
	c.baselines()
	ctx, cancel := context.WithTimeout(c.World.ctx, time.Duration(ms)*time.Millisecond)
	defer cancel()
	cmd := c.Command(c.World.tool.Env(c), "cargo", append(s.Rest(2), "--quiet")...)
	if err := cmd.Start(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer stop()
	_ = cmd.Wait() // killed, or done before
	return nil
}

func (c *Checkout) clean(history.Step) error {
	if err := c.run("cargo", "clean", "--quiet"); err != nil {
		return err
	}
	c.acquired()
	return nil
}

func (c *Checkout) acquire(history.Step) error {
	err := c.World.tool.Acquire(c)
	if err == nil {
		c.acquired()
		c.World.Counts.Acquired++
	}
	return c.said(err)
}

func (c *Checkout) undo(history.Step) error {
	_, err := c.World.tool.Do(c, "undo", nil)
	if err == nil {
		c.undone()
	}
	return c.said(err)
}

func (c *Checkout) other(s history.Step) error {
	_, err := c.World.tool.Do(c, s.Verb(), s.Rest(1))
	return c.said(err)
}

func (c *Checkout) switches(s history.Step) error {
	acquired, err := c.World.tool.Do(c, "switch", s.Rest(1))
	if errors.Is(err, ErrNot) {
		_ = c.run("git", "checkout", "-q", "--detach", s.Word(1))
		return nil
	}
	if acquired {
		c.acquired()
		c.World.Counts.Acquired++
	}
	return c.said(err)
}
