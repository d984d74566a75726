package layers

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/layers/internal/help"
	"github.com/cargo-cow/cargo-cow/layers/lastuse"
	"github.com/cargo-cow/cargo-cow/layers/lease"
)

// A lease on a layer of a store that cannot be written keeps it from being removed.
func TestLeaseOnReadOnlyStore(t *testing.T) {
	s := newStore(t)
	id := s.filed(t, "")
	barred := &Store{opts: s.opts}
	barred.opts.Dir = loopfs.ReadOnlyView(t, s.opts.Dir)
	release, err := barred.lease(id)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(t.Context(), id); !errors.Is(err, ErrInUse) {
		t.Errorf("Remove of a leased layer: got %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if err := barred.Remove(t.Context(), id); !help.IsReadOnly(err) {
		t.Errorf("Remove where nothing can be written: got %v", err)
	}
	if err := os.Remove(filepath.Join(s.opts.Dir, leasesDir, id+lease.Suffix)); err != nil {
		t.Fatal(err)
	}
	release, err = barred.lease(id)
	if err != nil {
		t.Fatalf("a layer whose lease has no file: %v", err)
	}
	if err := errors.Join(release(), s.Remove(t.Context(), id)); err != nil {
		t.Error(err)
	}
}

func TestUses(t *testing.T) {
	s := newStore(t)
	now := time.Unix(2e9, 0)
	s.opts.Now = func() time.Time { return now }
	here, gone := t.TempDir(), filepath.Join(t.TempDir(), "gone")
	want := map[string]LayerUse{}
	for label, origin := range map[string]string{"leased": here, "gone": gone, "unused": here} {
		id := s.layer(t, label)
		r := Record{ID: id, Label: label, Origin: origin, Created: time.Unix(1e9, 0).UTC()}
		if err := s.writeRecord(r); err != nil {
			t.Fatal(err)
		}
		u := LayerUse{Record: r, Leased: label == "leased", OriginGone: label == "gone"}
		if label != "unused" {
			s.noteUse(id, "", "..")
			u.LastUse = now
		}
		if u.Leased {
			release, err := s.lease(id)
			if err != nil {
				t.Fatal(err)
			}
			defer release()
		}
		want[label] = u
	}
	now = now.Add(lastuse.Interval / 2)
	s.noteUse(want["gone"].ID) // too soon to be written again
	uses, err := s.LayerUses(t.Context(), s.BuildDirs(t.Context()))
	if err != nil || len(uses) != len(want) {
		t.Fatalf("%d uses, %v; want %d", len(uses), err, len(want))
	}
	for _, u := range uses {
		w := want[u.Label]
		if u.ID != w.ID || !u.LastUse.Equal(w.LastUse) || u.Leased != w.Leased || u.OriginGone != w.OriginGone {
			t.Errorf("%+v\nwant %+v", u, w)
		}
	}
}

// Of a layer that is not there nobody can have a lease.
func TestHoldWhatIsGone(t *testing.T) {
	s := newStore(t)
	id := strings.Repeat("0", 32)
	if _, err := s.lease(id); !errors.Is(err, ErrNotFound) {
		t.Errorf("hold = %v, want ErrNotFound", err)
	}
	if held, err := lease.Held(filepath.Join(s.Dir(), leasesDir), id); held || err != nil {
		t.Errorf("Held = %v, %v", held, err)
	}
}
