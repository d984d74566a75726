package survival

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

// A verdict counts what was looked at after interruptions.
type verdict struct {
	layers, marks       int // found again
	restored, built     int // builds of a new checkout, and where the command was
	clean               int // that were compared with a clean build
	broken              int // builds that failed where cargo's own files were lost
	damaged             int // of the warehouse, and removed
	again, withoutGit   int // commands run again; not, or only when git had mended its files
	sources             int // builds that cargo took for fresh, as a source was emptied and kept its time
	pending, kept, torn int // writes in power cuts
}

func (v *verdict) String() string {
	return fmt.Sprintf("%d layers and %d marks found again, %d restores and %d builds in place right, %d of them compared with a clean build, "+
		"%d builds failed by cargo's own files, %d files of the warehouse damaged and removed, %d commands run again, %d after git had lost files, %d builds after sources were emptied; "+
		"writes not flushed: %d, kept %d, torn %d",
		v.layers, v.marks, v.restored, v.built, v.clean, v.broken, v.damaged, v.again, v.withoutGit, v.sources, v.pending, v.kept, v.torn)
}

// A judgement is what is looked at after an interruption.
type judgement struct {
	*history
	n       int   // operations of the disk before it
	in      *step // the command that was interrupted
	powerOn bool  // only processes were killed: no file is lost
	verdict *verdict
}

// judge looks at everything that must hold after the interruption of a command.
func (j *judgement) judge() {
	j.t.Helper()
	unlockGit(j.t, j.w.origin.Path(".git"))
	labels := j.labels() // opens the store
	j.checks()
	j.layers(labels)
	j.marks()
	j.restores(labels)
	p := j.place(j.in.place)
	if j.chance(0.5) {
		j.buildsRight(p)
		j.again()
	} else {
		j.again()
		j.buildsRight(p)
	}
	j.checks()
	if j.t.Failed() && j.in.span.to != never {
		j.t.Logf("%v was interrupted after %d of the %d operations of the disk", j.in, j.n-j.in.span.from, j.in.span.to-j.in.span.from)
	}
}

// unlockGit does what git asks for where a git that was killed has left a lock.
func unlockGit(t testing.TB, dir string) {
	t.Helper()
	for _, pattern := range []string{"*.lock", "worktrees/*/*.lock"} {
		left, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range left {
			must(t, os.Remove(path))
		}
	}
}

// checks asks the program what it thinks of the store. What a power cut has damaged in
// the warehouse is compiled again: it may be there, and is removed when that is asked for.
func (j *judgement) checks() {
	j.t.Helper()
	w := j.w.origin
	r := w.TryCow("check", "--deep")
	for line := range strings.Lines(r.Stdout) {
		var v struct{ Reason, Path, Problem string }
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			j.t.Fatalf("check: %v: %v", err, r)
		}
		inWarehouse := strings.HasPrefix(v.Path, filepath.Join(j.w.store, "warehouse")+"/")
		if v.Problem != "" && (j.powerOn || !inWarehouse) {
			j.t.Errorf("check: %s: %s", v.Path, v.Problem)
		} else if v.Problem != "" {
			j.verdict.damaged++
		}
	}
	if r.Code != 0 {
		w.cow("check", "--deep", "--repair")
		w.checks()
	}
}

// layers compares the layers that are listed with the book.
func (j *judgement) layers(listed map[string]string) {
	j.t.Helper()
	for id, f := range j.book.layers {
		label, there := listed[id]
		switch {
		case !there && f.made.to <= j.n && f.removed.from >= j.n:
			j.t.Errorf("layer %s is gone, which was made by operations %v and removed by %v", id, f.made, f.removed)
		case there && f.made.from > j.n:
			j.t.Errorf("layer %s is there before it was made", id)
		case there:
			if sum := j.content(id); f.content != "" && sum != f.content {
				j.t.Errorf("layer %s, made by operations %v, is not what it was", id, f.made)
			}
			if may := f.labelled(j.n); !slices.Contains(may, label) {
				j.t.Errorf("layer %s is called %q, not one of %q", id, label, may)
			}
			j.verdict.layers++
		}
	}
	for id := range listed {
		if f := j.book.layers[id]; f != nil && f.content != "" {
			continue
		}
		if j.in.source == nil {
			j.t.Errorf("layer %s was made by nothing", id)
			continue
		}
		for name, sum := range j.files(filepath.Join(j.w.store, "layers", id)) {
			if want, ok := j.in.source[name]; ok && sum != want {
				j.t.Errorf("in layer %s %s is not what was built", id, name)
			}
		}
	}
	// What stands under the name of a layer is one.
	entries, err := os.ReadDir(filepath.Join(j.w.store, "layers"))
	if err != nil {
		j.t.Fatal(err)
	}
	for _, e := range entries {
		if _, ok := listed[e.Name()]; !ok {
			j.t.Errorf("%s lies with the layers and is not listed", e.Name())
		}
	}
}

// marks looks for what was built and not sealed.
func (j *judgement) marks() {
	j.t.Helper()
	for _, m := range j.book.marks {
		if m.from > j.n || m.until <= j.n {
			continue
		}
		if found := j.place(m.place).found(); !slices.Contains(found, m.text) {
			j.t.Errorf("the build directory of %s that was marked %s is gone (operations %d to %d); marked are %q", m.place, m.text, m.from, m.until, found)
		}
		j.verdict.marks++
	}
}

// restores makes a new checkout from one of the layers, or from the one that fits best,
// and builds there.
func (j *judgement) restores(listed map[string]string) {
	j.t.Helper()
	z := j.place("z")
	empty := func() { z.Must("rm", "-rf", z.Target(), z.Path("target.cargo-cow-undo")) }
	empty()
	if j.chance(0.3) { // from the warehouse alone
		if says, failed := z.tryBuild("RUSTC_WRAPPER=" + fixture.Wrapper(j.t)); failed != "" || says != "first cow" {
			j.t.Errorf("in a new checkout, with the wrapper, the program says %q, want %q; %s", says, "first cow", failed)
		}
		empty()
	}
	args := []string{"restore"}
	if from := slices.Sorted(maps.Keys(listed)); j.chance(0.7) {
		from = slices.DeleteFunc(from, func(id string) bool { return id == j.book.leaf })
		args = append(args, "--from="+from[j.random.IntN(len(from))])
	}
	z.cow(args...)
	if says, failed := z.tryBuild(); failed != "" || says != "first cow" {
		j.t.Errorf("after %q in a new checkout the program says %q, want %q; %s", args, says, "first cow", failed)
	}
	z.tidy()
	j.verdict.restored++
}

// tryBuild builds, at times through the wrapper, and returns what the program says, or
// what failed.
func (c *checkout) tryBuild(env ...string) (says, failed string) {
	c.T.Helper()
	if !fixture.Exists(c.Target()) && len(env) == 0 {
		fixture.Acquaint(c.T, c.Target(), c.Env)
	}
	p := c.with(env...)
	if r := p.Run("cargo", "build", "--offline", "--quiet"); r.Code != 0 {
		return "", r.String()
	}
	program := c.Target("debug/app")
	if dir := fixture.Variable(p.Env, "CARGO_TARGET_DIR"); dir != "" {
		program = filepath.Join(dir, "debug/app")
	}
	// A linker makes a file of its length first, and then writes it.
	if head, err := readHead(program); err != nil || head != "\x7fELF" {
		return "", fmt.Sprintf("%s is no program: it begins with %q, %v", program, head, err)
	}
	q := c.Run(program)
	if q.Code != 0 {
		return "", q.String()
	}
	return strings.TrimSpace(q.Stdout), ""
}

func readHead(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	head := make([]byte, 4)
	n, err := f.Read(head)
	return string(head[:n]), err
}

// buildsRight builds where the command was interrupted: the program is that of a clean
// build.
func (j *judgement) buildsRight(p *checkout) {
	j.t.Helper()
	want := p.foretold()
	if want == "" || j.chance(0.2) {
		dir := j.t.TempDir()
		said, failed := p.tryBuild("CARGO_TARGET_DIR=" + dir)
		if want != "" && (said != want || failed != "") {
			j.t.Errorf("a clean build in %s says %q, not %q; %s", p.Name(), said, want, failed)
		}
		want = said // "": the sources are lost, and nothing can be built
		j.verdict.clean++
	}
	var env []string
	if j.chance(0.5) {
		env = []string{"RUSTC_WRAPPER=" + fixture.Wrapper(j.t)}
	}
	said, failed := p.tryBuild(env...)
	if failed != "" && want != "" && j.mayBreak() {
		// What the documentation says to do.
		j.verdict.broken++
		p.Must("rm", "-rf", p.Target())
		p.cow("restore")
		said, failed = p.tryBuild(env...)
	}
	if failed == "" && said != want && !j.powerOn && p.foretold() == "" {
		// What git checks out it does not sync: a source is empty now, with the time that it
		// had. No cargo sees that; once it does, it compiles.
		j.verdict.sources++
		for _, name := range []string{"name", "app/src/main.rs", "liba/src/lib.rs"} {
			p.Must("touch", "--no-create", name)
		}
		said, failed = p.tryBuild(env...)
	}
	if said != want || failed != "" && want != "" {
		j.t.Errorf("the program in %s says %q, that of a clean build says %q; %s", p.Name(), said, want, failed)
	}
	j.verdict.built++
}

// mayBreak reports whether a power cut may have emptied files of a build directory: those
// that cargo wrote, and with drivers that copy file by file, those that a restore did.
func (j *judgement) mayBreak() bool {
	return !j.powerOn && (j.fstype != "btrfs" || j.book.unsealed(j.in.place, j.n))
}

// again runs the command once more, which then does what it would have done.
func (j *judgement) again() {
	j.t.Helper()
	if j.in.kind == "build" {
		return
	}
	p := j.place(j.in.place)
	if j.in.kind == "switch" && p.Run("git", "status").Code != 0 {
		j.verdict.withoutGit++
		return
	}
	// Git waits for nothing that it checks out.
	if p.Run("cargo", "metadata", "--offline", "--format-version=1").Code != 0 {
		if j.powerOn {
			j.t.Errorf("cargo cannot read the manifest in %s", p.Name())
		}
		j.verdict.withoutGit++
		p.Must("git", "reset", "--quiet", "--hard")
	}
	if j.in.kind == "snapshot" || j.in.kind == "graft" {
		// It wants something that is built, and is run for that after a power cut.
		if _, failed := p.tryBuild(); failed != "" {
			if !j.mayBreak() && p.foretold() != "" {
				j.t.Errorf("build before %q: %s", j.in.args, failed)
			}
			return
		}
	}
	if r := j.start(j.in).Wait(); !slices.Contains(j.in.again, r.Code) {
		j.t.Errorf("%v, again: %v", j.in, r)
	}
	if !slices.Contains([]string{"rm", "prune", "label"}, j.in.kind) { // those do not look at build directories
		p.tidy()
	}
	j.verdict.again++
}
