package warehouse

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

// later puts a record whose file is to be kept loose later, and has the file lie where it was made for a while.
func (b *bench) later(run, crate, source string) (loose string, first bool) {
	b.t.Helper()
	r, rec := b.compile(crate, source)
	if err := b.w.Put(b.t.Context(), rec, b.dir+"/target", false); err != nil {
		b.t.Fatal(err)
	}
	list := filepath.Join(b.dir, "target", crate+"-4567.d")
	text, err := os.ReadFile(list)
	if err == nil {
		err = os.WriteFile(list, []byte(rec.Trailer(r).AppendTo(string(text))), 0o666)
	}
	if err == nil {
		first, err = b.w.Postpone(rec, run)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	time.Sleep(2 * settleTime)
	return b.w.loose(rec.Files[0].Digest), first
}

func (b *bench) keeper(run string) *Keeper {
	b.t.Helper()
	k, err := b.w.Keeper(run)
	if err != nil {
		b.t.Fatal(err)
	}
	return k
}

// What a run has postponed is kept by one keeper, with what comes while it is at it, and then there is no list.
func TestKeptLater(t *testing.T) {
	b := newBench(t, t.TempDir())
	one, first := b.later("7-1", "one", "1")
	two, second := b.later("7-1", "two", "2")
	other, third := b.later("8-1", "other", "3")
	if !first || second || !third || exists(one) || exists(two) {
		t.Errorf("lists were begun: %v %v %v; kept at once: %v %v", first, second, third, exists(one), exists(two))
	}
	if runs := b.w.Runs(); !slices.Equal(runs, []string{"7-1", "8-1"}) {
		t.Errorf("there are lists of %q", runs)
	}
	k := b.keeper("7-1")
	if _, err := b.w.Keeper("7-1"); !errors.Is(err, syscall.EWOULDBLOCK) {
		t.Errorf("a second keeper: %v", err)
	}
	before := k.Length()
	three, more := b.later("7-1", "three", "4")
	if more || k.Length() <= before {
		t.Errorf("the list was begun anew: %v, %d bytes after %d", more, k.Length(), before)
	}
	if err := k.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !exists(one) || !exists(two) || !exists(three) || exists(other) {
		t.Errorf("kept: %v %v %v, and of another run %v", exists(one), exists(two), exists(three), exists(other))
	}
	if runs := b.w.Runs(); !slices.Equal(runs, []string{"8-1"}) {
		t.Errorf("then there are lists of %q", runs)
	}
	if err := os.RemoveAll(b.dir + "/target"); err != nil {
		t.Fatal(err)
	}
	if why := b.answers("one", "1"); why != "" {
		t.Errorf("it serves nobody: %s", why)
	}
	// A list can be begun anew once it was removed.
	if _, first := b.later("7-1", "four", "5"); !first {
		t.Error("nobody attends to what comes later")
	}
}

// What is not any more what it was is not kept, and neither is what is not a record's.
func TestKeptLaterOnlyAsItWas(t *testing.T) {
	b := newBench(t, t.TempDir())
	changed, _ := b.later("7-1", "changed", "1")
	gone, _ := b.later("7-1", "gone", "2")
	again, _ := b.later("7-1", "again", "3")
	good, _ := b.later("7-1", "good", "4")
	b.write("target/libchanged-4567.rmeta", "compiled changed 2") // of the same length
	time.Sleep(2 * settleTime)
	if err := os.Remove(b.dir + "/target/libgone-4567.rmeta"); err != nil {
		t.Fatal(err)
	}
	b.compile("again", "5")
	list, err := os.OpenFile(filepath.Join(b.w.dir, laterDir, "7-1"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := list.WriteString("../../../etc/passwd\nx/..\n\n/\x00\nno end"); err != nil {
		t.Fatal(err)
	}
	list.Close()
	if err := b.keeper("7-1").Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if exists(changed) || exists(gone) || exists(again) || !exists(good) {
		t.Errorf("kept: changed %v, gone %v, compiled again %v, good %v", exists(changed), exists(gone), exists(again), exists(good))
	}
	if left := b.left(); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
}

// A file that lies in a layer by then is not kept twice.
func TestKeptLaterInALayer(t *testing.T) {
	b := newBench(t, t.TempDir())
	_, rec := b.compile("one", "1")
	loose, _ := b.later("7-1", "one", "1")
	b.layer("a", rec)
	if err := b.keeper("7-1").Finish(t.Context()); err != nil || exists(loose) {
		t.Errorf("it is loose: %v, %v", exists(loose), err)
	}
}

// A keeper that was killed leaves the list to another.
func TestKeeperKilled(t *testing.T) {
	b := newBench(t, t.TempDir())
	loose, _ := b.later("7-1", "one", "1")
	b.keeper("7-1").list.Close()
	if err := b.keeper("7-1").Finish(t.Context()); err != nil || !exists(loose) {
		t.Errorf("kept: %v, %v", exists(loose), err)
	}
}
