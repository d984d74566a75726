package lastuse

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

const id = "0123456789abcdef0123456789abcdef"

// monday is some instant with whole nanoseconds, as file systems keep them.
var monday = time.Date(2026, 3, 2, 9, 0, 0, 123456789, time.UTC)

func stamp(t *testing.T, dir string, now time.Time) {
	t.Helper()
	if err := Stamp(dir, id, now); err != nil {
		t.Fatal(err)
	}
}

// One story of a layer: at most one write in an Interval, whichever way the clock
// goes.
func TestStampIntervals(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lastuse")
	if got := Read(dir, id); !got.IsZero() {
		t.Errorf("before the first use: %v, want the zero time", got)
	}
	for _, step := range []struct {
		what      string
		now, want time.Time
	}{
		{"first use", monday, monday},
		{"a moment later", monday.Add(time.Second), monday},
		{"almost an interval later", monday.Add(Interval - 1), monday},
		{"an interval later", monday.Add(Interval), monday.Add(Interval)},
		{"by a clock that is a little behind", monday.Add(time.Minute), monday.Add(Interval)},
		{"by a clock that was set back a year", monday.AddDate(-1, 0, 0), monday.AddDate(-1, 0, 0)},
		{"and set right again", monday.Add(time.Hour), monday.Add(time.Hour)},
	} {
		stamp(t, dir, step.now)
		if got := Read(dir, id); !got.Equal(step.want) {
			t.Errorf("%s: the last use is %v, want %v", step.what, got, step.want)
		}
	}
}

func TestStampIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lastuse")
	stamp(t, dir, monday)
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, id): 0o600} {
		fi, err := os.Stat(path)
		if err != nil || fi.Mode().Perm() != want || fi.Mode().IsRegular() && fi.Size() != 0 {
			t.Errorf("%s: %v, %v; want %v, a file empty", path, fi.Mode(), err, want)
		}
	}
}

func TestForget(t *testing.T) {
	dir := t.TempDir()
	if err := Forget(dir, id); err != nil {
		t.Errorf("Forget what was never used: %v", err)
	}
	stamp(t, dir, monday)
	if err := Forget(dir, id); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
	if got := Read(dir, id); !got.IsZero() {
		t.Errorf("forgotten, and last used %v", got)
	}
}

func TestBadNames(t *testing.T) {
	dir := t.TempDir()
	for _, bad := range []string{"", ".", "..", "a/b", "../x", "a\x00"} {
		if Stamp(dir, bad, monday) == nil || Forget(dir, bad) == nil || !Read(dir, bad).IsZero() {
			t.Errorf("%q was taken for an id", bad)
		}
	}
}

// What is no stamp tells nothing.
func TestOddities(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, id), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := Read(dir, id); !got.IsZero() {
		t.Errorf("a directory says %v", got)
	}
	if err := Stamp(filepath.Join(dir, "file", "under"), id, monday); err != nil {
		t.Errorf("Stamp in a directory that is to be made: %v", err)
	}
	file := filepath.Join(dir, "plain")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if Stamp(file, id, monday) == nil {
		t.Error("Stamp in a file succeeded")
	}
}

func TestAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lastuse")
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			if err := Stamp(dir, id, monday.Add(time.Duration(i)*time.Second)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := Read(dir, id); got.Before(monday) || !got.Before(monday.Add(16*time.Second)) {
		t.Errorf("the last use is %v, which nobody wrote", got)
	}
}
