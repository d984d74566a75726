package reflink

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func newPair(t *testing.T, rel string, files int) *pair {
	t.Helper()
	src, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dst, err := unix.Dup(int(src.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	p := &pair{rel: rel, src: src, dst: dst}
	for i := range files {
		p.names = append(p.names, strconv.Itoa(i))
	}
	return p
}

func closed(p *pair) bool { return p.src.Close() != nil }

// Two workers are in one directory only if there is no other; each file is taken once, and a
// directory is closed with the last of them.
func TestQueue(t *testing.T) {
	q := newQueue()
	large, small, empty := newPair(t, "large", 3*batched+1), newPair(t, "small", 2), newPair(t, "empty", 0)
	for _, p := range []*pair{large, small, empty} {
		q.put(p)
	}
	if !closed(empty) {
		t.Error("a directory without files is open")
	}
	one, names := q.take()
	other, more := q.take()
	if one != large || len(names) != batched || other != small || len(more) != 2 {
		t.Errorf("first %d of %s, then %d of %s", len(names), one.rel, len(more), other.rel)
	}
	q.done(other)
	if !closed(small) {
		t.Error("a directory is open, and nobody works in it")
	}
	third, names := q.take()
	if third != large || names[0] != strconv.Itoa(batched) {
		t.Errorf("then %s of %s", names, third.rel)
	}
	q.done(one)
	q.end(false)
	left := 0
	for p, names := q.take(); p != nil; p, names = q.take() {
		left += len(names)
		q.done(p)
	}
	if left != batched+1 {
		t.Errorf("%d files were left, want %d", left, batched+1)
	}
	q.done(third)
	if !closed(large) {
		t.Error("a directory is open when all its files are done")
	}
}

// After an error nothing more is handed out, what is open is closed, and nobody waits.
func TestQueueDropped(t *testing.T) {
	q := newQueue()
	at, waiting := newPair(t, "at work", 5*batched), newPair(t, "waiting", 1)
	q.put(at)
	p, _ := q.take()
	q.put(waiting)
	for i := range queued {
		if i < queued-2 {
			q.put(newPair(t, strconv.Itoa(i), 1))
		}
	}
	late := newPair(t, "late", 1)
	var put sync.WaitGroup
	put.Go(func() { q.put(late) }) // there is no room
	time.Sleep(10 * time.Millisecond)
	q.end(true)
	put.Wait()
	if p, names := q.take(); p != nil {
		t.Errorf("%s of %s are handed out", names, p.rel)
	}
	q.done(p)
	for _, p := range []*pair{at, waiting, late} {
		if !closed(p) {
			t.Errorf("%s is open", p.rel)
		}
	}
}

// A copy keeps few directories open, whatever the tree is like, and none when it has ended,
// well or not.
func TestCopyTreeClosesAll(t *testing.T) {
	src, dst := t.TempDir(), t.TempDir()
	for i := range 400 {
		dir := filepath.Join(src, strconv.Itoa(i))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"a", "b"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	descriptors := func() []string {
		list, err := filepath.Glob("/dev/fd/*")
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	before := descriptors()
	if _, err := CopyTree(t.Context(), filepath.Join(dst, "whole"), src, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dst, "part", "7", "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := CopyTree(t.Context(), filepath.Join(dst, "part"), src, Options{}); err == nil {
		t.Fatal("a file was copied over a directory")
	}
	if after := descriptors(); !slices.Equal(before, after) {
		t.Errorf("open before %q, after %q", before, after)
	}
}
