package depfile

import "strings"

// A note's line begins with a key, which makes it a comment for make and for Cargo
// (cargo 1.95, dep_info.rs: parse_rustc_dep_info, which has found its rule by then).

// Notes calls f with what follows the key in each line that begins with it, until f
// returns false. whole: f never did, and all those lines were whole; a power cut may
// have taken the end of the last one.
func Notes(text, key string, f func(note string) bool) (whole bool) {
	// Notes stand at the end, and the list before them may be long.
	if i := strings.Index(text, "\n"+key); i >= 0 {
		text = text[i+1:]
	}
	for line := range strings.Lines(text) {
		note, ok := strings.CutPrefix(line, key)
		if !ok {
			continue
		}
		if note, ok = strings.CutSuffix(note, "\n"); !ok || !f(note) {
			return false
		}
	}
	return true
}

// WithoutNotes returns the text of a .d file without the lines that begin with the
// key.
func WithoutNotes(text, key string) string {
	if !strings.Contains(text, key) {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, key) {
			b.WriteString(line)
		}
	}
	return b.String()
}

// LastNote returns what follows the key in the last line, if that is whole and begins
// with the key, and the text before that line. Else it returns all of the text, and ok
// is false.
func LastNote(text, key string) (note, before string, ok bool) {
	body, ok := strings.CutSuffix(text, "\n")
	at := strings.LastIndexByte(body, '\n') + 1
	note, has := strings.CutPrefix(body[at:], key)
	if !ok || !has {
		return "", text, false
	}
	return note, text[:at], true
}

// Add appends a note, a line with its key and newline, to the text of a .d file.
func Add(text, note string) string {
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text + note
}
