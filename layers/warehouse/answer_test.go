package warehouse

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// What lies where the outputs are to be serves, if it is what the record says: it
// stays, and gets a new time. Anything else there does not.
func TestFindInPlace(t *testing.T) {
	b := newBench(t, t.TempDir())
	b.more = []string{"-C", "incremental=" + b.dir + "/target/i"}
	r, rec := b.compile("a", "1")
	if err := b.w.Put(t.Context(), rec, b.dir+"/target", false); err != nil {
		t.Fatal(err)
	}
	path := b.dir + "/target/" + rec.Files[0].Name
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	age(t, time.Hour, path)
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	earlier, err := os.Stat(b.write("earlier", ""))
	if err != nil {
		t.Fatal(err)
	}
	a, err := b.w.Find(r, b.dir+"/target")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if cloned, err := a.Materialize(t.Context()); !cloned || err != nil {
		t.Fatalf("placed: %v, %v", cloned, err)
	}
	after, err := os.Stat(path)
	if err != nil || !os.SameFile(before, after) || after.ModTime().Before(earlier.ModTime()) {
		t.Errorf("it is another file, or an old one: %v, %v", after, err)
	}
	if later, err := os.Stat(b.write("later", "")); err != nil || after.ModTime().After(later.ModTime()) {
		t.Errorf("what is written next is older: %v, %v", later, err)
	}

	for name, change := range map[string]func() error{
		"other content": func() error { return os.WriteFile(path, []byte(strings.ToUpper(string(text))), 0o666) },
		"short":         func() error { return os.Truncate(path, 3) },
		"mode":          func() error { return os.Chmod(path, 0o777) },
		"link": func() error {
			return errors.Join(os.Rename(path, path+".real"), os.Symlink(path+".real", path))
		},
		"gone": func() error { return nil },
	} {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		b.write("target/"+rec.Files[0].Name, string(text))
		if name == "gone" {
			os.Remove(path)
		} else if a, err := b.w.Find(r, b.dir+"/target"); err != nil {
			t.Fatalf("%s: before: %v", name, err)
		} else {
			a.Close()
		}
		if err := change(); err != nil {
			t.Fatal(err)
		}
		var miss *Miss
		if _, err := b.w.Find(r, b.dir+"/target"); !errors.As(err, &miss) || miss.Reason != FilesGone {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What lies where it was made serves elsewhere as long as nobody has written it, and
// the unit's trailer is that of the record.
func TestFindWhereItWasMade(t *testing.T) {
	b := newBench(t, t.TempDir())
	b.more = []string{"-C", "incremental=" + b.dir + "/target/i"}
	r, rec := b.compile("a", "1")
	if err := b.w.Put(t.Context(), rec, b.dir+"/target", false); err != nil {
		t.Fatal(err)
	}
	name := rec.Files[0].Name
	text, err := os.ReadFile(b.dir + "/target/" + name)
	if err != nil {
		t.Fatal(err)
	}
	list := "x: src/a.rs\n"
	if _, err := b.w.Find(r, t.TempDir()); err == nil {
		t.Error("found without a trailer")
	}
	settle := func() {
		b.write("target/a-4567.d", rec.Trailer(r).AppendTo(list))
		time.Sleep(2 * settleTime)
	}
	settle()
	dir := t.TempDir()
	a, err := b.w.Find(r, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.Materialize(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(dir + "/" + name); err != nil || string(got) != string(text) {
		t.Errorf("placed %q, %v", got, err)
	}
	if e, err := b.w.Lookup(t.Context(), rec.Key); err != nil || e.Location() != Built || e.Located[0].Path != b.dir+"/target/"+name {
		t.Errorf("it lies %+v, %v", e, err)
	}
	// Between the look and the copy.
	late, err := b.w.Find(r, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	if err := os.WriteFile(b.dir+"/target/"+name, []byte(strings.ToUpper(string(text))), 0o666); err != nil {
		t.Fatal(err)
	}
	var miss *Miss
	if _, err := late.Materialize(t.Context()); !errors.As(err, &miss) || miss.Reason != NotMaterialized {
		t.Errorf("written meanwhile: %v", err)
	}
	for why, change := range map[string]func(){
		"other content": func() { b.write("target/"+name, strings.ToUpper(string(text))); settle() },
		"short":         func() { b.write("target/"+name, string(text[1:])); settle() },
		"just written":  func() { settle(); b.write("target/"+name, string(text)) },
		"another trailer": func() {
			b.write("target/"+name, string(text))
			settle()
			trailer := rec.Trailer(r)
			trailer.Key = strings.Repeat("0", len(trailer.Key))
			b.write("target/a-4567.d", trailer.AppendTo(list))
		},
	} {
		change()
		if _, err := b.w.Find(r, t.TempDir()); !errors.As(err, &miss) || miss.Reason != FilesGone {
			t.Errorf("%s: %v", why, err)
		}
	}
	b.write("target/"+name, string(text))
	settle()
	if a, err := b.w.Find(r, t.TempDir()); err != nil {
		t.Errorf("as it was: %v", err)
	} else {
		a.Close()
	}
}

// A record whose files are gone does not hide another that holds.
func TestFindGoesOn(t *testing.T) {
	b := newBench(t, t.TempDir())
	record, loose := b.put("a", "1")
	if why := b.answers("a", "1"); why != "" {
		t.Fatal(why)
	}
	rec, err := readRecord(record)
	if err != nil {
		t.Fatal(err)
	}
	// Before it by name, with a file that is nowhere.
	rec.Files[0].Digest = strings.Repeat("0", len(rec.Files[0].Digest))
	path := record[:len(record)-keyPart] + strings.Repeat("0", keyPart)
	if err := os.WriteFile(path, []byte(rec.Text()), 0o600); err != nil {
		t.Fatal(err)
	}
	if why := b.answers("a", "1"); why != "" {
		t.Errorf("not found: %s", why)
	}
	if err := os.Remove(loose); err != nil {
		t.Fatal(err)
	}
	if why := b.answers("a", "1"); why != FilesGone {
		t.Errorf("without both files: %q", why)
	}
}

// A file that a power cut has left with its length and without its content is no answer,
// where files are copied; and what is compiled instead is kept in its place.
func TestZerosAreNoAnswer(t *testing.T) {
	b := newBench(t, loopfs.Ext4(t))
	r, rec := b.compile("a", "1")
	put := func() {
		t.Helper()
		if err := b.w.Put(t.Context(), rec, b.dir+"/target", true); err != nil {
			t.Fatal(err)
		}
	}
	answers := func() error {
		t.Helper()
		a, err := b.w.Find(r, t.TempDir())
		if err != nil {
			return err
		}
		defer a.Close()
		_, err = a.Materialize(t.Context())
		return err
	}
	put()
	if err := answers(); err != nil {
		t.Fatal(err)
	}
	f := rec.Files[0]
	loose := b.w.loose(f.Digest)
	if err := errors.Join(os.Remove(loose), os.WriteFile(loose, make([]byte, f.Size), 0o400)); err != nil {
		t.Fatal(err)
	}
	var miss *Miss
	for range 2 {
		if err := answers(); !errors.As(err, &miss) || miss.Reason != FilesGone {
			t.Errorf("zeros were an answer: %v", err)
		}
	}
	put()
	if err := answers(); err != nil {
		t.Errorf("after it was compiled once more: %v", err)
	}
}
