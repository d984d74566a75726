package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/alias"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

// listen makes a writer that passes on to out, line by line, and takes note.
func (s *service) listen(out io.Writer) io.Writer {
	// A build script may have written its files in this very instant, by the clock
	// that they are stamped with, and could write them once more.
	first := s.began
	for range longestTick / pause {
		if !s.hasOutDir() || coarse().After(first) {
			break
		}
		time.Sleep(pause)
	}
	s.began, s.started = coarse(), time.Now()
	return &listener{s, out}
}

// The clock that files are stamped with goes on every 1 to 10 ms (CONFIG_HZ).
const (
	longestTick = 20 * time.Millisecond
	pause       = time.Millisecond / 2
)

func (s *service) hasOutDir() bool {
	return slices.ContainsFunc(s.env, func(e string) bool { return strings.HasPrefix(e, "OUT_DIR=") })
}

type listener struct {
	s   *service
	out io.Writer
}

func (l *listener) Write(line []byte) (int, error) {
	if output, isDepInfo := artifact(line); !output {
		l.s.messages = append(l.s.messages, strings.TrimSuffix(string(line), "\n"))
	} else if a, ok := parseArtifact(line); ok && !isDepInfo {
		l.s.artifacts = append(l.s.artifacts, a)
		if a.Emit == "metadata" {
			l.s.writeEarlyTrailer(a)
		}
	}
	return l.out.Write(line)
}

// parseArtifact reads a notice of an output.
func parseArtifact(line []byte) (a rustc.Artifact, ok bool) {
	value := func(key string) string {
		_, rest, _ := bytes.Cut(line, []byte(`"`+key+`":`))
		n := -1
		if bytes.HasPrefix(rest, []byte(`"`)) {
			n = stringEnd(rest)
		}
		if n < 0 {
			return ""
		}
		text, err := strconv.Unquote(string(rest[:n]))
		if err != nil {
			return ""
		}
		return text
	}
	a = rustc.Artifact{Path: value("artifact"), Emit: value("emit")}
	return a, a.Path != "" && a.Emit != ""
}

// compile runs the compiler as it is, and records what it has done. ran is false where
// it could not be started, and nothing was done yet.
func (s *service) compile() (out outcome, ran bool) {
	argv := behind(s.Argv)
	program, err := lookPath(argv[0])
	if err != nil {
		return outcome{}, false
	}
	cwd, err := getcwd()
	if err != nil {
		return outcome{}, false
	}
	signals := catch()
	r := &relay{out: s.listen(os.Stderr), toHere: func(path string) string { return path }, accepted: true, announced: true}
	p, in, err := start(alias.View{}, alias.Command{Path: program, Args: argv, Env: s.env, Dir: cwd})
	if err != nil {
		signals.release()
		return outcome{}, false
	}
	signals.pass(p)
	status, err := end(p, in, r)
	if err != nil {
		return failed(err), true
	}
	if succeeded(status) {
		s.record()
	}
	return outcome{status: status}, true
}

func succeeded(status syscall.WaitStatus) bool { return status.Exited() && status.ExitStatus() == 0 }

// record records what a successful run has read and written, in a view that shows the
// working directory at these paths. What goes wrong is no concern of the build's.
func (s *service) record(viewDirs ...string) {
	run := rustc.Run{Began: s.began, Cost: time.Since(s.started), Files: s.artifacts, Messages: s.messages, ViewDirs: viewDirs}
	rec, err := s.request.Record(run)
	if err == nil {
		err = s.warehouse.Put(context.Background(), rec, s.OutDir, s.cold)
	}
	if err == nil {
		err = s.writeTrailer(rec.Trailer(s.request))
	}
	event := warehouse.Event{Kind: warehouse.Compiled, Unit: s.Title(), Cost: run.Cost, Err: err}
	if s.missed != nil && event.Err == nil {
		event.Kind, event.Err = warehouse.Missed, s.missed
	}
	s.warehouse.Note(event)
}

// writeEarlyTrailer notes of the unit what is known when its metadata is there: what
// depends on it is compiled from then on, and asks for it.
func (s *service) writeEarlyTrailer(metadata rustc.Artifact) {
	if t, err := s.request.EarlyTrailer(metadata); err == nil {
		// Without it they are compiled, as they are without us.
		_ = s.writeTrailer(t)
	}
}

// writeTrailer adds a trailer to the unit's list of inputs.
func (s *service) writeTrailer(t *rustc.Trailer) error {
	text, err := os.ReadFile(s.DepFile())
	if err != nil {
		return err
	}
	state, ok := handoff.Marked(string(text))
	marked := t.AppendTo(handoff.Unmark(string(text)))
	if ok {
		marked = state.Mark(marked)
	}
	return depfile.Write(s.DepFile(), marked)
}
