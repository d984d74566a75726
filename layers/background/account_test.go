package background

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"
)

func wantState(t *testing.T, store string, want State) {
	t.Helper()
	got, err := ReadState(store, "/b")
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func begin(t *testing.T, store string) *Account {
	t.Helper()
	a, err := Begin(t.Context(), store, "/b", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAccount(t *testing.T) {
	store := t.TempDir()
	wantState(t, store, State{})
	if entries, err := os.ReadDir(store); err != nil || len(entries) > 0 {
		t.Errorf("looking has made %v, %v", entries, err)
	}

	a := begin(t, store)
	wantState(t, store, State{Running: true})
	if err := a.End(errors.New("no space")); err != nil {
		t.Fatal(err)
	}
	wantState(t, store, State{Failure: "no space"})

	a = begin(t, store)
	if err := a.End(nil); err != nil {
		t.Fatal(err)
	}
	wantState(t, store, State{})
}

func TestForget(t *testing.T) {
	store := t.TempDir()
	Forget(store, "/b")
	a := begin(t, store)
	Forget(store, "/b")
	wantState(t, store, State{Running: true})
	if err := a.End(errors.New("no space")); err != nil {
		t.Fatal(err)
	}
	Forget(store, "/b")
	wantState(t, store, State{})
}

// What a killed process leaves is neither success nor a snapshot under way.
func TestKilled(t *testing.T) {
	store := t.TempDir()
	a := begin(t, store)
	if err := a.unlock(); err != nil {
		t.Fatal(err)
	}
	wantState(t, store, State{Failure: "it was killed"})
	if err := os.WriteFile(file(store, "/b"), []byte(`{"build_dir":`), 0o600); err != nil {
		t.Fatal(err)
	}
	wantState(t, store, State{Failure: "its account cannot be read"})
}

func TestQueue(t *testing.T) {
	store := t.TempDir()
	a := begin(t, store)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := Begin(ctx, store, "/b", time.Now()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second snapshot began beside the first: %v", err)
	}
	if err := a.End(nil); err != nil {
		t.Fatal(err)
	}
	if err := begin(t, store).End(nil); err != nil {
		t.Fatal(err)
	}
}
