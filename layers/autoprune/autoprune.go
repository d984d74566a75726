// Package autoprune keeps the account of the prune that nobody asks for: when the last one began, and what came of
// it. The first time there is only an account opened: what lies in a store that was just made, or brought here from
// another machine, is not old for the dates that it bears.
//
// The account is a file in the store, locked while a prune runs. Any number of processes may look at it and begin;
// one of them has it, and the others have nothing to do. It is advice: without it there is one prune less, or more.
package autoprune

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/internal/flock"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// Result is what came of a prune.
type Result struct {
	Began       time.Time     `json:"began"`
	Took        time.Duration `json:"took_ns"`
	Layers      int           `json:"layers"`
	Directories int           `json:"directories"`
	Records     int           `json:"records"`
	Freed       int64         `json:"freed"`
	Costs       int64         `json:"cost_ms"` // of what was lost
	Size        int64         `json:"size"`    // what the store takes then that nothing else holds
	KeepUnder   int64         `json:"keep_under"`
	Lacking     int64         `json:"lacking,omitempty"` // of the space that is to be free
	Error       string        `json:"error,omitempty"`
}

// content is what the file has.
type content struct {
	Store string  `json:"store"` // which store it is of, see identity
	Last  *Result `json:"last,omitempty"`
}

func file(store string) string { return filepath.Join(store, paths.StoreAutoPrune) }

// identity is another one for a store that was copied here: its directory was made then.
func identity(store string) string {
	var st unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, store, 0, unix.STATX_INO|unix.STATX_BTIME, &st) != nil {
		return ""
	}
	return fmt.Sprintf("%d %d.%09d", st.Ino, st.Btime.Sec, st.Btime.Nsec)
}

// Due reports whether the last prune of a store is longer ago than every. Where there was none
// it opens the account, and the first is due later. It costs one look at a file.
func Due(store string, every time.Duration, now time.Time) bool {
	info, err := os.Lstat(file(store))
	if errors.Is(err, fs.ErrNotExist) {
		_ = open(store, now)
		return false
	}
	return err == nil && isPast(info.ModTime(), every, now)
}

// isPast is true as well if the clock was set back since.
func isPast(last time.Time, every time.Duration, now time.Time) bool {
	return now.Sub(last) >= every || last.Sub(now) > every
}

// open opens an account, or one anew for a store that was copied here.
func open(store string, now time.Time) error {
	text, err := json.Marshal(content{Store: identity(store)})
	if err != nil {
		return err
	}
	if err := os.WriteFile(file(store), text, 0o600); err != nil {
		return err
	}
	return os.Chtimes(file(store), time.Time{}, now)
}

// An Account is that of a prune under way.
type Account struct {
	store   string
	content content
	unlock  func() error
}

// Begin begins a prune, if one is due and nobody else is at it; else there is nothing to do,
// and the account is nil.
func Begin(store string, every time.Duration, now time.Time) (*Account, error) {
	if !Due(store, every, now) {
		return nil, nil
	}
	unlock, err := flock.TryLock(file(store), flock.Exclusive)
	if errors.Is(err, flock.ErrLocked) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	a := &Account{store: store, unlock: unlock, content: read(store)}
	own := a.content.Store == identity(store)
	if info, err := os.Lstat(file(store)); err != nil || !own || !isPast(info.ModTime(), every, now) {
		if err == nil && !own {
			err = open(store, now)
		}
		return nil, errors.Join(err, unlock())
	}
	// Whatever becomes of this one, the next is due later.
	if err := os.Chtimes(file(store), time.Time{}, now); err != nil {
		return nil, errors.Join(err, unlock())
	}
	return a, nil
}

// End says what came of it.
func (a *Account) End(r Result) error {
	a.content.Last = &r
	text, err := json.Marshal(a.content)
	if err == nil {
		err = os.WriteFile(file(a.store), text, 0o600)
	}
	if err == nil {
		err = os.Chtimes(file(a.store), time.Time{}, r.Began)
	}
	return errors.Join(err, a.unlock())
}

func read(store string) (c content) {
	text, err := regular.Read(file(store))
	if err == nil {
		c = parse(text)
	}
	return c
}

func parse(text []byte) (c content) {
	if json.Unmarshal(text, &c) != nil {
		return content{}
	}
	return c
}

// Last returns what came of the last prune of a store; nil if there was none.
func Last(store string) *Result { return read(store).Last }
