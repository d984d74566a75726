package soundness

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

// A scene is a hazard's world, in which the hazard happens in one way after the
// other. One build of the origin serves all of them, and one clean build wherever
// another would be given the same.
type scene struct {
	hazard
	dir    string              // where the world lies
	as     *syscall.Credential // who works there; nil: who runs the tests
	w      *world
	around string            // what lay around the checkout when the origin was built
	truths map[string]string // what clean builds gave, by all that they were given
}

func newScene(h hazard, dir string) *scene {
	return &scene{hazard: h, dir: dir, truths: map[string]string{}}
}

// without is the variable that switches rules off.
const without = "CARGO_COW_TEST_WITHOUT="

// begin has the world as it is when the origin was built and not sealed, without
// another checkout. The files are those that it was built from, to the inode: a source with
// the same content that was written since is a hazard of its own.
func (s *scene) begin(t *testing.T, env ...string) *world {
	t.Helper()
	if s.w != nil {
		s.w.again(t)
		if s.w.around() != s.around {
			s.putAway(s.built())
			s.putAway(s.w.Dir)
			s.w = nil
		}
	}
	if s.w == nil {
		s.build(t)
	} else if fixture.Exists(s.w.Path("store")) {
		s.putAway(s.w.Path("store"))
		s.putAway(s.w.Path("a/target"))
		s.w.origin.Must("cp", "--archive", s.built(), s.w.Path("a/target"))
	}
	w := *s.w
	w.Env = slices.Concat(w.Env, env)
	w.begin(t)
	return &w
}

// build makes the hazard's world, with the origin built.
func (s *scene) build(t *testing.T) {
	t.Helper()
	home := filepath.Join(s.dir, strings.ReplaceAll(s.name, "/", "-"))
	w := newWorld(t, home, strings.Split(strings.ReplaceAll(strings.Join(s.env, "\n"), "$W", home), "\n")...)
	if s.as != nil {
		w.Own(".", int(s.as.Uid))
		w.User = s.as
		w.begin(t)
	}
	ar := txtar.Parse([]byte(s.files))
	w.lay(ar, "a", "a")
	w.lay(ar, "ext", "ext")
	if s.origin != nil {
		s.origin(w)
	} else {
		w.build()
	}
	s.w, s.around = w, w.around()
	w.origin.Must("cp", "--archive", w.Path("a/target"), s.built())
}

// again takes the checkout away, so that there can be another one at its path.
func (w *world) again(t *testing.T) {
	t.Helper()
	w.begin(t)
	if fixture.Exists(w.checkout.Dir) {
		w.origin.Must("git", "worktree", "remove", "--force", w.checkout.Dir)
	}
	w.Remove("aside")
}

// built is the origin's build directory as it was before it was sealed.
func (s *scene) built() string { return s.w.Dir + ".built" }

// putAway renames what is in the way: layers are not deleted as files are.
func (s *scene) putAway(name string) {
	s.w.T.Helper()
	away, err := os.MkdirTemp(s.dir, ".away-")
	if err == nil {
		err = os.Rename(name, filepath.Join(away, filepath.Base(name)))
	}
	if err != nil {
		s.w.T.Fatal(err)
	}
}

// truth is what a clean build in the checkout gives. It is built anew unless one was
// given the same: the same files at the same paths, the same commits, and the same
// environment.
func (s *scene) truth(w *world, observe func(w *world) string) string {
	w.T.Helper()
	env := slices.DeleteFunc(slices.Clone(w.checkout.Env), func(kv string) bool { return strings.HasPrefix(kv, without) })
	branch, refs := w.checkout.Run("git", "symbolic-ref", "--quiet", "HEAD"), w.checkout.Says("git", "show-ref", "--head")
	given := fmt.Sprintf("%q\n%s\n%s\n%s", env, branch.Stdout, refs, w.contents())
	truth, known := s.truths[given]
	if !known {
		if err := os.Rename(w.Path("b/target"), w.Path("aside")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			w.T.Fatal(err)
		}
		truth = observe(w)
		s.truths[given] = truth
	}
	return truth
}

// around tells whether a file beside the checkout has changed or was written again.
func (w *world) around() string {
	w.T.Helper()
	return w.list([]string{"b"}, func(path string) (string, error) {
		var st unix.Stat_t
		err := unix.Lstat(path, &st)
		return fmt.Sprint(st.Ino, st.Mode, st.Size, st.Mtim, st.Ctim), err
	})
}

// contents is what a build can read in the world.
func (w *world) contents() string {
	w.T.Helper()
	return w.list(nil, func(path string) (string, error) {
		info, err := os.Lstat(path)
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			to, err := os.Readlink(path)
			return "to " + to, err
		}
		text, err := os.ReadFile(path)
		return fmt.Sprintf("%v %x", info.Mode(), sha256.Sum256(text)), err
	})
}

// list has a line for each file of the world, with what tell says of it: but for
// those of git, builds, cargo-cow and the tests themselves, and those below apart.
func (w *world) list(apart []string, tell func(path string) (string, error)) string {
	w.T.Helper()
	apart = append([]string{"a/.git", "b/.git", "a/target", "b/target", "store", "aside"}, apart...)
	var lines bytes.Buffer
	err := filepath.WalkDir(w.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, w.Dir+"/")
		switch {
		case slices.Contains(apart, name) && d.IsDir():
			return fs.SkipDir
		case slices.Contains(apart, name), strings.HasSuffix(name, ".mark") && !strings.Contains(name, "/"):
			return nil
		case d.IsDir():
			fmt.Fprintf(&lines, "%q\n", name)
			return nil
		}
		told, err := tell(path)
		fmt.Fprintf(&lines, "%q %s\n", name, told)
		return err
	})
	if err != nil {
		w.T.Fatal(err)
	}
	return lines.String()
}
