package autoprune

import (
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const day = 24 * time.Hour

var monday = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func begin(t *testing.T, store string, now time.Time) *Account {
	t.Helper()
	a, err := Begin(store, day, now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// One story: the first time nothing is due, then once a day, whichever way the clock goes.
func TestOnceADay(t *testing.T) {
	store := t.TempDir()
	for _, step := range []struct {
		what string
		at   time.Time
		due  bool
	}{
		{"the first time", monday, false},
		{"an hour later", monday.Add(time.Hour), false},
		{"a day later", monday.Add(day), true},
		{"just after that", monday.Add(day + time.Minute), false},
		{"by a clock that is a little behind", monday.Add(day - time.Hour), false},
		{"by a clock that was set back a year", monday.AddDate(-1, 0, 0), true},
		{"and set right again", monday.Add(2 * day), true},
	} {
		if got := Due(store, day, step.at); got != step.due {
			t.Errorf("%s: due %v", step.what, got)
		}
		a := begin(t, store, step.at)
		if (a != nil) != step.due {
			t.Errorf("%s: begun %v", step.what, a != nil)
		}
		if a != nil {
			if err := a.End(Result{Began: step.at, Layers: 3}); err != nil {
				t.Fatal(err)
			}
			if r := Last(store); r == nil || r.Layers != 3 || !r.Began.Equal(step.at) {
				t.Errorf("%s: last %+v", step.what, r)
			}
		}
	}
}

// What was copied here with its account is not old for the dates that it bears.
func TestCopiedStore(t *testing.T) {
	store := t.TempDir()
	Due(store, day, monday)
	a := begin(t, store, monday.Add(day))
	if err := a.End(Result{Began: monday.Add(day)}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file(store))
	if err != nil {
		t.Fatal(err)
	}
	there := t.TempDir()
	if err := os.WriteFile(file(there), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file(there), monday, monday); err != nil {
		t.Fatal(err)
	}
	now := monday.Add(100 * day)
	if a := begin(t, there, now); a != nil {
		t.Error("a copied store is pruned at once")
	}
	if a := begin(t, there, now.Add(time.Hour)); a != nil {
		t.Error("a copied store is pruned an hour later")
	}
	if a := begin(t, there, now.Add(day)); a == nil {
		t.Error("a copied store is never pruned")
	}
}

// One that was killed is not tried again at once, and keeps nobody from the next.
func TestKilled(t *testing.T) {
	store := t.TempDir()
	Due(store, day, monday)
	a := begin(t, store, monday.Add(day))
	if b := begin(t, store, monday.Add(3*day)); b != nil {
		t.Error("two at once")
	}
	if err := a.unlock(); err != nil { // as the kernel does
		t.Fatal(err)
	}
	if b := begin(t, store, monday.Add(day+time.Hour)); b != nil {
		t.Error("tried again at once")
	}
	if b := begin(t, store, monday.Add(2*day)); b == nil {
		t.Error("never tried again")
	}
}

func TestAtOnce(t *testing.T) {
	store := t.TempDir()
	Due(store, day, monday)
	var wg sync.WaitGroup
	var begun atomic.Int32
	for range 16 {
		wg.Go(func() {
			a, err := Begin(store, day, monday.Add(day))
			if err != nil {
				t.Error(err)
			}
			if a != nil {
				begun.Add(1)
				if err := a.End(Result{Began: monday.Add(day)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := begun.Load(); n != 1 {
		t.Errorf("%d have begun", n)
	}
}

// Where nothing can be noted, nothing is due.
func TestNoAccount(t *testing.T) {
	store := filepath.Join(t.TempDir(), "gone")
	if Due(store, day, monday) || Last(store) != nil {
		t.Error("due without an account")
	}
	if a, err := Begin(store, day, monday); a != nil || err != nil {
		t.Errorf("begun: %v, %v", a, err)
	}
}

// An account may be anything.
func FuzzAccount(f *testing.F) {
	f.Add([]byte(`{"store":"1 2","last":{"began":"2026-01-02T03:04:05Z","took_ns":7,"freed":-1}}`))
	f.Add([]byte(`{"last":7}`))
	f.Add([]byte("\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		store := t.TempDir()
		if err := os.WriteFile(file(store), text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file(store), monday, monday); err != nil {
			t.Fatal(err)
		}
		Last(store)
		// It is not this store's, whatever it says.
		if a, err := Begin(store, day, monday.Add(9*day)); a != nil || err != nil {
			t.Errorf("%q: begun %v, %v", text, a, err)
		}
	})
}
