package layers

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/lease"
	"github.com/cargo-cow/cargo-cow/layers/record"
)

// After any crash the records and the trees say the same.
func TestOpenRecovers(t *testing.T) {
	s := newStore(t)
	unrecorded := s.layer(t, "unrecorded")
	emptied := s.layer(t, "emptied") // by a power cut
	if err := os.WriteFile(s.records().Path(emptied), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	lost := strings.Repeat("0", 32)
	if err := s.writeRecord(Record{ID: lost}); err != nil {
		t.Fatal(err)
	}
	garbage := []string{s.tree(driver.TempPrefix + "1"), s.tree(trashPrefix + "2")}
	for _, g := range garbage {
		if err := os.Mkdir(g, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	halfWritten := filepath.Join(s.Dir(), record.Dir, atomicfile.TempPrefix+"3")
	if err := os.WriteFile(halfWritten, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	halfIndexed := filepath.Join(s.Dir(), atomicfile.TempPrefix+"4")
	if err := os.WriteFile(halfIndexed, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	garbage = append(garbage, halfIndexed)
	for _, dir := range []string{record.LabelsDir, plansDir} { // of label, and of a plan
		path := filepath.Join(s.Dir(), dir, atomicfile.TempPrefix+"5")
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		garbage = append(garbage, path)
	}
	s = s.reopen(t)
	if r, err := s.records().Read(unrecorded); err != nil || r.Label != "unrecorded" {
		t.Errorf("record of a layer that had none: %+v, %v", r, err)
	}
	for _, path := range append(garbage, s.records().Path(lost), halfWritten) {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there", path)
		}
	}
	if problems, err := s.Check(t.Context(), Checking{}); err != nil || len(problems) > 0 {
		t.Errorf("Check = %+v, %v; want none", problems, err)
	}
}

// What somebody is making is no garbage.
func TestOpenLeavesWorkAlone(t *testing.T) {
	s := newStore(t)
	done, err := s.holdOffSweep(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tmp := s.tree(driver.TempPrefix + "1")
	if err := os.Mkdir(tmp, 0o777); err != nil {
		t.Fatal(err)
	}
	s.reopen(t)
	if _, err := os.Lstat(tmp); err != nil {
		t.Errorf("the tree being made is gone: %v", err)
	}
	if err := done(); err != nil {
		t.Error(err)
	}
	s.reopen(t)
	if _, err := os.Lstat(tmp); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the left-over tree is still there: %v", err)
	}
}

// Nothing of the removed stays: what lies beside layers that are no more goes
// when the store is tidied up, and nothing else does.
func TestForget(t *testing.T) {
	s := newStore(t)
	id := s.filed(t, "one")
	release, err := s.lease(id)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	lost := strings.Repeat("0", 32)
	s.noteUse(lost)
	for _, name := range []string{lost + lease.Suffix, "place-" + lost} {
		if err := os.WriteFile(filepath.Join(s.Dir(), leasesDir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.clean(t)
	if got := s.traces(t, lost); !slices.Equal(got, []string{"leases/place-" + lost}) {
		t.Errorf("of no layer there is %q, want the claim on a build directory alone", got)
	}
	if got := s.traces(t, id); len(got) != 4 {
		t.Errorf("of a layer there is only %q", got)
	}
}

// A layer that was sealed at this moment has no record yet, which is no problem.
func TestCheckWhileSealing(t *testing.T) {
	s := newStore(t)
	id := s.layer(t, "new")
	m, err := s.manifest(id)
	if err != nil {
		t.Fatal(err)
	}
	var sealing sync.WaitGroup
	sealing.Go(func() {
		time.Sleep(50 * time.Millisecond)
		if err := s.writeRecord(record.New(id, m, time.Now())); err != nil {
			t.Error(err)
		}
	})
	if problems, err := s.Check(t.Context(), Checking{}); err != nil || len(problems) > 0 {
		t.Errorf("Check = %+v, %v; want none", problems, err)
	}
	sealing.Wait()
	if err := s.records().Remove(id); err != nil {
		t.Fatal(err)
	}
	if problems, err := s.Check(t.Context(), Checking{}); err != nil || len(problems) != 1 {
		t.Errorf("Check without the record = %+v, %v; want one problem", problems, err)
	}
}
