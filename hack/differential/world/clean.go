package world

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// coveredArg is what this program is called with to make a clean build under covers.
const coveredArg = "clean-build-under-covers"

// covered is what it is told.
type covered struct {
	World, Checkout, Covers string
	Env, Args               []string
	Notes                   string // a file with what cargo notes of the compiler
	Away                    string // what lies in the world on a file system of its own, "" for nothing
}

// truth is the outcome of a clean build of what lies in c now: sources and what lies beside the checkouts by content, the
// commit, the command and its environment.
func (c *Checkout) truth(args []string) (*Outcome, error) {
	w := c.World
	key := sha256.Sum256([]byte(strings.Join([]string{c.Dir, strings.Join(args, "\x00"), strings.Join(c.cleanEnv(), "\x00"), c.head(),
		digest(c.Dir, ".git", "target", "intermediate"), w.beside()}, "\x01")))
	if known := w.truths.get(key); known != nil {
		return known, nil
	}
	o, err := c.cleanBuild(args)
	if err == nil {
		w.Counts.Clean++
		w.truths.put(key, o)
	}
	return o, err
}

// beside tells two states of what lies beside the checkouts apart. Tools keep what is theirs there as well, in directories
// that no history writes to.
func (w *World) beside() string {
	entries, err := os.ReadDir(w.Dir)
	if err != nil {
		return err.Error()
	}
	var all []string
	for _, e := range entries {
		if name := e.Name(); !e.IsDir() || name == "ext" || name == ".cargo" {
			all = append(all, name, digest(filepath.Join(w.Dir, name)))
		}
	}
	return strings.Join(all, "\x00")
}

// cleanBuild builds what lies in c at its own path, in a mount namespace of its own in which the world has an overlay
// over it and the build directories are empty.
func (c *Checkout) cleanBuild(args []string) (*Outcome, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	w := c.World
	job, err := json.Marshal(covered{World: w.Dir, Checkout: c.Dir, Covers: w.covers, Env: c.cleanEnv(), Args: args, Notes: c.notes(), Away: w.away})
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(w.ctx, self, coveredArg)
	cmd.Stdin = bytes.NewReader(job)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Cloneflags: syscall.CLONE_NEWNS}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("build cleanly in %s: %w: %s", c.Name, err, stderr.Bytes())
	}
	var o Outcome
	if err := json.Unmarshal(out, &o); err != nil {
		return nil, fmt.Errorf("build cleanly in %s: %w", c.Name, err)
	}
	return &o, nil
}

// cleanEnv is the environment of clean builds: without the tool's own, and without incremental state, which a build in an
// empty directory only writes, for a third of its time.
func (c *Checkout) cleanEnv() []string { return append(c.environ(nil), "CARGO_INCREMENTAL=0") }

// notesName is where cargo notes in a build directory what rustc has answered, by the compiler's path, time and
// environment (cargo 1.95, util/rustc.rs). Without it each clean build begins with five questions to rustc.
const notesName = ".rustc_info.json"

// notes is the checkout's file of notes, if it has one.
func (c *Checkout) notes() string {
	for _, dir := range buildDirs {
		if name := c.Path(filepath.Join(dir, notesName)); exists(name) {
			return name
		}
	}
	return ""
}

// Covered does what cleanBuild asks of this program, and reports whether it was called for that. It is to be called
// first thing in main, and in TestMain.
func Covered() bool {
	if len(os.Args) != 2 || os.Args[1] != coveredArg {
		return false
	}
	if err := underCovers(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
	return true
}

func underCovers(in io.Reader, out io.Writer) error {
	var job covered
	if err := json.NewDecoder(in).Decode(&job); err != nil {
		return err
	}
	var notes []byte
	if job.Notes != "" {
		var err error
		if notes, err = os.ReadFile(job.Notes); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if err := job.cover(); err != nil {
		return fmt.Errorf("cover %s: %w", job.World, err)
	}
	for _, dir := range buildDirs {
		if notes == nil {
			break
		}
		if err := os.WriteFile(filepath.Join(job.Checkout, dir, notesName), notes, 0o644); err != nil {
			return err
		}
	}
	o := observe(func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.Env = job.Checkout, job.Env
		return cmd
	}, job.Args)
	return json.NewEncoder(out).Encode(o)
}

// cover hides everything that is written in the world from now on, and what was built there. All of it is in memory,
// and goes with the process.
func (job *covered) cover() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := unix.Mount("covers", job.Covers, "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	names := append([]string{"upper", "work", "away", "away-upper", "away-work"}, buildDirs...)
	for _, name := range names {
		if err := os.Mkdir(filepath.Join(job.Covers, name), 0o755); err != nil {
			return err
		}
	}
	away := filepath.Join(job.Covers, "away")
	if job.Away != "" { // an overlay does not show what is mounted below it
		if err := unix.Mount(job.Away, away, "", unix.MS_BIND, ""); err != nil {
			return err
		}
	}
	if err := job.overlay(job.World, job.World, ""); err != nil {
		return err
	}
	if job.Away != "" {
		if err := job.overlay(job.Away, away, "away-"); err != nil {
			return err
		}
	}
	for _, name := range buildDirs {
		over := filepath.Join(job.Checkout, name)
		if err := os.MkdirAll(over, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(filepath.Join(job.Covers, name), over, "", unix.MS_BIND, ""); err != nil {
			return err
		}
	}
	return nil
}

// overlay shows a directory at place, in which what is written goes to memory.
func (job *covered) overlay(place, lower, name string) error {
	options := []string{"lowerdir=" + lower, "upperdir=" + filepath.Join(job.Covers, name+"upper"), "workdir=" + filepath.Join(job.Covers, name+"work")}
	return unix.Mount("overlay", place, "overlay", 0, strings.Join(options, ","))
}
