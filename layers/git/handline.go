package git

import (
	"slices"
	"strings"
)

// hookHead is what a hook file of our own begins with.
const hookHead = "#!/bin/sh\n"

// handLine is what a user whose hook we leave alone adds to it. Where a hook is
// shared, others may not have this program, and it is nothing to tell them about.
const handLine = `command -v cargo-cow >/dev/null && cargo-cow restore --hook "$@" || :`

// lineStart is the offset of the first line that is exactly line, or -1.
func lineStart(text, line string) int {
	off := 0
	for l := range strings.Lines(text) {
		if strings.TrimSuffix(l, "\n") == line {
			return off
		}
		off += len(l)
	}
	return -1
}

// addHandLine puts handLine where a script that husky runs comes to it whatever
// follows: after its first line, and after the one by which it becomes husky's
// (versions 5 to 8: that line runs the script again, and ends).
func addHandLine(text string) string {
	if text == "" {
		return hookHead + handLine + "\n"
	}
	lines := slices.Collect(strings.Lines(text))
	at := 0
	for i, l := range lines {
		if i == 0 && strings.HasPrefix(l, "#!") || strings.Contains(l, "/husky.sh") {
			at = i + 1
		}
	}
	before := strings.Join(lines[:at], "")
	if before != "" && !strings.HasSuffix(before, "\n") {
		before += "\n"
	}
	return before + handLine + "\n" + strings.Join(lines[at:], "")
}

// cutHandLine takes the line out again.
func cutHandLine(text string) (rest string, ok bool) {
	if at := lineStart(text, handLine); at >= 0 {
		return text[:at] + text[min(at+len(handLine)+1, len(text)):], true
	}
	return text, false
}
