package layers

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/internal/crashpoint"
	"github.com/cargo-cow/cargo-cow/layers/internal/ls"
	"github.com/cargo-cow/cargo-cow/layers/lease"
	"github.com/cargo-cow/cargo-cow/layers/record"
)

// filed is a layer with its record and a stamp of its last use.
func (s *Store) filed(t *testing.T, label string) string {
	t.Helper()
	id := s.layer(t, label)
	m, err := s.manifest(id)
	if err == nil {
		err = s.writeRecord(record.New(id, m, time.Unix(1e9, 0)))
	}
	if err != nil {
		t.Fatal(err)
	}
	s.noteUse(id)
	return id
}

// arm makes the process fail at a crash point until the test ends.
func arm(t *testing.T, spec string) {
	t.Helper()
	t.Cleanup(func() { crashpoint.Arm("") })
	if err := crashpoint.Arm(spec); err != nil {
		t.Fatal(err)
	}
}

// traces lists every file of the store that has the id in its name.
func (s *Store) traces(t *testing.T, id string) []string {
	t.Helper()
	var found []string
	for _, dir := range []string{layersDir, record.Dir, leasesDir, lastUseDir} {
		list, err := ls.Names(filepath.Join(s.Dir(), dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range list {
			if strings.Contains(name, id) {
				found = append(found, dir+"/"+name)
			}
		}
	}
	slices.Sort(found)
	return found
}

func (s *Store) clean(t *testing.T) {
	t.Helper()
	if problems, err := s.reopen(t).Check(t.Context(), Checking{}); err != nil || len(problems) > 0 {
		t.Errorf("Check = %+v, %v; want none", problems, err)
	}
}

func (s *Store) labels(t *testing.T) string {
	t.Helper()
	list, err := s.Layers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, r := range list {
		all = append(all, r.Label)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestRemove(t *testing.T) {
	s := newStore(t)
	one, two := s.filed(t, "one"), s.filed(t, "two")
	before := s.traces(t, two)
	if err := s.Remove(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	if left := s.traces(t, one); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
	if got := s.traces(t, two); !slices.Equal(got, before) {
		t.Errorf("of the other layer there is %q, want %q", got, before)
	}
	if got := s.labels(t); got != "two" {
		t.Errorf("layers %q, want two", got)
	}
	for _, id := range []string{one, strings.Repeat("0", 32), "", "..", two[:8]} {
		if err := s.Remove(t.Context(), id); !errors.Is(err, ErrNotFound) {
			t.Errorf("Remove(%q) = %v, want ErrNotFound", id, err)
		}
	}
	s.clean(t)
	if err := s.Remove(t.Context(), two); err != nil {
		t.Error(err)
	}
	s.clean(t)
}

// The same state can be sealed again, and removed again.
func TestRemoveAgain(t *testing.T) {
	s := newStore(t)
	for range 3 {
		if err := s.Remove(t.Context(), s.filed(t, "again")); err != nil {
			t.Fatal(err)
		}
	}
	s.clean(t)
}

func TestRemoveInUse(t *testing.T) {
	s := newStore(t)
	id := s.filed(t, "one")
	release, err := s.lease(id)
	if err != nil {
		t.Fatal(err)
	}
	before := s.traces(t, id)
	err = s.Remove(t.Context(), id)
	var help *HelpError
	if !errors.Is(err, ErrInUse) || !errors.As(err, &help) {
		t.Errorf("Remove = %v, want ErrInUse with help", err)
	}
	if got := s.traces(t, id); !slices.Equal(got, before) {
		t.Errorf("of the layer in use there is %q, want %q", got, before)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
	if err := s.Remove(t.Context(), id); err != nil {
		t.Error(err)
	}
}

// A layer on its way out is used by nobody, and whoever opens or checks the store
// meanwhile takes nothing for what a crash left.
func TestRemovalUnderWay(t *testing.T) {
	s := newStore(t)
	id := s.filed(t, "one")
	release, err := lease.Exclusive(filepath.Join(s.Dir(), leasesDir), id)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(s.records().Path(id)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.lease(id); !errors.Is(err, ErrNotFound) {
		t.Errorf("hold = %v, want ErrNotFound", err)
	}
	s = s.reopen(t)
	for _, repair := range []bool{false, true} {
		if problems, err := s.Check(t.Context(), Checking{Repair: repair}); err != nil || len(problems) > 0 {
			t.Errorf("Check(%v) = %+v, %v; want none", repair, problems, err)
		}
	}
	if _, err := os.Lstat(s.records().Path(id)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the record was made again: %v", err)
	}
	// It dies, and the layer is as before.
	if err := release(); err != nil {
		t.Fatal(err)
	}
	s = s.reopen(t)
	if r, err := s.records().Read(id); err != nil || r.Label != "one" {
		t.Errorf("record %+v, %v", r, err)
	}
}

// An error before the name is changed leaves the layer as it was; one after that
// does not bring it back.
func TestRemoveFails(t *testing.T) {
	for point, gone := range map[string]bool{"remove.unrecorded": false, "remove.trashed": true, "remove.done": true} {
		t.Run(point, func(t *testing.T) {
			s := newStore(t)
			id := s.filed(t, "one")
			before, err := s.records().Read(id)
			if err != nil {
				t.Fatal(err)
			}
			arm(t, point+"=error")
			if err := s.Remove(t.Context(), id); !errors.Is(err, crashpoint.ErrInjected) {
				t.Errorf("Remove = %v, want the injected fault", err)
			}
			if left := s.traces(t, id); gone && len(left) > 0 {
				t.Errorf("left over: %q", left)
			}
			if r, err := s.records().Read(id); !gone && (err != nil || r.Label != "one" || !r.Created.Equal(before.Created)) {
				t.Errorf("the record is %+v, %v; want %+v", r, err, before)
			}
			s.clean(t)
		})
	}
}

// What is left of an earlier removal is in nobody's way.
func TestRemoveTakenName(t *testing.T) {
	s := newStore(t)
	id := s.filed(t, "one")
	for _, suffix := range []string{"", ".1"} {
		if err := os.MkdirAll(s.tree(trashPrefix+id+suffix)+"/debug", 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Remove(t.Context(), id); err != nil {
		t.Error(err)
	}
	s.clean(t)
	if left := s.traces(t, id); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
}

// A power cut may bring a deleted tree back.
func TestRemovedTreeComesBack(t *testing.T) {
	s := newStore(t)
	id, other := s.filed(t, "one"), s.filed(t, "other")
	if err := os.Rename(s.tree(id), s.tree(trashPrefix+id)); err != nil {
		t.Fatal(err)
	}
	s = s.reopen(t)
	if left := s.traces(t, id); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
	if want := []string{"lastuse/" + other, "layers/" + other, "leases/" + other + ".lease", "records/" + other + ".json"}; !slices.Equal(s.traces(t, other), want) {
		t.Errorf("of the other layer there is %q, want %q", s.traces(t, other), want)
	}
}

// stubborn does not delete.
type stubborn struct{ directories }

func (stubborn) Delete(context.Context, string) error { return fs.ErrPermission }

// What cannot be deleted, such as files of another user, is told of, and keeps
// nobody from using the store.
func TestRemoveWhatCannotBeDeleted(t *testing.T) {
	s := newStore(t)
	id := s.filed(t, "one")
	s.filed(t, "two")
	s.opts.Driver = stubborn{}
	err := s.Remove(t.Context(), id)
	var help *HelpError
	if !errors.Is(err, fs.ErrPermission) || !errors.As(err, &help) || !strings.Contains(help.Help, trashPrefix+id) {
		t.Errorf("Remove = %v, want an error whose help names what is left", err)
	}
	s = s.reopen(t)
	if got := s.labels(t); got != "two" {
		t.Errorf("layers %q, want two", got)
	}
	if problems, err := s.Check(t.Context(), Checking{Repair: true}); err != nil || len(problems) != 1 || problems[0].Repaired {
		t.Errorf("Check = %+v, %v; want one problem that is not mended", problems, err)
	}
	s.opts.Driver = directories{}
	s.clean(t)
	if left := s.traces(t, id); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
}

// A layer that cannot be read has no name but its id.
func TestRemovable(t *testing.T) {
	s := newStore(t)
	good, bad := s.filed(t, "good"), s.layer(t, "bad")
	if err := os.WriteFile(filepath.Join(s.tree(bad), active.ManifestFile), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for ref, want := range map[string]string{"good": good, good[:6]: good, bad: bad} {
		if r, err := s.Removable(t.Context(), ref); err != nil || r.ID != want {
			t.Errorf("Removable(%s) = %+v, %v; want %s", ref, r, err, want)
		}
	}
	for _, ref := range []string{"bad", bad[:6], strings.Repeat("0", 32), "../" + bad} {
		if r, err := s.Removable(t.Context(), ref); !errors.Is(err, ErrNotFound) {
			t.Errorf("Removable(%s) = %+v, %v; want ErrNotFound", ref, r, err)
		}
	}
	if err := s.Remove(t.Context(), bad); err != nil {
		t.Error(err)
	}
	s.clean(t)
}
