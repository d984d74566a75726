package locate

import (
	"os"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// A store that was moved is found from where it was, also if it was moved more than once, and back;
// never where a store is there again.
func TestMoved(t *testing.T) {
	dir, data := t.TempDir(), t.TempDir()
	one, two, three := dir+"/one", dir+"/two", dir+"/three"
	wants := func(from, want string) {
		t.Helper()
		if got := Moved(data, from); got != want {
			t.Errorf("from %s: got %q, want %q", from, got, want)
		}
	}
	wants(one, "")
	for _, p := range [][2]string{{one, two}, {two, three}} {
		if err := AddMoved(data, p[0], p[1]); err != nil {
			t.Fatal(err)
		}
	}
	wants(one, "") // nothing is there
	store(t, three, "btrfs")
	wants(one, three)
	wants(two, three)
	q := Question{BuildDir: dir + "/app", Remembered: []Remembered{{one, true}}, Data: data}
	if got, kind := q.Find(); got != three || kind != Near || q.Remembered[0] != (Remembered{three, true}) {
		t.Errorf("got %q, %v", got, kind)
	}
	store(t, one, "btrfs")
	q = Question{BuildDir: dir + "/app", Remembered: []Remembered{{one, true}}, Data: data}
	if got, _ := q.Find(); got != one {
		t.Errorf("a store at the old place: got %q", got)
	}
	if err := os.RemoveAll(three); err != nil {
		t.Fatal(err)
	}
	if err := AddMoved(data, three, one); err != nil {
		t.Fatal(err)
	}
	wants(two, one)
}

// A home that was renamed has its stores where it has them, if they are no part of a checkout.
func TestRenamed(t *testing.T) {
	dir := t.TempDir()
	mine := store(t, dir+"/you/stores/mine", "btrfs")
	brought := store(t, dir+"/you/src/app/stores/mine", "btrfs")
	write(t, dir+"/you/src/app/Cargo.toml", "")
	find := func(remembered string) string {
		q := Question{BuildDir: dir + "/you/src/app/target", Remembered: []Remembered{{Dir: remembered}}}
		got, _ := q.Find()
		return got
	}
	if got := find(dir + "/me/stores/mine"); got != mine {
		t.Errorf("got %q, want %q", got, mine)
	}
	// Of its own name nothing is renamed: it is gone, or its disk is not mounted.
	if got := find(dir + "/mine"); got != "" {
		t.Errorf("got %q", got)
	}
	if err := os.Remove(mine + "/" + paths.StoreVersion); err != nil {
		t.Fatal(err)
	}
	if got := find(dir + "/me/stores/mine"); got != "" {
		t.Errorf("what a commit brought is taken for it: %q, %s", got, brought)
	}
}

func FuzzMovedPairs(f *testing.F) {
	f.Add("/a\n/b\n/c\n")
	f.Add("/a\n../b\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, p := range movedPairs(text) {
			if !paths.IsClean(p[0]) || !paths.IsClean(p[1]) {
				t.Errorf("%q", p)
			}
		}
	})
}
