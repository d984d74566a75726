package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/driver/btrfs"
	"github.com/cargo-cow/cargo-cow/driver/plain"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/lease"
	"github.com/cargo-cow/cargo-cow/layers/prune"
)

// operatorVariable is set in the environment of this test binary where it is one of the
// processes at work on a store; its value is the setting.
const operatorVariable = "CARGO_COW_MODEL_OPERATOR"

// A setting is what a process needs to know.
type setting struct {
	Number  int
	Store   string
	Driver  string
	Program string // cargo-cow itself, which cargo is given in the place of rustc when it plans
	Env     []string
	Places  []string
	Crates  string // a directory for the calls of rustc that the warehouse is asked about
	Written written
}

// written is which files of a build directory a build writes, relative to it.
type written struct {
	Programs []string // names of one file
	DepInfo  string
}

// An operator is such a process.
type operator struct {
	setting
	driver    driver.Driver
	checkouts map[string]*layers.Checkout // by directory and commit
	leases    map[string]func() error
}

// operate carries out what stdin asks for, one after the other, until it ends.
func operate(text string) error {
	o := &operator{checkouts: map[string]*layers.Checkout{}, leases: map[string]func() error{}}
	if err := json.Unmarshal([]byte(text), &o.setting); err != nil {
		return err
	}
	o.driver = driverOf(o.Driver)
	requests, responses := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var q request
		if err := requests.Decode(&q); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := responses.Encode(o.do(q)); err != nil {
			return err
		}
	}
}

func driverOf(name string) driver.Driver {
	switch name {
	case "btrfs":
		return btrfs.New()
	case "reflink":
		return plain.New(plain.Reflink)
	}
	return plain.New(plain.Copy)
}

func (o *operator) do(q request) (r response) {
	r.Began = ticks()
	err := layers.ArmCrashpoint(q.Point)
	if err == nil {
		err = o.perform(q, &r)
	}
	r.fail(err)
	r.Ended = ticks()
	return r
}

func (o *operator) perform(q request, r *response) error {
	switch q.Op {
	case opBuild:
		return o.build(o.Places[q.Place], q, r)
	case opHold:
		return o.hold(q)
	case opDrop:
		return o.drop(q.Ref)
	case opPut, opGet, opVerify, opSweep:
		return o.warehouse(q, r)
	case opTimes:
		return o.times(q)
	case opSettle:
		return o.settle(q)
	}
	s, err := o.open(q)
	if err != nil {
		return err
	}
	switch q.Op {
	case opLabel:
		rec, changed, err := s.SetLabel(background, q.Ref, q.Label)
		if err == nil {
			r.Layer, r.Label, r.Changed = rec.ID, rec.Label, changed
		}
		return err
	case opRemove:
		rec, err := s.Removable(background, q.Ref)
		if err == nil {
			r.Layer = rec.ID
			err = s.Remove(background, rec.ID)
		}
		return err
	case opPrune:
		return o.prune(s, q, r)
	case opList:
		list, err := s.Layers(background)
		r.Listed = map[string]string{}
		for _, rec := range list {
			r.Listed[rec.ID] = rec.Label
		}
		return err
	case opShow:
		rec, _, units, err := s.Show(background, q.Ref)
		if err == nil {
			r.Layer, r.Label, r.Parent, r.Units = rec.ID, rec.Label, rec.Parent, len(units)
		}
		return err
	case opCheck:
		return check(s, r)
	}
	return o.atPlace(s, q, r)
}

// atPlace carries out what concerns a build directory.
func (o *operator) atPlace(s *layers.Store, q request, r *response) error {
	co, err := o.checkout(o.Places[q.Place])
	if err != nil {
		return err
	}
	switch q.Op {
	case opSnapshot:
		return snapshot(s, co, q.Label, r)
	case opExtend:
		rep, err := s.Extend(background, co, q.Ref, q.From)
		if err == nil {
			r.Layer, r.Label, r.Parent, r.Created, r.Units = rep.ID, rep.Label, rep.Parent, rep.CreatedNew, len(rep.Grafted.Units)
		}
		return err
	case opRestore:
		rep, err := s.Restore(background, co, layers.RestoreOptions{From: q.Ref})
		if err == nil {
			r.Layer, r.Undo = rep.ID, rep.Undo
			if rep.Grafted != nil {
				r.Units = len(rep.Grafted.Units)
			}
		}
		return err
	case opUndo:
		_, err := s.Undo(background, co, false, nil)
		return err
	case opGraft:
		rep, err := s.Graft(background, co, layers.GraftOptions{})
		if err == nil {
			r.Units = len(rep.Units)
		}
		return err
	case opSwitch:
		return o.switchTo(s, co, q, r)
	}
	return fmt.Errorf("%s: no such operation", q.Op)
}

func (o *operator) open(q request) (*layers.Store, error) {
	return layers.Open(background, layers.Options{
		Dir: o.Store, Driver: o.driver, Now: func() time.Time { return time.Now().Add(q.Clock) },
		Tool: "cargo-cow model", Self: o.Program, Temp: os.TempDir(), Passing: true,
	})
}

// checkout asks cargo and git about a place, once for each commit there.
func (o *operator) checkout(place string) (*layers.Checkout, error) {
	key := place + " " + headOf(place)
	if co := o.checkouts[key]; co != nil {
		return co, nil
	}
	s, err := open.New(open.Options{Dir: place, Environ: o.Env, Tool: "cargo-cow model"})
	if err != nil {
		return nil, err
	}
	co, err := s.Checkout(background)
	if err == nil {
		o.checkouts[key] = co
	}
	return co, err
}

// headOf is what git has checked out in a place, "" where git does not know it.
func headOf(place string) string {
	git := filepath.Join(place, ".git")
	if text, err := os.ReadFile(git); err == nil { // a linked worktree
		git = strings.TrimSpace(strings.TrimPrefix(string(text), "gitdir: "))
	}
	head, _ := os.ReadFile(filepath.Join(git, "HEAD"))
	return strings.TrimSpace(string(head))
}

func snapshot(s *layers.Store, co *layers.Checkout, label string, r *response) error {
	rep, err := s.Snapshot(background, co, layers.SnapshotOptions{Label: label})
	if err == nil {
		r.Layer, r.Label, r.Parent, r.Created = rep.ID, rep.Label, rep.Parent, rep.CreatedNew
	}
	return err
}

// switchTo is what the command of that name does.
func (o *operator) switchTo(s *layers.Store, co *layers.Checkout, q request, r *response) error {
	sealed := &response{Began: ticks()}
	err := snapshot(s, co, "", sealed)
	sealed.Ended = ticks()
	if !errors.Is(err, layers.ErrNoTarget) {
		sealed.fail(err)
		r.Sealed = sealed
		if err != nil {
			return err
		}
	}
	git := exec.Command("git", "switch", "--quiet", "--discard-changes", "--detach", q.Commit) // what a fault left of the last one
	git.Dir, git.Env = o.Places[q.Place], o.Env
	if out, err := git.CombinedOutput(); err != nil {
		return fmt.Errorf("git switch: %w: %s", err, out)
	}
	r.Middle = ticks()
	if co, err = o.checkout(o.Places[q.Place]); err != nil {
		return err
	}
	if s, err = o.open(q); err != nil {
		return err
	}
	rep, err := s.Switch(background, co, layers.SwitchOptions{})
	if rep != nil && rep.Restored != nil {
		r.Restored, r.Layer, r.Undo = true, rep.Restored.ID, rep.Restored.Undo
		if rep.Restored.Grafted != nil {
			r.Units = len(rep.Restored.Grafted.Units)
		}
	}
	return err
}

// prune is what the command of that name does with layers.
func (o *operator) prune(s *layers.Store, q request, r *response) error {
	uses, err := s.LayerUses(background, s.BuildDirs(background))
	if err != nil {
		return err
	}
	r.Now = time.Now().Add(q.Clock)
	var candidates []prune.Item
	for _, u := range uses {
		r.Used = append(r.Used, used{u.ID, u.Label, u.Created, u.LastUse, u.Leased})
		candidates = append(candidates, prune.Item{
			Kind: prune.Layer, ID: u.ID, Fingerprint: u.Fingerprint, Created: u.Created, LastUse: u.LastUse,
			Label: u.Label, Pinned: u.Pinned, Leased: u.Leased, OriginGone: u.OriginGone,
		})
	}
	plan := prune.New(candidates, q.Policy, r.Now)
	if q.Policy.KeepUnder > 0 {
		found, err := s.Survey(background, s.BuildDirs(background))
		if err != nil {
			return err
		}
		isLayer := map[string]bool{}
		for _, u := range uses {
			isLayer[u.ID] = true
		}
		plan.Fit(found.Shares(func(id string) bool { return isLayer[id] }), q.Policy, r.Now)
	}
	r.Middle = ticks()
	for _, v := range plan.Victims {
		err := s.Remove(background, v.ID)
		kind := kindOf(err)
		r.Fates = append(r.Fates, fate{v.ID, kind})
		if kind != "" && kind != inUse && kind != notFound {
			return err
		}
	}
	return nil
}

func check(s *layers.Store, r *response) error {
	problems, err := s.Check(background, layers.Checking{})
	for _, p := range problems {
		r.Problems = append(r.Problems, p.Path+": "+p.Problem)
	}
	return err
}

// hold leases a layer as a restore does, and looks for it then.
func (o *operator) hold(q request) error {
	if _, err := o.open(q); err != nil {
		return err
	}
	if o.leases[q.Ref] != nil {
		return nil
	}
	release, err := lease.Acquire(filepath.Join(o.Store, "leases"), q.Ref)
	if errors.Is(err, lease.ErrHeld) {
		return fmt.Errorf("%w: %w", layers.ErrNotFound, err)
	}
	if err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(o.Store, "layers", q.Ref)); err != nil {
		if isGone(err) {
			err = layers.ErrNotFound
		}
		return errors.Join(err, release())
	}
	o.leases[q.Ref] = release
	return nil
}

func (o *operator) drop(id string) error {
	release := o.leases[id]
	if release == nil {
		return nil
	}
	delete(o.leases, id)
	return release()
}

// settle claims every build directory, and so puts away what is left beside it.
func (o *operator) settle(q request) error {
	s, err := o.open(q)
	if err != nil {
		return err
	}
	for _, place := range o.Places {
		co, err := o.checkout(place)
		if err != nil {
			return err
		}
		_, err = s.Restore(background, co, layers.RestoreOptions{DryRun: true})
		if kind := kindOf(err); kind != "" && kind != noLayer {
			return fmt.Errorf("settle %s: %w", place, err)
		}
	}
	return nil
}

// build is a build as other processes see it: it takes cargo's lock, which may have to be
// waited for, and writes a program.
func (o *operator) build(place string, q request, r *response) error {
	dir := filepath.Join(place, "target")
	for {
		lock, err := os.OpenFile(filepath.Join(dir, "debug/.cargo-lock"), os.O_RDWR|os.O_CREATE, 0o666)
		if isGone(err) {
			return errNoBuild
		}
		if err != nil {
			return err
		}
		if err := flock(lock.Fd(), syscall.LOCK_EX); err != nil {
			return errors.Join(err, lock.Close())
		}
		mine, err := lock.Stat()
		if err != nil {
			return errors.Join(err, lock.Close())
		}
		if named, err := os.Stat(lock.Name()); err != nil || !os.SameFile(mine, named) {
			// Cargo would build in the one directory under the lock of the other.
			r.Displaced = true
			lock.Close()
			continue
		}
		// No rustc is done sooner, and the clock of the kernel has moved on.
		time.Sleep(5 * time.Millisecond)
		err = o.Written.write(dir, q.Number)
		return errors.Join(err, flock(lock.Fd(), syscall.LOCK_UN), lock.Close())
	}
}

// write writes a program, with all its names, and before it its dep-info, which is what
// tells one build from another.
func (w written) write(dir string, number int) error {
	dep := filepath.Join(dir, w.DepInfo)
	text, err := os.ReadFile(dep)
	if err != nil {
		return err
	}
	was, err := os.Stat(dep)
	if err != nil {
		return err
	}
	for newer := false; !newer; {
		if err := replace(dep, text, 0o644); err != nil {
			return err
		}
		now, err := os.Stat(dep)
		if err != nil {
			return err
		}
		newer = now.ModTime().After(was.ModTime())
	}
	first := filepath.Join(dir, w.Programs[0])
	if err := replace(first, program(number), 0o755); err != nil {
		return err
	}
	for _, name := range w.Programs[1:] {
		path := filepath.Join(dir, name)
		if err := os.Link(first, path+".new"); err != nil {
			return err
		}
		if err := os.Rename(path+".new", path); err != nil {
			return err
		}
	}
	return nil
}

func replace(path string, text []byte, mode os.FileMode) error {
	if err := os.WriteFile(path+".new", text, mode); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// program is what a build writes: some are so small that Btrfs keeps them among its own
// data, and some have several extents' worth.
func program(number int) []byte {
	random := rand.NewChaCha8([32]byte{byte(number), byte(number >> 8), byte(number >> 16), byte(number >> 24)})
	sizes := []int{100, 2000, 3000, 5000, 20_000, 70_000}
	text := make([]byte, sizes[number%len(sizes)])
	random.Read(text)
	return append(fmt.Appendf(nil, "program %d\n", number), text...)
}

// times gives files of the store, of which some are stamps, times far away.
func (o *operator) times(q request) error {
	random := rand.New(rand.NewPCG(q.Random, 0))
	for _, kind := range []string{"lastuse", "records", "leases", "labels", "warehouse/units/*", "warehouse/files/*"} {
		files, err := filepath.Glob(filepath.Join(o.Store, kind, "*"))
		if err != nil {
			return err
		}
		for _, file := range files {
			if random.IntN(3) > 0 {
				continue
			}
			far := []time.Duration{-time.Minute, 50 * time.Minute, -2 * time.Hour, -40 * 24 * time.Hour, 100 * 24 * time.Hour, -40 * 365 * 24 * time.Hour, 60 * 365 * 24 * time.Hour}
			at := unix.NsecToTimespec(time.Now().Add(far[random.IntN(len(far))]).UnixNano())
			err := unix.UtimesNanoAt(unix.AT_FDCWD, file, []unix.Timespec{at, at}, unix.AT_SYMLINK_NOFOLLOW)
			if err != nil && !isGone(err) {
				return &os.PathError{Op: "set time of", Path: file, Err: err}
			}
		}
	}
	return nil
}
