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
	"github.com/cargo-cow/cargo-cow/layers/regular"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

// startRecording makes a writer that passes on to out, line by line, and takes note.
func (c *cachedCall) startRecording(out io.Writer) io.Writer {
	// A build script may have written its files within the present tick of the clock
	// that they are stamped with: if it wrote them once more, nothing would tell.
	first := c.began
	for range longestTick / pause {
		if !c.hasOutDir() || coarse().After(first) {
			break
		}
		time.Sleep(pause)
	}
	c.began, c.started = coarse(), time.Now()
	return &recorder{c, out}
}

// The clock that files are stamped with goes on every 1 to 10 ms (CONFIG_HZ).
const (
	longestTick = 20 * time.Millisecond
	pause       = time.Millisecond / 2
)

func (c *cachedCall) hasOutDir() bool {
	return slices.ContainsFunc(c.env, func(e string) bool { return strings.HasPrefix(e, "OUT_DIR=") })
}

type recorder struct {
	s   *cachedCall
	out io.Writer
}

func (r *recorder) Write(line []byte) (int, error) {
	if output, isDepInfo := artifact(line); !output {
		r.s.messages = append(r.s.messages, strings.TrimSuffix(string(line), "\n"))
	} else if a, ok := parseArtifact(line); ok && !isDepInfo {
		r.s.artifacts = append(r.s.artifacts, a)
		if a.Emit == "metadata" {
			r.s.writeEarlyTrailer(a)
		}
	}
	return r.out.Write(line)
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
func (c *cachedCall) compile() (out outcome, ran bool) {
	argv := behind(c.Argv)
	program, err := lookPath(argv[0])
	if err != nil {
		return outcome{}, false
	}
	cwd, err := getcwd()
	if err != nil {
		return outcome{}, false
	}
	signals := catch()
	r := &relay{out: c.startRecording(os.Stderr), toHere: func(path string) string { return path }, accepted: true, announced: true}
	p, in, err := start(alias.View{}, alias.Command{Path: program, Args: argv, Env: c.env, Dir: cwd})
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
		c.record()
	}
	return outcome{status: status}, true
}

func succeeded(status syscall.WaitStatus) bool { return status.Exited() && status.ExitStatus() == 0 }

// record records what a successful run has read and written. viewDirs are the paths at
// which a view has shown the working directory. What goes wrong does not concern the
// build.
func (c *cachedCall) record(viewDirs ...string) {
	run := rustc.Run{Began: c.began, Cost: time.Since(c.started), Files: c.artifacts, Messages: c.messages, ViewDirs: viewDirs}
	rec, err := c.request.Record(run)
	later := c.cold && !keepsAtOnce(c.env)
	if err == nil {
		err = c.warehouse.Put(context.Background(), rec, c.OutDir, c.cold && !later)
	}
	if err == nil {
		err = c.writeTrailer(rec.Trailer(c.request))
	}
	if err == nil && later && !c.keepLater(rec) {
		err = c.warehouse.Put(context.Background(), rec, c.OutDir, true)
	}
	event := warehouse.Event{Kind: warehouse.Compiled, Unit: c.Title(), Cost: run.Cost, Err: err}
	if c.missed != nil && event.Err == nil {
		event.Kind, event.Err = warehouse.Missed, c.missed
	}
	c.warehouse.Note(event)
}

// writeEarlyTrailer notes of the unit what is known when its metadata is there: what
// depends on it is compiled from then on, and asks for it.
func (c *cachedCall) writeEarlyTrailer(metadata rustc.Artifact) {
	if t, err := c.request.EarlyTrailer(metadata); err == nil {
		// Without it they are compiled, as they are without us.
		_ = c.writeTrailer(t)
	}
}

// writeTrailer adds a trailer to the unit's list of inputs.
func (c *cachedCall) writeTrailer(t *rustc.Trailer) error {
	text, err := regular.Read(c.DepFile())
	if err != nil {
		return err
	}
	state, ok := handoff.ParseState(string(text))
	marked := t.AppendTo(handoff.WithoutState(string(text)))
	if ok {
		marked = state.AppendTo(marked)
	}
	return depfile.Write(c.DepFile(), marked)
}
