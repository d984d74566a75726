package warehouse

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// damaged is a warehouse with everything that can be wrong, by what is.
func damaged(b *bench) map[string]string {
	b.t.Helper()
	change := func(path string, do func(string) error) string {
		b.t.Helper()
		if err := os.Chmod(path, 0o600); err != nil {
			b.t.Fatal(err)
		}
		if err := do(path); err != nil {
			b.t.Fatal(err)
		}
		return path
	}
	cut := func(n int64) func(string) error { return func(path string) error { return os.Truncate(path, n) } }
	flip := func(path string) error {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text[len(text)/2] ^= 1
		return os.WriteFile(path, text, 0o600)
	}
	instead := func(path string) error {
		if err := os.Remove(path); err != nil {
			return err
		}
		return os.Mkdir(path, 0o700)
	}
	rename := func(to string) func(string) error {
		return func(path string) error {
			b.write(to, "")
			return os.Rename(path, filepath.Join(b.dir, to))
		}
	}
	units := filepath.Join(b.dir, "store/warehouse/units/")
	found := map[string]string{}
	record, _ := b.put("torn", "1")
	found["torn record"] = change(record, cut(200))
	record, _ = b.put("empty", "1")
	found["empty record"] = change(record, cut(0))
	record, _ = b.put("flipped", "1")
	found["record with another byte"] = change(record, flip)
	record, _ = b.put("dir", "1")
	found["directory for a record"] = change(record, instead)
	record, _ = b.put("moved", "1")
	change(record, rename("store/warehouse/units/other-0123/"+filepath.Base(record)))
	found["record of another unit"] = filepath.Join(units, "other-0123", filepath.Base(record))
	record, _ = b.put("renamed", "1")
	to := strings.Repeat("0", 16) + "-" + strings.Repeat("1", 16)
	change(record, rename("store/warehouse/units/renamed-0123/"+to))
	found["record of another key"] = filepath.Join(units, "renamed-0123", to)
	found["no unit"] = b.write("store/warehouse/units/notes", "x")
	found["no record"] = b.write("store/warehouse/units/whole-0123/notes", "x")

	_, loose := b.put("bits", "1")
	found["file with another byte"] = change(loose, flip)
	_, loose = b.put("short", "1")
	found["torn file"] = change(loose, cut(3))
	_, loose = b.put("link", "1")
	found["link for a file"] = change(loose, func(path string) error {
		if err := os.Rename(path, b.dir+"/elsewhere"); err != nil {
			return err
		}
		return os.Symlink(b.dir+"/elsewhere", path)
	})
	found["no file"] = b.write("store/warehouse/files/ab/notes", "x")
	found["file elsewhere"] = b.write("store/warehouse/files/ab/"+strings.Repeat("c", 32), "x")
	return found
}

func TestVerify(t *testing.T) {
	b := newBench(t, t.TempDir())
	if v, err := b.w.Verify(t.Context(), Verification{Content: true, Remove: true}); err != nil || v.Records+v.Files+len(v.Damaged) > 0 {
		t.Errorf("a warehouse that is not there: %+v, %v", v, err)
	}
	b.put("whole", "1")
	b.put("whole", "2")
	if v, err := b.w.Verify(t.Context(), Verification{Content: true}); err != nil || v.Records != 2 || v.Files != 2 || v.Bytes == 0 || len(v.Damaged) > 0 {
		t.Errorf("a whole one: %+v, %v", v, err)
	}
	want := damaged(b)
	b.write("store/warehouse/units/whole-0123/.tmp-1", "being written")
	b.write("store/warehouse/files/ab/.tmp-1", "being written")

	paths := func(v *Verified) map[string]Damage {
		m := map[string]Damage{}
		for _, d := range v.Damaged {
			m[d.Path] = d
		}
		return m
	}
	v, err := b.w.Verify(t.Context(), Verification{Content: true})
	if err != nil {
		t.Fatal(err)
	}
	got := paths(v)
	for what, path := range want {
		if d, ok := got[path]; !ok || d.Problem == "" || d.Removed || !exists(path) {
			t.Errorf("%s: %+v", what, d)
		}
	}
	if len(got) != len(want) {
		t.Errorf("found %d, want %d: %v", len(got), len(want), v.Damaged)
	}
	quick, err := b.w.Verify(t.Context(), Verification{})
	if err != nil {
		t.Fatal(err)
	}
	names := paths(quick)
	for _, what := range []string{"file with another byte", "torn file"} {
		delete(got, want[what])
	}
	if len(names) != len(got) || quick.Bytes != 0 {
		t.Errorf("without content it finds %v", quick.Damaged)
	}

	v, err = b.w.Verify(t.Context(), Verification{Content: true, Remove: true})
	if err != nil {
		t.Fatal(err)
	}
	for what, path := range want {
		if d := paths(v)[path]; !d.Removed || d.Err != nil || exists(path) {
			t.Errorf("%s is not removed: %+v", what, d)
		}
	}
	if v, err := b.w.Verify(t.Context(), Verification{Content: true}); err != nil || len(v.Damaged) > 0 {
		t.Errorf("after that there is still %+v, %v", v, err)
	}
	if text, err := os.ReadFile(b.dir + "/elsewhere"); err != nil || len(text) == 0 {
		t.Errorf("what a link led to: %q, %v", text, err)
	}
	for _, source := range []string{"1", "2"} {
		if why := b.answers("whole", source); why != "" {
			t.Errorf("what was whole is not found: %s", why)
		}
	}
	if why := b.answers("torn", "1"); why != Unknown && why != Differs {
		t.Errorf("what was torn: %q", why)
	}
	if why := b.answers("bits", "1"); why != FilesGone {
		t.Errorf("what lost its file: %q", why)
	}
	// It is compiled again, and then it is there.
	b.put("bits", "1")
	if why := b.answers("bits", "1"); why != "" {
		t.Errorf("what was compiled again: %q", why)
	}
	if len(b.left()) != 2 {
		t.Errorf("temporary files: %q", b.left())
	}
}

// What cannot be removed is told, and stays.
func TestVerifyRemovesOnlyFiles(t *testing.T) {
	b := newBench(t, t.TempDir())
	full := filepath.Dir(b.write("store/warehouse/units/a-1/dir/file", "x"))
	v, err := b.w.Verify(t.Context(), Verification{Remove: true})
	if err != nil || len(v.Damaged) != 1 || v.Damaged[0].Removed || v.Damaged[0].Err == nil {
		t.Errorf("%+v, %v", v, err)
	}
	if !exists(full+"/file") || len(b.left()) > 0 {
		t.Errorf("it is not what it was: %q", b.left())
	}
}

// Verify and writers at once: what is put in the place of something damaged stays.
func TestVerifyBesideWriters(t *testing.T) {
	b := newBench(t, t.TempDir())
	const crates = 6
	var paths []string
	put := func(i int) {
		record, loose := b.put(fmt.Sprintf("c%d", i), "1")
		if len(paths) < 2*crates {
			paths = append(paths, record, loose)
		}
	}
	for i := range crates {
		put(i)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := b.w.Verify(t.Context(), Verification{Content: true, Remove: true}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	found := 0
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
		for i := range crates {
			for _, path := range paths[2*i : 2*i+2] {
				if os.Chmod(path, 0o600) == nil && os.Truncate(path, 5) == nil {
					found++
				}
			}
			put(i)
		}
	}
	close(stop)
	wg.Wait()
	if found == 0 {
		t.Error("nothing was damaged: this shows nothing")
	}
	if v, err := b.w.Verify(t.Context(), Verification{Content: true}); err != nil || len(v.Damaged) > 0 || v.Records != crates || v.Files != crates {
		t.Errorf("at the end: %+v, %v", v, err)
	}
	if left := b.left(); len(left) > 0 {
		t.Errorf("temporary files: %q", left)
	}
}
