package recompile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/cargo-cow/cargo-cow/layers/alias"
	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/calls"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// make makes a unit again in one way, into a directory of its own, which takes the place of the one that cargo names. why is set
// where the compiler, or the script, has failed.
func (r *run) make(ctx context.Context, j *job, w way) (o *outputs, why string, err error) {
	dir, err := r.scratch()
	if err != nil {
		return nil, "", err
	}
	o = &outputs{job: j, way: w, sites: r.sites, dirs: []string{dir}}
	call := &calls.Call{Args: j.calls[w.at].Args, Env: j.calls[w.env].Env, Dir: j.calls[w.at].Dir}
	made := filepath.Join(dir, "made")
	if err := os.Mkdir(made, 0o755); err != nil {
		return o, "", err
	}
	view, err := r.view(w.at, r.Clone)
	if err != nil {
		return o, err.Error(), nil
	}
	view.ReadOnly = r.sources(w.at)
	if w.env != w.at {
		if err := r.showAlso(&view, w.at, w.env); err != nil {
			return o, err.Error(), nil
		}
	}
	rel, _ := paths.Under(call.OutDir(), w.at.build)
	others, err := r.fill(j, call, made, rel)
	if err != nil {
		return o, "", err
	}
	if err := r.showIn(&view, w.at, made, rel); err != nil {
		return o, "", err
	}
	if state, ok := paths.Under(call.Incremental(), w.at.build); ok && call.Incremental() != "" {
		fresh := filepath.Join(dir, "state")
		if err := os.Mkdir(fresh, 0o755); err != nil {
			return o, "", err
		}
		if err := r.showIn(&view, w.at, fresh, state); err != nil {
			return o, "", err
		}
	}
	why, err = r.execute(ctx, view, call, o, dir)
	if err != nil || why != "" {
		return o, why, err
	}
	if j.unit.Run {
		o.tree = made
		return o, "", nil
	}
	names, err := os.ReadDir(made)
	for _, e := range names {
		if e.Type().IsRegular() && !others[e.Name()] {
			o.files = append(o.files, filepath.Join(made, e.Name()))
		}
	}
	return o, "", err
}

// showIn shows a directory at rel in the build directory.
func (r *run) showIn(view *alias.View, at *site, dir, rel string) error {
	// A restore may have left out what it knew to be of no use.
	if err := os.MkdirAll(filepath.Join(r.Clone, rel), 0o755); err != nil {
		return err
	}
	view.Binds = append(view.Binds, alias.Bind{From: dir, At: r.sites.seen(at) + "/" + rel})
	return nil
}

// fill has what other units have written in the directory that the compiler will find instead of its own, if it looks
// for crates there. They are hard links: rustc replaces files, and those that it replaces are not among them.
func (r *run) fill(j *job, call *calls.Call, made, rel string) (others map[string]bool, err error) {
	others = map[string]bool{}
	if j.unit.Run || !call.Searches(call.OutDir()) {
		return others, nil
	}
	own := map[string]bool{filepath.Base(j.unit.SourceListFile): true}
	for _, o := range j.unit.Outputs {
		own[filepath.Base(o.Path)] = true
	}
	from := filepath.Join(r.Clone, rel)
	entries, err := os.ReadDir(from)
	if errors.Is(err, fs.ErrNotExist) {
		return others, nil
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || own[e.Name()] {
			continue
		}
		if err := os.Link(filepath.Join(from, e.Name()), filepath.Join(made, e.Name())); err != nil {
			return nil, err
		}
		others[e.Name()] = true
	}
	return others, err
}

// execute runs the call, and says why it failed.
func (r *run) execute(ctx context.Context, view alias.View, c *calls.Call, o *outputs, dir string) (why string, err error) {
	program, err := lookPath(c.Args[0], c.Env)
	if err != nil {
		return err.Error(), nil
	}
	if o.job.unit.Run {
		if err := r.putProgram(o.job, c, o.way.at); err != nil {
			return err.Error(), nil
		}
	}
	streams, err := newStreams(filepath.Join(dir, "stream"))
	if err != nil {
		return "", err
	}
	defer streams.close()
	o.said = streams.out.Name()
	status, err := r.inView(ctx, view, alias.Command{
		Path: program, Args: c.Args, Env: c.Env, Dir: c.Dir, Stdin: streams.in, Stdout: streams.out, Stderr: streams.err,
	})
	switch {
	case errors.Is(err, alias.ErrUnavailable), errors.Is(err, alias.ErrNotRun):
		return err.Error(), nil
	case err != nil:
		return "", err
	case status == 0:
		return "", nil
	}
	return streams.why(status), nil
}

// putProgram makes sure that a script's program has the name that cargo calls it by, which is another name of an
// output; a restore takes such names away.
func (r *run) putProgram(j *job, c *calls.Call, at *site) error {
	rel, ok := paths.Under(c.Args[0], at.build)
	if !ok {
		return nil
	}
	path := filepath.Join(r.Clone, rel)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, d := range j.unit.Deps {
		if d == nil || d.Kind != builddir.KindScript {
			continue
		}
		for _, o := range d.Outputs {
			if filepath.Dir(o.Path) == filepath.Dir(rel) {
				if err := os.Link(filepath.Join(r.Clone, o.Path), path); err == nil || errors.Is(err, fs.ErrExist) {
					return nil
				}
			}
		}
	}
	return fmt.Errorf("find the program of the script: %w", fs.ErrNotExist)
}

// streams are the standard streams of a command, in files: the command writes for as long as it likes, and nobody has
// to read meanwhile.
type streams struct{ in, out, err *os.File }

func newStreams(prefix string) (*streams, error) {
	s := &streams{}
	var errs [3]error
	s.in, errs[0] = os.Open(os.DevNull)
	s.out, errs[1] = os.Create(prefix + "-out")
	s.err, errs[2] = os.Create(prefix + "-err")
	if err := errors.Join(errs[:]...); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *streams) close() {
	for _, f := range []*os.File{s.in, s.out, s.err} {
		_ = f.Close() // nothing of ours was written; one that is nil says so
	}
}

// why says, in a line, why a command failed: the first error of the compiler, or the last words of a script.
func (s *streams) why(status syscall.WaitStatus) string {
	text, _ := os.ReadFile(s.err.Name())
	how := fmt.Sprintf("exit status %d", status.ExitStatus())
	if status.Signaled() {
		how = status.Signal().String()
	}
	for line := range bytes.Lines(text) {
		var m struct {
			Level   string `json:"level"`
			Message string `json:"message"`
		}
		if json.Unmarshal(line, &m) == nil && m.Level == "error" {
			return m.Message
		}
	}
	lines := strings.FieldsFunc(string(text), func(c rune) bool { return c == '\n' || c == '\r' })
	lines = slices.DeleteFunc(lines, func(l string) bool {
		return strings.TrimSpace(l) == "" || strings.HasPrefix(l, "note: ") || strings.HasPrefix(strings.TrimSpace(l), "stack backtrace")
	})
	if len(lines) == 0 {
		return how
	}
	// A script in Rust that fails says where, and in the next line why; then, maybe, by which calls.
	if i := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "panicked at ") }); i >= 0 && i+1 < len(lines) {
		return how + ": " + strings.TrimSpace(lines[i+1])
	}
	return how + ": " + strings.TrimSpace(lines[len(lines)-1])
}
