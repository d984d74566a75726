// Package paths has the names of files: what everything is called that this program
// leaves on disk (ondisk.go), and what can be said of names as text: whether one lies
// below another, and whether one stands in a longer text. It asks no file system, keeps
// no state, and may be used concurrently.
//
// Where in a text a path ends nobody can tell: every byte but a slash and a zero may be
// more of the last file's name. So there are three answers, MayEnd, SeemsToEnd and MustEnd,
// and each caller takes the one whose errors are harmless to it.
package paths

import (
	"path/filepath"
	"strings"
)

// IsClean reports whether path is absolute, not the root, and written in the one way
// that comparisons of text need.
func IsClean(path string) bool {
	return filepath.IsAbs(path) && path != "/" && filepath.Clean(path) == path && strings.IndexByte(path, 0) < 0 && strings.IndexByte(path, '\n') < 0
}

// Below reports whether path lies below dir, which is not below itself; both are clean.
func Below(path, dir string) bool { return strings.HasPrefix(path, dir+"/") }

// Under returns path relative to dir, "" for dir itself. It works on text: "/a/b/../c"
// lies below "/a/b". Nothing lies below the root: that would say nothing.
func Under(path, dir string) (rel string, ok bool) {
	if dir == "" || dir == "/" || !strings.HasPrefix(path, dir) {
		return "", false
	}
	if len(path) == len(dir) {
		return "", true
	}
	if path[len(dir)] != '/' {
		return "", false
	}
	return path[len(dir)+1:], true
}

// MayEnd reports whether a path that stands in text up to n may end there: unless the
// text goes on with what every name has. It is for texts in which a path that is found
// makes something dirty. "/a/repo" is found in "/a/repo.git", and not in
// "/a/repository".
func MayEnd(text string, n int) bool { return n == len(text) || !IsWord(text[n]) }

// SeemsToEnd reports whether a path that stands in text up to n ends there for whoever
// reads it: "/w/app" does not in "/w/app.fix" or "/w/app@2", as checkouts beside each
// other are called, though a sentence may go on so. It is for what people read, and for
// texts in which such names are common and a path that is found costs a compilation.
func SeemsToEnd(text string, n int) bool {
	return n == len(text) || !IsWord(text[n]) && strings.IndexByte(".+~@", text[n]) < 0
}

// MustEnd reports whether a path that stands in text up to n ends there without doubt:
// at a slash, where it is the front of a longer one, or at what separates paths
// wherever there are several. It is for texts in which a path that is found lets
// something pass for the same in another directory.
func MustEnd(text string, n int) bool {
	return n == len(text) || strings.IndexByte("/:;, \"'", text[n]) >= 0
}

// IsWord reports whether c is one of the bytes that every name is made of: letters,
// digits, whatever is not ASCII, and the two signs that join words.
func IsWord(c byte) bool {
	return c == '_' || c == '-' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= 0x80
}
