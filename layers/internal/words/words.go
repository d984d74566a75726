// Package words writes and reads the lines of this project's own files that the
// compiler's wrapper reads too: a key, and words after it that are quoted as in Go
// and separated by single spaces. Whatever a word holds, it stays on its line.
package words

import (
	"strconv"
	"strings"
)

// Line is a key with words, and a newline.
func Line(key string, words ...string) string {
	b := []byte(key)
	for _, w := range words {
		b = append(b, ' ')
		b = strconv.AppendQuote(b, w)
	}
	return string(append(b, '\n'))
}

// Split takes quoted words apart, none of an empty text. It reports false for what
// Line does not write.
func Split(s string) (words []string, ok bool) {
	for more := s != ""; more; {
		prefix, err := strconv.QuotedPrefix(s)
		if err != nil || prefix[0] != '"' {
			return nil, false
		}
		w, err := strconv.Unquote(prefix)
		if err != nil {
			return nil, false
		}
		words = append(words, w)
		if s = s[len(prefix):]; s == "" {
			break
		}
		if s, more = strings.CutPrefix(s, " "); !more {
			return nil, false
		}
	}
	return words, true
}
