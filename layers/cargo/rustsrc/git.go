package rustsrc

import (
	"bytes"
	"slices"
	"strings"
)

// gitReaders are crates by which programs learn the commit, without a word of git in
// their own sources. Most are what the name of others begins with.
var gitReaders = []string{"vergen", "built", "shadow-rs", "git2", "gix", "git-version", "git-testament", "rustc-tools-util", "build-info"}

// ReadsGit reports whether a crate or package of that name is one by which programs learn
// the commit.
func ReadsGit(name string) bool {
	name = strings.ReplaceAll(name, "_", "-")
	return slices.ContainsFunc(gitReaders, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// NamesGit reports whether a file names git: as a word in a literal, as that of a program
// or of a directory, or as a name.
func NamesGit(src []byte) bool { return bytes.Contains(src, []byte("git")) && Mentions(src, "git") > 0 }
