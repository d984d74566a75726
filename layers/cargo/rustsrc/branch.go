package rustsrc

import (
	"slices"
	"strings"
)

// AsksBranch reports whether a file may ask git for more than the commit: which
// branch is checked out, what other refs there are, what lies in git's directory. It
// looks for the words by which that is asked, so a file that puts them together from
// pieces is not seen through.
func AsksBranch(src []byte) bool {
	status, porcelain := false, false
	for _, t := range lex(src) {
		switch t.kind {
		case ident:
			if strings.Contains(strings.ToLower(t.text), "branch") {
				return true
			}
		case str, other:
			s := strings.ToLower(t.text)
			if namesBranch(s) || s == "-b" || s == "-sb" || s == "-bs" {
				return true
			}
			status = status || containsWord(s, "status")
			porcelain = porcelain || strings.Contains(s, "--porcelain")
		}
	}
	// For programs to read, git status has no branch in it.
	return status && !porcelain
}

// AsksTags reports whether a file may ask git for tags, by the words for that.
func AsksTags(src []byte) bool {
	for _, t := range lex(src) {
		if t.kind != str && t.kind != other {
			continue
		}
		s := strings.ToLower(t.text)
		if strings.Contains(s, "name-rev") || strings.Contains(s, "%d") {
			return true
		}
		for _, w := range []string{"describe", "tag", "tags", "points", "ref", "refs", "decorate"} {
			if containsWord(s, w) {
				return true
			}
		}
	}
	return false
}

func containsWord(s, word string) bool {
	return slices.Contains(strings.FieldsFunc(s, func(r rune) bool { return r < 'a' || r > 'z' }), word)
}

// namesBranch judges a string in lower case.
func namesBranch(s string) bool {
	// Placeholders of formats for names of refs, and HEAD before an operator that
	// looks at the reflog or the branch behind it.
	for _, part := range []string{"branch", ".git", "name-rev", "--all", "--source", "decorate", "%d", "%s", "%gd", "%gs", "@{", "git-dir", "git_dir", "git-path", "git-common-dir"} {
		if strings.Contains(s, part) {
			return true
		}
	}
	word := func(r rune) bool { return r < 'a' || r > 'z' }
	for _, w := range strings.FieldsFunc(s, word) {
		switch w {
		case "ref", "refs", "refname", "reflog", "worktree", "checkout", "symref", "bundle", "stash", "fetch":
			return true
		}
	}
	return false
}
