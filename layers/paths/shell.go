package paths

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ShellWord writes a name as one word for a shell, as it is where nothing in it is
// special. Whoever pastes a command that we print runs it with that name and with nothing
// else, however the name was chosen: it has neither line breaks nor what a terminal
// would not show as it is.
func ShellWord(name string) string {
	plain := func(r rune) bool {
		return r >= 0x80 || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("/._-+,:@%=", r)
	}
	unseen := func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
	}
	switch {
	case !utf8.ValidString(name) || strings.IndexFunc(name, unseen) >= 0:
		return escapedWord(name)
	case name != "" && strings.IndexFunc(name, func(r rune) bool { return !plain(r) }) < 0:
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}

// escapedWord is the form of bash, zsh and ksh (POSIX since 2024) for what cannot be
// written as it is.
func escapedWord(name string) string {
	var b strings.Builder
	b.WriteString("$'")
	for i := range len(name) {
		switch c := name[i]; {
		case c == '\'' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < 0x20 || c >= 0x7f:
			fmt.Fprintf(&b, `\%03o`, c) // of three digits always, unlike \x
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('\'')
	return b.String()
}
