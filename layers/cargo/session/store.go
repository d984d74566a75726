package session

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// storeFile names the store that a build directory belongs to.
const storeFile = ".cargo-cow/store"

// Store returns the path of the store that a build directory was said to belong
// to, "" if nothing was said.
func Store(buildDir string) string { return ReadStore(buildDir + "/" + storeFile) }

// ChosenStore is the file that names the store of a user who chose one, in the
// directory of this program's data.
func ChosenStore(dataDir string) string { return dataDir + "/store" }

// ReadStore returns the path that such a file holds, "" if there is none.
func ReadStore(file string) string {
	text, err := os.ReadFile(file)
	path, ok := strings.CutSuffix(string(text), "\n")
	if err != nil || !ok || !isClean(path) {
		return ""
	}
	return path
}

// WriteStore says which store a build directory belongs to.
func WriteStore(buildDir, store string) error {
	return replace(filepath.Join(buildDir, storeFile), store+"\n")
}

// memoryFile, in a repository, is where init notes the store, as JSON.
const memoryFile = "/cargo-cow/config.json"

// Remembering returns the store that the repository of a checkout remembers, given
// the checkout's top directory; "" if there is none.
func Remembering(checkout string) string {
	git := checkout + "/.git"
	text, err := os.ReadFile(git + memoryFile)
	if err != nil {
		// In a linked worktree .git is a file that names the worktree's own directory,
		// in which another names the repository's.
		link, err := os.ReadFile(git)
		dir, ok := strings.CutPrefix(strings.TrimSuffix(string(link), "\n"), "gitdir: ")
		if err != nil || !ok {
			return ""
		}
		if !filepath.IsAbs(dir) {
			dir = checkout + "/" + dir
		}
		common, err := os.ReadFile(dir + "/commondir")
		if err != nil {
			return ""
		}
		to := strings.TrimSuffix(string(common), "\n")
		if !filepath.IsAbs(to) {
			to = dir + "/" + to
		}
		if text, err = os.ReadFile(to + memoryFile); err != nil {
			return ""
		}
	}
	_, rest, ok := strings.Cut(string(text), `"store":`)
	if !ok {
		return ""
	}
	quoted, err := strconv.QuotedPrefix(strings.TrimLeft(rest, " "))
	if err != nil {
		return ""
	}
	// JSON writes what is not plain in another way than Go: then nothing is found, as
	// without a note.
	path, err := strconv.Unquote(quoted)
	if err != nil || !isClean(path) {
		return ""
	}
	return path
}
