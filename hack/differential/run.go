package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/hack/differential/generate"
	"github.com/cargo-cow/cargo-cow/hack/differential/history"
	"github.com/cargo-cow/cargo-cow/hack/differential/shrink"
	"github.com/cargo-cow/cargo-cow/hack/differential/tool"
	"github.com/cargo-cow/cargo-cow/hack/differential/world"
	"github.com/cargo-cow/cargo-cow/hack/project"
	"github.com/cargo-cow/cargo-cow/hack/scratch"
)

func toolNames() []string { return tool.Names() }

// A runner does histories, several at once.
type runner struct {
	n, steps, jobs, published, automatic int
	outside                              bool // the first checkout lies on another file system than the others
	xfs                                  bool // all else is on XFS
	seed                                 uint64
	time                                 time.Duration
	tool, without, toolchains, out       string
	shrink, first, verbose               bool

	space  *scratch.Space
	kit    *tool.Kit
	truths *world.Truths

	mu     sync.Mutex
	counts world.Counts
	done   int
	faults []string       // where the histories that went wrong are written down
	kinds  map[string]int // of faults
}

// size of the scratch space. Its image is sparse.
const size = 40 << 30

// inSpace makes the scratch space and does what uses it.
func (r *runner) inSpace(ctx context.Context, do func() error) (err error) {
	fstype := scratch.Btrfs
	if r.xfs {
		fstype = scratch.XFS
	}
	if r.space, err = scratch.MakeOf(ctx, fstype, size); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.space.Close()) }()
	r.truths = new(world.Truths)
	if r.kit, err = tool.Prepare(ctx, r.tool, filepath.Join(r.space.Dir, "kit", r.tool)); err != nil {
		return err
	}
	return do()
}

// like is a runner of the same histories in the same space with a tool, one of whose rules may be switched off.
func (r *runner) like(ctx context.Context, name, without string) (*runner, error) {
	kit := r.kit
	if name != r.tool {
		var err error
		if kit, err = tool.Prepare(ctx, name, filepath.Join(r.space.Dir, "kit", name)); err != nil {
			return nil, err
		}
	}
	return &runner{n: r.n, seed: r.seed, steps: r.steps, jobs: r.jobs, published: r.published, automatic: r.automatic, outside: r.outside, toolchains: r.toolchains, tool: name, without: without,
		out: r.out, verbose: r.verbose, space: r.space, truths: r.truths, kit: kit}, nil
}

// run does the histories of files, or random ones.
func (r *runner) run(ctx context.Context, files []string) error {
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	jobs := make(chan func(context.Context) error)
	var wait sync.WaitGroup
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for range r.jobs {
		wait.Go(func() {
			for job := range jobs {
				if err := job(ctx); err != nil {
					cancel(err)
				}
			}
		})
	}
	r.give(ctx, jobs, files)
	close(jobs)
	wait.Wait()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// give hands out what is to be done.
func (r *runner) give(ctx context.Context, jobs chan<- func(context.Context) error, files []string) {
	for _, name := range files {
		jobs <- func(ctx context.Context) error { return r.replay(ctx, name) }
	}
	if len(files) > 0 {
		return
	}
	begin := time.Now()
	for i := range r.n {
		if ctx.Err() != nil || r.time > 0 && time.Since(begin) > r.time || r.first && r.failed() {
			return
		}
		jobs <- func(ctx context.Context) error { return r.made(ctx, r.seed+uint64(i)) }
	}
}

func (r *runner) failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.faults) > 0
}

// options of the workspace of a seed.
func (r *runner) options(seed uint64) generate.Options {
	every := func(n int) bool { return n > 0 && seed%uint64(max(n, 1)) == uint64(n-1) }
	opt := generate.Options{Published: r.published > 0 && seed%uint64(max(r.published, 1)) == 0, Automatic: every(r.automatic)}
	if names := strings.Split(r.toolchains, ","); r.toolchains != "" {
		opt.Toolchain = names[seed%uint64(len(names))]
		opt.Others = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "" })
	}
	return opt
}

// made does a history that is made up as it goes.
func (r *runner) made(ctx context.Context, seed uint64) error {
	g, h := generate.New(seed, r.options(seed))
	for range r.steps {
		h.Steps = append(h.Steps, g.Next()...)
	}
	return r.judge(ctx, fmt.Sprintf("seed-%d", seed), h)
}

func (r *runner) replay(ctx context.Context, name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	h, err := history.Parse(text)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if r.automatic == 1 {
		h = generate.ByItself(h)
	}
	return r.judge(ctx, strings.TrimSuffix(filepath.Base(name), ".txtar"), h)
}

// judge does a history, and makes it smaller if it goes wrong.
func (r *runner) judge(ctx context.Context, name string, h *history.History) error {
	counts, err := r.do(ctx, name, h)
	r.mu.Lock()
	r.counts.Add(counts)
	r.done++
	r.mu.Unlock()
	var f *world.Fault
	if err == nil || ctx.Err() != nil {
		return nil
	} else if !errors.As(err, &f) {
		return fmt.Errorf("%s: %w", name, err)
	}
	r.note("%s: %v", name, f)
	if r.shrink {
		verb := h.Steps[f.Step].Verb()
		h = shrink.History(h, f.Step, func(smaller *history.History) bool {
			_, err := r.do(ctx, name, smaller)
			var again *world.Fault
			return errors.As(err, &again) && again.Kind == f.Kind && smaller.Steps[again.Step].Verb() == verb
		})
	}
	path := filepath.Join(r.out, name+".txtar")
	h.Comment = append(h.Comment, strings.Split(strings.TrimSpace(f.Kind+": "+f.Detail), "\n")...)
	r.note("%s: written to %s, %d steps", name, path, len(h.Steps))
	r.mu.Lock()
	r.faults = append(r.faults, path)
	if r.kinds == nil {
		r.kinds = map[string]int{}
	}
	r.kinds[f.Kind]++
	r.mu.Unlock()
	return os.WriteFile(path, h.Format(), 0o644)
}

// date is that of all commits: the same history has the same ones with every tool.
const date = "2026-01-02T03:04:05Z"

// do does a history in a world of its own, at a path that tells the name: the outcome of a clean build depends on it.
func (r *runner) do(ctx context.Context, name string, h *history.History) (world.Counts, error) {
	p := world.Place{Dir: filepath.Join(r.space.Dir, name), Truths: r.truths}
	p.Env = project.Env("CARGO_TERM_COLOR=never", "GIT_AUTHOR_DATE="+date, "GIT_COMMITTER_DATE="+date)
	p.ToolEnv = append(r.kit.Env(p.Dir), "CARGO_COW_TEST_WITHOUT="+r.without)
	if r.outside {
		p.Away = filepath.Join(p.Dir, "a")
		away, err := mountAway(p.Away)
		if err != nil {
			return world.Counts{}, err
		}
		defer away()
	}
	w, err := world.New(ctx, p, h, r.kit.Tool())
	if err != nil {
		return world.Counts{}, err
	}
	if r.verbose {
		w.Log = func(format string, args ...any) { r.note("%s: "+format, append([]any{name}, args...)...) }
	}
	err = w.Run(h.Steps)
	if r.outside {
		err = errors.Join(err, unix.Unmount(p.Away, 0))
	}
	return w.Counts, errors.Join(err, w.Remove(scratch.Unseal))
}

// mountAway mounts a directory of the file system of temporary files at dir, and returns what removes it.
func mountAway(dir string) (remove func(), err error) {
	away, err := os.MkdirTemp("", "cargo-cow-away-")
	if err != nil {
		return nil, err
	}
	if err = os.MkdirAll(dir, 0o755); err == nil {
		err = unix.Mount(away, dir, "", unix.MS_BIND, "")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("mount %s: %w", dir, err), os.RemoveAll(away))
	}
	return func() {
		_ = unix.Unmount(dir, unix.MNT_DETACH) // where the history was not ended
		_ = os.RemoveAll(away)
	}, nil
}

func (r *runner) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Printf(format+"\n", args...)
}

func (r *runner) summary() string {
	c := r.counts
	return fmt.Sprintf("%d histories, %d steps, %d builds judged by %d clean ones; %d units fresh, %d rebuilt; %d promises; acquired %d times; %d built where nothing was, %d of them warm; refused %d, passed over %d; excused as cargo's own %d; %d histories went wrong",
		r.done, c.Steps, c.Builds, c.Clean, c.Fresh, c.Rebuilt, c.Promises, c.Acquired, c.First, c.Warm, c.Refused, c.Skipped, c.Excused, len(r.faults))
}
