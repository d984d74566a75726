// Package unasked keeps an account of what was done for a build directory that nobody asked
// for: whether it was restored before cargo made it, and what was sealed for that. Nobody
// else would hear of it, as nothing is said on cargo's streams.
//
// The account of a build directory is a small file in the store. Any number of processes may
// write and read it; of two that write at once the later one stays. It is advice: what cannot
// be written is not.
package unasked

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// An Outcome is what was done. Its JSON is part of what commands print.
type Outcome struct {
	BuildDir string    `json:"build_dir"`
	At       time.Time `json:"at"`
	Took     int64     `json:"took_ms"`
	// Restored is the layer that the build directory was made from; "" for none.
	Restored string `json:"restored,omitempty"`
	// Sealed is the layer that was made for it, of the checkout at Of.
	Sealed string `json:"sealed,omitempty"`
	Of     string `json:"of,omitempty"`
	// Why says why nothing was restored.
	Why string `json:"why,omitempty"`
}

func file(store, buildDir string) string {
	return filepath.Join(store, paths.StoreUnasked, digest.OfText(buildDir)+paths.JSONSuffix)
}

// Note writes the account of o's build directory.
func Note(store string, o Outcome) {
	text, err := json.Marshal(o)
	if err != nil {
		return
	}
	path := file(store, o.BuildDir)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
		_ = atomicfile.WriteUnsynced(path, append(text, '\n'), 0o600)
	}
}

// Read reads the account of a build directory; nil if there is none.
func Read(store, buildDir string) *Outcome {
	text, err := regular.Read(file(store, buildDir))
	if err != nil {
		return nil
	}
	return parse(text, buildDir)
}

func parse(text []byte, buildDir string) *Outcome {
	var o Outcome
	if json.Unmarshal(text, &o) != nil || o.BuildDir != buildDir {
		return nil
	}
	return &o
}

// A Count is of the accounts in a store: one for each build directory, the last.
type Count struct {
	Restored int `json:"restored"` // build directories that were made from a layer
	Sealed   int `json:"sealed"`   // of those, with a layer that was made for them
	Not      int `json:"not_restored"`
}

// Sum counts the accounts since a time.
func Sum(store string, since time.Time) (n Count) {
	dir := filepath.Join(store, paths.StoreUnasked)
	entries, _ := os.ReadDir(dir) // before the first there are none
	for _, e := range entries {
		text, err := regular.Read(filepath.Join(dir, e.Name()))
		var o Outcome
		if err != nil || json.Unmarshal(text, &o) != nil || o.At.Before(since) {
			continue
		}
		switch {
		case o.Restored == "":
			n.Not++
		case o.Sealed != "":
			n.Sealed++
			fallthrough
		default:
			n.Restored++
		}
	}
	return n
}

// Forget removes accounts of build directories that are not there and that are older than a
// time.
func Forget(store string, before time.Time) {
	dir := filepath.Join(store, paths.StoreUnasked)
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		text, err := regular.Read(path)
		var o Outcome
		if err == nil && json.Unmarshal(text, &o) == nil {
			if _, err := os.Lstat(o.BuildDir); err == nil || o.At.After(before) {
				continue
			}
		}
		_ = os.Remove(path)
	}
}
