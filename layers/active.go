package layers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/cargo"
	"github.com/cargo-cow/cargo-cow/layers/internal/crashpoint"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/locate"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Active is a writable tree in use as a build directory. Only an Active is ever
// written to; a layer is named by its Record and has no method that writes.
type Active struct {
	// Layer is what the directory was restored from or last sealed as.
	Layer string `json:"layer"`
	// Restored is the one time that the last restore gave to the files of
	// mutable units, in ns since 1970; 0 when there was none.
	Restored int64 `json:"restored,omitempty"`
	// Noted are the reasons for which that restore had units rebuilt.
	Noted []cargo.Noted `json:"noted,omitempty"`
	// Placed is when that restore had written its last file, by the kernel's clock,
	// in ns: a file that changed later is somebody else's.
	Placed int64 `json:"placed,omitempty"`
	// Lacked are files that units were built from and that restore did not find.
	Lacked []string `json:"lacked,omitempty"`
}

// preparedFile marks a tree that has not been put in place yet. A tree left over
// without it is what a crash kept a restore from setting aside for undo.
const preparedFile = paths.TreePrepared

var (
	pointExchanged = crashpoint.New("replace.exchanged")
	pointAside     = crashpoint.New("replace.aside")
)

// readActive reads what a build directory says of itself. One that says nothing,
// or nothing legible, is one this program knows nothing of.
func readActive(dir string) Active {
	var a Active
	b, err := os.ReadFile(filepath.Join(dir, activeFile))
	if err != nil || json.Unmarshal(b, &a) != nil {
		return Active{}
	}
	return a
}

func (a Active) write(dir string) error {
	b, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("write %s: %w", activeFile, err)
	}
	if err := os.MkdirAll(filepath.Join(dir, metaDir), 0o777); err != nil {
		return fmt.Errorf("write %s: %w", activeFile, err)
	}
	return writeMeta(dir, activeFile, b)
}

// writeMeta replaces one of this program's files in a build directory. It does
// not wait for the disk: sealing does, and what a power cut takes from a build
// directory is found missing, and then its units are inspected anew.
func writeMeta(dir, name string, b []byte) error {
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path+".new", b, 0o666); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// appendMeta adds to one of this program's files in a build directory. A process
// that dies leaves a part of b there; what reads the file has to see that.
func appendMeta(dir, name string, b []byte) error {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// claim keeps other commands of this program away from one build directory. What
// a crashed one left beside it is put away at once, and what this one leaves when
// it fails is with its release.
func (s *Store) claim(ctx context.Context, t target, notify Notify) (release func() error, err error) {
	unlock, err := s.lockPlace(ctx, t, func() {
		if notify != nil {
			notify("another cargo-cow in " + t.path)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("claim %s: %w", t.path, err)
	}
	note(s.claimFile(t), t.path+"\n")
	before, err := lookBeside(t)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("claim %s: %w", t.path, err), unlock())
	}
	if err := s.tidy(ctx, t); err != nil {
		if _, unfit := s.look(t); unfit != nil {
			err = unfit // which says why nothing can be done there
		}
		return nil, errors.Join(err, before.restore(t), unlock())
	}
	return func() error {
		return errors.Join(s.tidy(context.WithoutCancel(ctx), t), before.restore(t), unlock())
	}, nil
}

// beside is the directory that holds the build directory: often the root of a
// package, whose time tells whether a file was removed from it. What this
// program does there is no such change.
type beside struct {
	names []string
	mtime unix.Timespec
}

func lookBeside(t target) (*beside, error) {
	dir := filepath.Dir(t.path)
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: dir, Err: err}
	}
	all, err := names(dir)
	if err != nil {
		return nil, err
	}
	return &beside{others(t, all), st.Mtim}, nil
}

// others leaves out the names that belong to this program.
func others(t target, all []string) []string {
	own := filepath.Base(t.path)
	all = slices.DeleteFunc(all, func(n string) bool {
		return n == own || n == own+undoSuffix || strings.HasPrefix(n, "."+own+paths.BesideMark)
	})
	slices.Sort(all)
	return all
}

// restore gives the directory its time back, unless somebody else changed it
// meanwhile.
func (b *beside) restore(t target) error {
	if b == nil {
		return nil
	}
	dir := filepath.Dir(t.path)
	now, err := names(dir)
	if err != nil || !slices.Equal(others(t, now), b.names) {
		return nil
	}
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, b.mtime}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, dir, times, 0); err != nil && !errors.Is(err, unix.EPERM) {
		return &fs.PathError{Op: "set time of", Path: dir, Err: err}
	}
	return nil
}

func (s *Store) claimFile(t target) string {
	return filepath.Join(s.opts.Dir, leasesDir, placePrefix+placeID(t))
}

// placePrefix begins the names of the files by which build directories are claimed.
const placePrefix = paths.PlacePrefix

// note writes into a claim where its build directory is, for those who look for
// what is still in use. It is advice.
func note(claim, text string) {
	if b, err := os.ReadFile(claim); err != nil || string(b) == text {
		return
	}
	_ = os.WriteFile(claim, []byte(text), 0o600)
}

// tidy removes trees that were being prepared when a process died, and keeps for
// undo one that had been replaced.
func (s *Store) tidy(ctx context.Context, t target) error {
	parent, prefix := filepath.Split(t.tmp)
	left, err := names(parent)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("tidy up beside %s: %w", t.path, err)
	}
	s.putAwayStub(ctx, t.undo)
	s.putAwayStub(ctx, t.misnamed)
	for _, name := range left {
		path := filepath.Join(parent, name)
		if path != t.swap && !strings.HasPrefix(name, prefix) {
			continue
		}
		if s.putAwayStub(ctx, path) {
			continue
		}
		if _, err := os.Lstat(filepath.Join(path, preparedFile)); path == t.swap && errors.Is(err, fs.ErrNotExist) {
			if err := s.setAside(ctx, t, path); err != nil {
				return err
			}
			continue
		}
		if err := s.remove(ctx, t, path); err != nil {
			return fmt.Errorf("tidy up beside %s: %w", t.path, err)
		}
	}
	if there(t.misnamed) && !there(t.undo) {
		if err := s.setAside(ctx, t, t.misnamed); err != nil {
			return err
		}
	}
	if err := os.Remove(filepath.Join(t.path, preparedFile)); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTDIR) {
		return fmt.Errorf("tidy up %s: %w", t.path, err)
	}
	return nil
}

// setAside makes the tree at path what undo brings back.
func (s *Store) setAside(ctx context.Context, t target, path string) error {
	if err := s.remove(ctx, t, t.undo); err != nil {
		return fmt.Errorf("remove what an earlier restore replaced: %w", err)
	}
	if err := disown(path); err != nil {
		return fmt.Errorf("set aside %s: %w", t.path, err)
	}
	if err := driver.Publish(path, t.undo); err != nil {
		return fmt.Errorf("set aside %s: %w", t.path, err)
	}
	return nil
}

// ignoreReplaced tells git, and whatever goes by its rules, to pass over a tree
// that was set aside: the project's own rules name the build directory alone.
const ignoreReplaced = "# What the last restore of cargo-cow replaced\n*\n"

// disown marks a tree as one that was set aside.
func disown(tree string) error {
	name := filepath.Join(tree, ignoreFile)
	if there(name) {
		return nil
	}
	err := os.WriteFile(name, []byte(ignoreReplaced), 0o666)
	if isFull(err) {
		return nil // init has put it among what the repository excludes, too
	}
	return err
}

// own takes back the mark of disown.
func own(tree string) error {
	name := filepath.Join(tree, ignoreFile)
	if b, err := os.ReadFile(name); err != nil || string(b) != ignoreReplaced {
		return nil
	}
	return os.Remove(name)
}

// prepare makes a tree beside the build directory: a copy of from, or an empty
// one. It carries the mark of a tree that is not in place yet.
func (s *Store) prepare(ctx context.Context, t target, from string) (string, error) {
	if err := makeParent(t); err != nil {
		return "", err
	}
	tmp := t.tmp + digest.OfText(fmt.Sprint(os.Getpid(), time.Now().UnixNano()))[:8]
	var err error
	if from == "" {
		err = s.opts.Driver.Create(ctx, tmp)
	} else {
		err = s.opts.Driver.Clone(ctx, tmp, from)
	}
	if err == nil {
		clearStubs(tmp)
		err = prepared(tmp)
	}
	if err == nil {
		err = locate.Note(tmp, s.noted())
	}
	if err != nil {
		return "", s.explainMove(t, fmt.Errorf("prepare %s: %w", t.path, err))
	}
	return tmp, nil
}

// prepared puts the mark of a tree that is not in place yet into dir.
func prepared(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, metaDir), 0o777); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, preparedFile), nil, 0o666)
}

func syncFileSystem(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return &fs.PathError{Op: "sync file system of", Path: dir, Err: err}
	}
	return nil
}

// install puts a prepared tree in the place of the build directory, in one step.
// It returns where what was there before lies now, "" if there was nothing.
// locks are Cargo's on what is there.
func (s *Store) install(t target, tmp string, locks *cargo.Locks) (replaced string, err error) {
	switch err := driver.Publish(tmp, t.path); {
	case err == nil:
		return "", s.installed(t)
	case !errors.Is(err, fs.ErrExist):
		return "", s.explainMove(t, fmt.Errorf("put %s in place: %w", t.path, err))
	}
	// From here on the name tells what is under it: with the mark what was
	// prepared, without it what was replaced.
	if err := driver.Publish(tmp, t.swap); err != nil {
		return "", fmt.Errorf("replace %s: %w", t.path, err)
	}
	if err := s.exchange(t, t.swap, locks, pointExchanged); err != nil {
		return "", err
	}
	return t.swap, s.installed(t)
}

func (s *Store) installed(t target) error {
	if err := os.Remove(filepath.Join(t.path, preparedFile)); err != nil {
		return fmt.Errorf("put %s in place: %w", t.path, err)
	}
	return pointAside.Hit()
}

// exchange exchanges the build directory with the tree beside it, unless a cargo
// is about to build in it. One that had opened a lock file before would build in
// the new directory under the lock of the old; so the exchange is taken back if
// any came while it was made.
func (s *Store) exchange(t target, other string, locks *cargo.Locks, point *crashpoint.Point) error {
	busy := func() error {
		return &HelpError{fmt.Errorf("replace %s: %w: a cargo has come to build in it", t.path, ErrBusy), "run it again when cargo is done"}
	}
	if err := checkOwn(t, locks); err != nil {
		return err
	}
	if err := locks.Guard(); errors.Is(err, cargo.ErrLocked) {
		return busy()
	} else if err != nil {
		return fmt.Errorf("replace %s: %w", t.path, err)
	}
	defer locks.Unguard()
	if err := driver.Exchange(other, t.path); err != nil {
		return s.explainMove(t, fmt.Errorf("replace %s: %w", t.path, err))
	}
	err := point.Hit()
	if err == nil {
		var disturbed bool
		if disturbed, err = locks.Disturbed(t.path, other); disturbed {
			err = busy()
		}
	}
	if err != nil {
		return errors.Join(err, driver.Exchange(other, t.path))
	}
	return nil
}
