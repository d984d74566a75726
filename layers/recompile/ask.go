package recompile

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/alias"
	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/calls"
)

// maxBuilds bounds how many builds cargo is asked for at one site, at some 0.3 s each: the usual ones for three
// profiles, and a few for single members.
const maxBuilds = 32

// askAll has cargo say how the units are made: first here, where it also says whether it would still make them so, and
// then, for those made elsewhere, there.
func (r *run) askAll(ctx context.Context) error {
	// By its own name, by which a program may go that has several. A copy, because the program may lie where a view shows something else, and its path may be one that the kernel
	// takes for no interpreter's.
	r.standIn = filepath.Join(r.temp, "stand-in", filepath.Base(r.Self))
	if err := os.Mkdir(filepath.Dir(r.standIn), 0o755); err != nil {
		return err
	}
	if err := copyProgram(r.standIn, r.Self); err != nil {
		return err
	}
	for _, at := range r.sites.all {
		var jobs []*job
		for _, j := range r.jobs {
			asked := slices.ContainsFunc(j.ways, func(w way) bool { return w.at == at || w.env == at })
			if j.verdict.Result == "" && (at == r.sites.here || asked) {
				jobs = append(jobs, j)
			}
		}
		if len(jobs) == 0 {
			continue
		}
		if err := r.askAt(ctx, at, jobs); err != nil {
			return err
		}
	}
	return nil
}

func copyProgram(to, from string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(dst, src); err != nil {
		dst.Close()
		return err
	}
	return dst.Close()
}

// askAt asks at one site.
func (r *run) askAt(ctx context.Context, at *site, jobs []*job) error {
	dir, err := r.scratch()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	hollow := filepath.Join(dir, "hollow")
	if err := (calls.Hollow{From: r.dir, At: at.build, StandIn: r.standIn}).Make(hollow); err != nil {
		return err
	}
	notes := filepath.Join(hollow, builddir.MetaDir, "calls")
	if err := os.MkdirAll(notes, 0o700); err != nil {
		return err
	}
	for _, j := range jobs {
		if err := calls.Force(hollow, j.unit); err != nil {
			return err
		}
	}
	view, err := r.view(at, hollow)
	if err != nil {
		if at == r.sites.here {
			return err
		}
		for _, j := range jobs {
			r.drop(j, at, err.Error())
		}
		return nil
	}
	found, said, err := r.askBuilds(ctx, at, view, notes, hollow, jobs)
	if err != nil {
		return err
	}
	if said != "" && at == r.sites.here && !slices.ContainsFunc(jobs, func(j *job) bool { return j.here }) {
		return fmt.Errorf("ask cargo how units are made: %s", said)
	}
	for _, j := range jobs {
		switch {
		case !j.here:
			r.unknown(j, "no build that is known asks for it")
		case !j.same:
			r.unknown(j, "cargo would make it from something else now: its fingerprint is another one")
		case !found[j]:
			why := "cargo does not make it so at " + at.root
			if said != "" {
				why += ": " + said
			}
			r.drop(j, at, why)
		}
	}
	return nil
}

// drop takes the ways of a site from a job, and ends it where none is left.
func (r *run) drop(j *job, at *site, why string) {
	j.ways = slices.DeleteFunc(j.ways, func(w way) bool { return w.at == at || w.env == at })
	if len(j.ways) == 0 {
		r.unknown(j, why)
	}
}

// askBuilds asks for one build after the other until all units were asked for. It returns which were, and the first error
// that cargo printed.
func (r *run) askBuilds(ctx context.Context, at *site, view alias.View, notes, hollow string, jobs []*job) (found map[*job]bool, said string, err error) {
	var wanted []string
	for _, j := range jobs {
		if !slices.Contains(wanted, j.unit.Profile) {
			wanted = append(wanted, j.unit.Profile)
		}
	}
	found = map[*job]bool{}
	var asked [][]string
	ask := func(builds [][]string) error {
		for _, args := range builds {
			again := slices.ContainsFunc(asked, func(other []string) bool { return slices.Equal(other, args) })
			if len(found) == len(jobs) || again || len(asked) == maxBuilds {
				continue
			}
			asked = append(asked, args)
			text, err := r.runCargo(ctx, at, view, args)
			if err != nil {
				return err
			}
			if said == "" {
				said = text
			}
			if err := r.take(at, notes, hollow, jobs, found); err != nil {
				return err
			}
		}
		return nil
	}
	if err := ask(calls.Usual(r.dir.Profiles, wanted)); err != nil {
		return nil, "", err
	}
	for _, j := range jobs {
		if !found[j] {
			if err := ask(calls.For(j.unit, r.Checkout.Workspace)); err != nil {
				return nil, "", err
			}
		}
	}
	return found, said, nil
}

// take reads which units cargo has asked for.
func (r *run) take(at *site, notes, hollow string, jobs []*job, found map[*job]bool) error {
	all, err := calls.Take(notes)
	if err != nil {
		return err
	}
	for _, c := range all {
		s, ok := c.Subject(at.build)
		if !ok {
			continue
		}
		for _, j := range jobs {
			if found[j] || !isOf(s, j.unit) {
				continue
			}
			found[j] = true
			if at == r.sites.here {
				j.here, j.same = true, calls.SameHash(hollow, j.unit, r.dir)
			}
			c.Env = r.ownEnv(c.Env)
			j.calls[at] = c
			break
		}
	}
	return nil
}

// isOf reports whether a call is that of a unit.
func isOf(s calls.Subject, u *builddir.Unit) bool {
	if s.Profile != u.Profile || s.Run != u.Run {
		return false
	}
	if s.ID != "" {
		return s.ID == u.Dir.ID
	}
	return s.Crate == strings.ReplaceAll(u.Target, "-", "_") && u.Kind == "lib" && !u.Test
}

// runCargo runs cargo at a site, and returns the first line of what it complained of.
func (r *run) runCargo(ctx context.Context, at *site, view alias.View, args []string) (said string, err error) {
	program, err := lookPath(r.Tool.Cargo, r.Tool.Environ)
	if err != nil {
		return "", err
	}
	streams, err := newStreams(filepath.Join(r.temp, fmt.Sprint("cargo-", r.next.Add(1))))
	if err != nil {
		return "", err
	}
	defer streams.close()
	env := r.Tool.Environ
	for _, kv := range r.cargoEnv(at) {
		env = setEnv(env, kv)
	}
	args = append([]string{r.Tool.Cargo, "--config", "build.rustc-wrapper='" + r.standIn + "'"}, args...)
	status, err := r.inView(ctx, view, alias.Command{
		Path: program, Args: args, Env: env, Dir: at.root,
		Stdin: streams.in, Stdout: streams.out, Stderr: streams.err,
	})
	if err != nil {
		return "", fmt.Errorf("ask cargo how units are made: %w", err)
	}
	if status == 0 {
		return "", nil
	}
	text, err := os.ReadFile(streams.err.Name())
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "error: "); ok {
			return strings.TrimSpace(rest), nil
		}
	}
	return fmt.Sprintf("exit status %d", status.ExitStatus()), err
}

const wrapperVariable = "RUSTC_WRAPPER"

// cargoEnv is what is set in cargo's environment at a site.
func (r *run) cargoEnv(at *site) []string {
	env := []string{calls.Variable + "=" + at.build + "/" + builddir.MetaDir + "/calls", "CARGO_TERM_COLOR=never"}
	// It goes before configuration. Where there is none, none is set: scripts may watch the variable, and units have
	// another hash for it.
	if _, ok := r.Tool.Lookup(wrapperVariable); ok {
		env = append(env, wrapperVariable+"="+r.standIn)
	}
	if at == r.sites.here {
		return env
	}
	// An absolute path, be it of the environment or of configuration, is the checkout's.
	if ws := r.Checkout.Workspace; ws.BuildDir != ws.TargetDir {
		return append(env, "CARGO_BUILD_BUILD_DIR="+at.build)
	}
	return append(env, "CARGO_TARGET_DIR="+at.build)
}

// ownEnv is the environment of a call as it would be, had cargo not been asked: without a wrapper, which would answer
// or compile elsewhere, and without a jobserver that is no more.
func (r *run) ownEnv(env []string) []string {
	for _, kv := range r.cargoEnv(&site{}) {
		name, _, _ := strings.Cut(kv, "=")
		env = unsetEnv(env, name)
		if value, was := r.Tool.Lookup(name); was {
			env = append(env, name+"="+value)
		}
	}
	env = unsetEnv(env, wrapperVariable)
	return slices.DeleteFunc(env, func(kv string) bool {
		name, value, _ := strings.Cut(kv, "=")
		return name == "CARGO_MAKEFLAGS" || (name == "MAKEFLAGS" || name == "MFLAGS") && strings.Contains(value, "--jobserver")
	})
}

func setEnv(env []string, kv string) []string {
	name, _, _ := strings.Cut(kv, "=")
	return append(unsetEnv(env, name), kv)
}

func unsetEnv(env []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
}
