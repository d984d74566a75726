package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/hack/bench/bulk"
	"github.com/cargo-cow/cargo-cow/hack/program"
	"github.com/cargo-cow/cargo-cow/hack/project"
)

// The checkouts in which there is nothing to do at cargo's first call.
const (
	callBuilt   = "built, enabled"
	callUnknown = "known to no store, not enabled"
	callCleaned = "after `cargo clean`, not enabled"
	callMemory  = "on a file system without trees (tmpfs), enabled"
)

// What there may be to do.
const (
	callSeals    = "a sibling sealed, and restored"
	callRestores = "restored"
	callBegins   = "begun as an empty tree"
)

const (
	// callPairs are in each round; the first is not counted.
	callPairs = 21
	// callAim bounds what cargo's first call takes longer where there is nothing to do.
	callAim = 3 * time.Millisecond
	memory  = "/dev/shm"
)

// The things measured: the call, and the processor time of it.
func wrappedCall(where string) string { return "`-vV` by the wrapper: " + where }
func bareCall(where string) string    { return "by the compiler itself: " + where }
func processor(what string) string    { return what + ", processor time" }

// firstcall measures what the wrapper adds to the call by which cargo asks for the compiler's version, before which it has
// build directories restored. What stands in for cargo is hack/bench/firstcaller: cargo itself takes longer than what is
// measured. That the wrapper takes it for cargo shows where there is something to do.
type firstcall struct {
	caller, rustc, wrapper string
	dir                    string
	on, off                []string // the environments of users who have enabled the program, and have not
	store                  string   // of the former
	settle                 func() error
	origin                 string // built by the former
	unknown, cleaned       string // of the latter
	made                   int
}

func (f *firstcall) aims() []aim {
	var all []aim
	for _, where := range []string{callBuilt, callUnknown, callCleaned, callMemory} {
		what, against := wrappedCall(where), bareCall(where)
		all = append(all, aim{what: what, against: against, over: callAim, paired: true},
			aim{what: processor(what), against: processor(against), told: true, paired: true})
	}
	for _, done := range []string{callSeals, callRestores, callBegins} {
		all = append(all, aim{what: wrappedCall(done), against: bareCall(callBuilt), told: true})
	}
	return all
}

func (f *firstcall) prepare(b *bencher, _ string) ([]string, error) {
	// Who has it act by itself has a store at the top of each file system, which would know what other groups have built.
	own, err := b.disk()
	if err != nil {
		return nil, err
	}
	dir := own.scratch.Dir
	f.store, f.settle = enabledStore(dir), own.settle
	f.dir, f.wrapper, f.caller = dir, b.cow.Wrapper, filepath.Join(dir, "caller", "cargo")
	f.origin, f.unknown, f.cleaned = filepath.Join(dir, "origin"), filepath.Join(dir, "unknown"), filepath.Join(dir, "cleaned")
	files := 0
	err = inTurn(
		func() error {
			_, err := project.Run(b.ctx, "", nil, "go", "build", "-o", f.caller, "github.com/cargo-cow/cargo-cow/hack/bench/firstcaller")
			return err
		},
		func() error {
			// Cargo calls the compiler itself, not rustup's stand-in; nor is cargo one, where it runs.
			out, err := project.Run(b.ctx, dir, project.Env(), "rustc", "--print=sysroot")
			f.rustc = filepath.Join(strings.TrimSpace(string(out)), "bin", "rustc")
			return err
		},
		func() (err error) {
			f.on, err = b.cow.Enable(b.ctx, filepath.Join(dir, "on"))
			return err
		},
		func() (err error) {
			f.off, err = program.Home(filepath.Join(dir, "off"))
			return err
		},
		func() error { return project.Workspace(b.ctx, f.origin) },
		func() error { return f.build(b, f.origin, f.on) },
		func() (err error) {
			if files, err = bulk.Count(filepath.Join(f.origin, "target", "debug")); err != nil {
				return err
			}
			added, err := bulk.Fill(filepath.Join(f.origin, "target", "debug"), small-files)
			files += added
			return err
		},
		func() error { return f.crate(b, f.unknown, "unknown") },
		func() error { return f.clean(b) },
	)
	return []string{fmt.Sprintf("a workspace with a target of %d files, and packages in which nothing is built; calls in pairs, the first of each %d left out",
		files, callPairs)}, err
}

func (f *firstcall) build(b *bencher, dir string, env []string) error {
	_, err := project.Cargo(b.ctx, dir, env, "build", "--locked")
	return err
}

// crate makes a package of its own, which nobody knows.
func (f *firstcall) crate(b *bencher, dir, name string) error {
	return inTurn(
		func() error { return os.MkdirAll(filepath.Join(dir, "src"), 0o755) },
		func() error { return appendTo(filepath.Join(dir, "src", "lib.rs"), "") },
		func() error { return appendTo(filepath.Join(dir, ".gitignore"), "/target\n") },
		func() error {
			return appendTo(filepath.Join(dir, "Cargo.toml"), fmt.Sprintf("[package]\nname = %q\nversion = \"0.1.0\"\nedition = \"2021\"\n", name))
		},
		func() error {
			return appendTo(filepath.Join(dir, "Cargo.lock"), fmt.Sprintf("version = 4\n\n[[package]]\nname = %q\nversion = \"0.1.0\"\n", name))
		},
		func() error { return project.Commit(b.ctx, dir, "Make it") },
	)
}

// clean has the user who has not enabled the program use it by hand, and then call cargo clean: a store knows the
// checkout, and a layer would fit.
func (f *firstcall) clean(b *bencher) error {
	cow := func(args ...string) error {
		_, err := project.Run(b.ctx, f.cleaned, project.Env(f.off...), b.cow.Path, args...)
		return err
	}
	return inTurn(
		func() error { return project.Workspace(b.ctx, f.cleaned) },
		func() error { return cow("init") },
		func() error { return f.build(b, f.cleaned, f.off) },
		func() error { return cow("snapshot") },
		func() error {
			_, err := project.Run(b.ctx, f.cleaned, project.Env(f.off...), "cargo", "clean")
			return err
		},
	)
}

func (f *firstcall) round(b *bencher) error {
	return inTurn(
		func() error { return f.pairs(b, callBuilt, f.origin, f.on) },
		func() error { return f.pairs(b, callUnknown, f.unknown, f.off) },
		func() error { return f.pairs(b, callCleaned, f.cleaned, f.off) },
		func() error { return f.inMemory(b) },
		func() error { return f.places(b) },
		func() error { return f.empty(b) },
	)
}

// call has the caller call, and hands on what each pair took.
func (f *firstcall) call(b *bencher, dir string, env []string, pairs int, each func(bare, bareUsed, wrapped, wrappedUsed time.Duration)) error {
	out, err := project.Run(b.ctx, dir, project.Env(append(slices.Clone(env), "FIRSTCALLER_CARGO="+filepath.Join(filepath.Dir(f.rustc), "cargo"))...), f.caller, "build", "--", fmt.Sprint(pairs), f.rustc, f.wrapper)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		var took [4]int64
		if _, err := fmt.Sscan(lines.Text(), &took[0], &took[1], &took[2], &took[3]); err != nil {
			return fmt.Errorf("read what firstcaller prints: %w", err)
		}
		each(time.Duration(took[0]), time.Duration(took[1]), time.Duration(took[2]), time.Duration(took[3]))
	}
	return lines.Err()
}

// pairs measures where there is nothing to do, and checks that nothing was done.
func (f *firstcall) pairs(b *bencher, where, dir string, env []string) error {
	target := filepath.Join(dir, "target")
	_, before := os.Lstat(target)
	first := true
	err := f.call(b, dir, env, callPairs, func(bare, bareUsed, wrapped, wrappedUsed time.Duration) {
		if first {
			first = false
			return
		}
		for n, d := range map[string]time.Duration{
			bareCall(where): bare, processor(bareCall(where)): bareUsed, wrappedCall(where): wrapped, processor(wrappedCall(where)): wrappedUsed,
		} {
			b.times[n] = append(b.times[n], d)
		}
	})
	if _, after := os.Lstat(target); err == nil && (before == nil) != (after == nil) {
		err = fmt.Errorf("there was something to do: %s", target)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	return nil
}

// inMemory measures on a tmpfs.
func (f *firstcall) inMemory(b *bencher) (err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(memory, &st); err != nil || int64(st.Type) != unix.TMPFS_MAGIC {
		return errors.Join(fmt.Errorf("%s is no tmpfs", memory), err)
	}
	dir, err := os.MkdirTemp(memory, "cargo-cow-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := f.crate(b, dir, "memory"); err != nil {
		return err
	}
	return f.pairs(b, callMemory, dir, f.on)
}

// places measures two new worktrees, the first of a state that is not sealed yet.
func (f *firstcall) places(b *bencher) error {
	if _, err := bulk.Fill(filepath.Join(f.origin, "target", "debug"), 1); err != nil {
		return err
	}
	for _, p := range []struct {
		what   string
		layers int
	}{{callSeals, 1}, {callRestores, 0}} {
		f.made++
		dir := filepath.Join(f.dir, fmt.Sprintf("place-%d", f.made))
		if err := project.Git(b.ctx, f.origin, "worktree", "add", "--quiet", "--detach", dir); err != nil {
			return err
		}
		before, err := f.layers()
		if err != nil {
			return err
		}
		if err := f.once(b, p.what, dir); err != nil {
			return err
		}
		after, err := f.layers()
		// Older ones may go meanwhile, as nobody has asked for them.
		made := slices.DeleteFunc(after, func(id string) bool { return slices.Contains(before, id) })
		if err == nil && len(made) != p.layers {
			err = fmt.Errorf("%s: %d layers were made, and should be %d", p.what, len(made), p.layers)
		}
		if err != nil {
			return err
		}
		if built, err := project.Cargo(b.ctx, dir, f.on, "build", "--locked"); err != nil || len(built.Compiled()) > 0 {
			return errors.Join(fmt.Errorf("%s: cargo compiled %v", p.what, built.Compiled()), err)
		}
		err = inTurn(
			func() error {
				_, err := project.Run(b.ctx, "", nil, "btrfs", "subvolume", "delete", filepath.Join(dir, "target"))
				return err
			},
			func() error { return project.Git(b.ctx, f.origin, "worktree", "remove", "--force", dir) },
		)
		if err != nil {
			return err
		}
	}
	return nil
}

// empty measures in a package of a project that nobody knows.
func (f *firstcall) empty(b *bencher) error {
	f.made++
	name := fmt.Sprintf("empty-%d", f.made)
	dir := filepath.Join(f.dir, name)
	if err := f.crate(b, dir, name); err != nil {
		return err
	}
	if err := f.once(b, callBegins, dir); err != nil {
		return err
	}
	made, err := os.ReadDir(filepath.Join(dir, "target"))
	if err == nil && len(made) == 0 {
		err = errors.New("nothing was made")
	}
	for _, e := range made {
		if e.Name() == "debug" {
			err = errors.New("something was restored")
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", callBegins, err)
	}
	return nil
}

// once measures one call.
func (f *firstcall) once(b *bencher, done, dir string) error {
	if err := f.settle(); err != nil {
		return err
	}
	err := f.call(b, dir, f.on, 0, func(_, _, wrapped, _ time.Duration) {
		b.times[wrappedCall(done)] = append(b.times[wrappedCall(done)], wrapped)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", done, err)
	}
	return nil
}

// enabledStore is where the program makes a store by itself in a file system that is mounted at top.
func enabledStore(top string) string {
	return filepath.Join(top, fmt.Sprintf(".cargo-cow-%d", os.Getuid()))
}

// layers are those of the store, which may not be there yet.
func (f *firstcall) layers() (ids []string, err error) {
	entries, err := os.ReadDir(filepath.Join(f.store, "layers"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		ids = append(ids, e.Name())
	}
	return ids, err
}
