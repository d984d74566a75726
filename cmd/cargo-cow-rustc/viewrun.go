package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/cargo-cow/cargo-cow/layers/alias"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
)

// runInView compiles the unit where its checkout is seen at the other path. ran is false
// if the call has to be run as it is, and then nothing has been said yet. s is nil where
// nothing is to be recorded.
func (j *job) runInView(s *service) (out outcome, ran bool) {
	program, err := lookPath(j.Argv[0])
	if err != nil {
		return outcome{}, false
	}
	signals := catch()
	var stderr io.Writer = os.Stderr
	if s != nil {
		stderr = s.listen(stderr)
	}
	r := &relay{out: stderr, toHere: j.paths.toHere, there: j.paths.spelled(), accept: j.faithful}
	p, in, err := start(j.view, alias.Command{Path: program, Args: j.argvThere(), Env: j.env, Dir: j.paths.root})
	if err != nil {
		if errors.Is(err, alias.ErrUnavailable) {
			handoff.SetUnavailable(j.build, err.Error())
		}
		signals.release()
		return outcome{}, false
	}
	handoff.SetUnavailable(j.build, "")
	signals.pass(p)
	status, err := end(p, in, r)
	if err != nil {
		return failed(err), true
	}
	passed := succeeded(status)
	if passed && !r.accepted && !r.refused {
		r.ask()
	}
	if !status.Signaled() && !r.announced && j.doubtful(r, passed) {
		if len(r.said) == 0 {
			signals.release()
			return outcome{}, false
		}
		if status, err = j.runAgain(signals, r); err != nil || status == 0 {
			return outcome{status, err}, true // the state is the checkout's own now
		}
		r.held = nil
	}
	r.flush()
	if err := j.correctDepFile(); err != nil {
		return failed(fmt.Errorf("correct %s: %w", j.inputs, err)), true
	}
	if passed && s != nil {
		s.record(j.paths.root)
	}
	return outcome{status: status}, true
}

func (j *job) argvThere() []string {
	if !ruleArguments.on() {
		argv := []string{}
		for _, a := range j.Argv {
			argv = append(argv, string(bytes.ReplaceAll([]byte(a), []byte(j.paths.here), []byte(j.paths.there))))
		}
		return argv
	}
	return j.Moved(j.paths.toThere)
}

// faithful reports whether rustc has read what is the checkout's own.
func (j *job) faithful() bool {
	text, err := os.ReadFile(j.inputs)
	return err == nil && j.paths.faithful(string(text), j.Remaps)
}

// doubtful reports whether the outcome may be owed to the view.
func (j *job) doubtful(r *relay, passed bool) bool {
	if r.refused {
		return true
	}
	if passed || !ruleAgain.on() {
		return false
	}
	// Before it has listed what it read, rustc has not done much; whatever it, or a
	// macro, could not find may be found where the checkout lies.
	return !r.accepted || !sameDir(j.paths.there, j.before) || hasFileErrors(r.held)
}

// hasFileErrors looks for errors of the system about files: ENOENT, ENOTDIR, ELOOP.
func hasFileErrors(lines [][]byte) bool {
	for _, line := range lines {
		for _, text := range []string{"(os error 2)", "(os error 20)", "(os error 40)"} {
			if bytes.Contains(line, []byte(text)) {
				return true
			}
		}
	}
	return false
}

// runAgain runs the call as it is, when something has been said already.
func (j *job) runAgain(signals *signals, r *relay) (syscall.WaitStatus, error) {
	argv := behind(j.Argv)
	program, err := lookPath(argv[0])
	if err != nil {
		return 0, notRunnable(argv[0], err)
	}
	p, in, err := start(alias.View{}, alias.Command{Path: program, Args: argv, Env: j.env, Dir: j.place.Root})
	if err != nil {
		return 0, notRunnable(argv[0], err)
	}
	signals.pass(p)
	return end(p, in, r.again())
}

// correctDepFile has the unit's list of inputs name the checkout, and notes where its
// state was made. That of a run that failed is corrected as well: the state is still
// the one there was.
func (j *job) correctDepFile() error {
	text, err := os.ReadFile(j.inputs)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	state := handoff.State{Root: j.paths.root, Build: j.paths.buildThere}
	renamed := string(text)
	if ruleDepFile.on() {
		renamed = depfile.Rename(renamed, j.paths.toHere)
	}
	if renamed = state.Mark(renamed); renamed == string(text) {
		return nil
	}
	return depfile.Write(j.inputs, renamed)
}

// spelled are the paths that mean something else there, the longest first.
func (p *mapping) spelled() []string {
	dirs := []string{p.there}
	if p.apart {
		dirs = append(dirs, p.buildThere)
	}
	if p.git[0] != "" {
		dirs = append(dirs, p.git[0])
		if there := p.toThere(p.git[0]); there != p.git[0] {
			dirs = append(dirs, there)
		}
	}
	for i := range dirs {
		for k := i; k > 0 && len(dirs[k]) > len(dirs[k-1]); k-- {
			dirs[k], dirs[k-1] = dirs[k-1], dirs[k]
		}
	}
	return dirs
}
