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
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// runInView compiles the unit where its checkout is seen at the other path. ran is false
// if the call has to be run as it is, and then nothing has been said yet. c is nil where
// nothing is to be recorded.
func (v *viewedCall) runInView(c *cachedCall) (out outcome, ran bool) {
	program, err := lookPath(v.Argv[0])
	if err != nil {
		return outcome{}, false
	}
	signals := catch()
	var stderr io.Writer = os.Stderr
	if c != nil {
		stderr = c.startRecording(stderr)
	}
	r := &relay{out: stderr, toHere: v.mapping.toHere, there: v.mapping.spelled(), accept: v.faithful}
	p, in, err := start(v.view, alias.Command{Path: program, Args: v.argvThere(), Env: v.env, Dir: v.mapping.root})
	if err != nil {
		if errors.Is(err, alias.ErrUnavailable) {
			handoff.SetUnavailable(v.build, err.Error())
		}
		signals.release()
		return outcome{}, false
	}
	handoff.SetUnavailable(v.build, "")
	signals.pass(p)
	status, err := end(p, in, r)
	if err != nil {
		return failed(err), true
	}
	passed := succeeded(status)
	if passed && !r.accepted && !r.refused {
		r.ask()
	}
	if !status.Signaled() && !r.announced && v.doubtful(r, passed) {
		if len(r.said) == 0 {
			signals.release()
			return outcome{}, false
		}
		if status, err = v.runAgain(signals, r); err != nil || status == 0 {
			return outcome{status, err}, true // the state is the checkout's own now
		}
		r.held = nil
	}
	r.flush()
	if err := v.correctDepFile(); err != nil {
		return failed(fmt.Errorf("correct %s: %w", v.inputs, err)), true
	}
	if passed && c != nil {
		c.record(v.mapping.root)
	}
	return outcome{status: status}, true
}

func (v *viewedCall) argvThere() []string {
	if !ruleArguments.on() {
		argv := []string{}
		for _, a := range v.Argv {
			argv = append(argv, string(bytes.ReplaceAll([]byte(a), []byte(v.mapping.here), []byte(v.mapping.there))))
		}
		return argv
	}
	return v.Moved(v.mapping.toThere)
}

// faithful reports whether rustc has read what is the checkout's own.
func (v *viewedCall) faithful() bool {
	text, err := regular.Read(v.inputs)
	return err == nil && v.mapping.faithful(string(text), v.Remaps)
}

// doubtful reports whether the outcome may be owed to the view.
func (v *viewedCall) doubtful(r *relay, passed bool) bool {
	if r.refused {
		return true
	}
	if passed || !ruleAgain.on() {
		return false
	}
	// Before it has listed what it read, rustc has not done much; whatever it, or a
	// macro, could not find may be found where the checkout lies.
	return !r.accepted || !sameDir(v.mapping.there, v.before) || hasFileErrors(r.held)
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
func (v *viewedCall) runAgain(signals *signals, r *relay) (syscall.WaitStatus, error) {
	argv := behind(v.Argv)
	program, err := lookPath(argv[0])
	if err != nil {
		return 0, notRunnable(argv[0], err)
	}
	p, in, err := start(alias.View{}, alias.Command{Path: program, Args: argv, Env: v.env, Dir: v.handoff.Root})
	if err != nil {
		return 0, notRunnable(argv[0], err)
	}
	signals.pass(p)
	return end(p, in, r.again())
}

// correctDepFile has the unit's list of inputs name the checkout, and notes where its
// state was made. That of a run that failed is corrected as well: the state is still
// the one there was.
func (v *viewedCall) correctDepFile() error {
	text, err := regular.Read(v.inputs)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	state := handoff.State{Root: v.mapping.root, Build: v.mapping.buildThere}
	renamed := string(text)
	if ruleDepFile.on() {
		renamed = depfile.Rename(renamed, v.mapping.toHere)
	}
	if renamed = state.AppendTo(renamed); renamed == string(text) {
		return nil
	}
	return depfile.Write(v.inputs, renamed)
}
