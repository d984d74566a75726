package rustsrc

import (
	"strings"
	"unicode/utf8"
)

type kind uint8

const (
	punct    kind = iota // one byte, in text
	ident                // without r# or the quote of a lifetime
	str                  // "…" or r"…", in text with escapes undone
	other                // any further literal; text of byte and C strings, undone
	prefixed             // c"…" and cr"…", which are two tokens in older editions
)

type token struct {
	kind kind
	text string
}

func (t token) is(k kind, text string) bool { return t.kind == k && t.text == text }

// lex splits a source file into tokens as rustc does (rustc 1.95,
// compiler/rustc_lexer/src/lib.rs) and drops white space and comments. It never
// fails: what is not Rust comes out as some tokens or other, and an unfinished
// literal or comment reaches to the end.
func lex(src []byte) []token {
	l := &lexer{src: strings.TrimPrefix(string(src), "\ufeff"), tokens: make([]token, 0, len(src)/5)}
	l.skipShebang()
	for l.pos < len(l.src) {
		l.next()
	}
	return l.tokens
}

type lexer struct {
	src    string // tokens share it
	pos    int
	tokens []token
}

// at returns the byte n places on, or 0 beyond the end.
func (l *lexer) at(n int) byte {
	if l.pos+n < len(l.src) {
		return l.src[l.pos+n]
	}
	return 0
}

func (l *lexer) emit(k kind, text string) {
	l.tokens = append(l.tokens, token{k, text})
}

// skipShebang leaves out a first line "#!…" unless it begins an inner
// attribute.
func (l *lexer) skipShebang() {
	rest, ok := strings.CutPrefix(l.src, "#!")
	if !ok {
		return
	}
	after := &lexer{src: rest}
	for len(after.tokens) == 0 && after.pos < len(rest) {
		after.next()
	}
	if len(after.tokens) > 0 && after.tokens[0].is(punct, "[") {
		return
	}
	l.skipLine()
}

func (l *lexer) skipLine() {
	if n := strings.IndexByte(l.src[l.pos:], '\n'); n >= 0 {
		l.pos += n
	} else {
		l.pos = len(l.src)
	}
}

// next consumes at least one byte and emits at most one token.
func (l *lexer) next() {
	c := l.at(0)
	switch {
	case c == ' ' || c >= '\t' && c <= '\r':
		l.pos++
	case c == '/' && l.at(1) == '/':
		l.skipLine()
	case c == '/' && l.at(1) == '*':
		l.skipBlock()
	case c == '"':
		l.quoted(str)
	case c == '\'':
		l.quote()
	case c >= '0' && c <= '9':
		// The fraction and the sign of an exponent come out as tokens of their
		// own, which does no harm.
		l.emit(other, l.word())
	case isIdent(c):
		l.identOrLiteral()
	default:
		l.emit(punct, l.src[l.pos:l.pos+1])
		l.pos++
	}
}

func (l *lexer) skipBlock() {
	l.pos += 2
	for depth := 1; depth > 0 && l.pos < len(l.src); {
		switch {
		case l.at(0) == '/' && l.at(1) == '*':
			depth++
			l.pos += 2
		case l.at(0) == '*' && l.at(1) == '/':
			depth--
			l.pos += 2
		default:
			l.pos++
		}
	}
}

// identOrLiteral is at the start of a word, which may be the prefix of a
// literal: r b br c cr, with quotes or hashes.
func (l *lexer) identOrLiteral() {
	for _, prefix := range []string{"br", "cr", "r", "b", "c"} {
		if !strings.HasPrefix(l.src[l.pos:], prefix) {
			continue
		}
		n := len(prefix)
		k := other
		switch prefix {
		case "r":
			k = str
		case "c", "cr":
			k = prefixed
		}
		raw := prefix[n-1] == 'r'
		switch next := l.at(n); {
		case raw && l.rawQuoteAt(n):
			l.pos += n
			l.rawQuoted(k)
			return
		case !raw && next == '"':
			l.pos += n
			l.quoted(k)
			return
		case prefix == "b" && next == '\'':
			l.pos += n + 1
			l.char()
			return
		case prefix == "r" && next == '#' && isIdent(l.at(n+1)):
			l.pos += 2
			l.emit(ident, l.word())
			return
		}
	}
	l.emit(ident, l.word())
}

func (l *lexer) word() string {
	start := l.pos
	for l.pos < len(l.src) && isIdent(l.src[l.pos]) {
		l.pos++
	}
	return l.src[start:l.pos]
}

// isIdent takes every byte beyond ASCII for a part of an identifier: the few
// that are not are white space, which then only joins two words.
func isIdent(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= utf8.RuneSelf
}

// quote is at a single quote: a character or a lifetime.
func (l *lexer) quote() {
	_, size := utf8.DecodeRuneInString(l.src[min(l.pos+1, len(l.src)):])
	if l.at(1+size) != '\'' && isIdent(l.at(1)) {
		l.pos++
		l.emit(ident, l.word())
		return
	}
	l.pos++
	l.char()
}

// char is behind the opening quote of a character. A quote that opens nothing
// is given up at the end of its line, as rustc does.
func (l *lexer) char() {
	l.emit(other, "")
	_, size := utf8.DecodeRuneInString(l.src[l.pos:])
	if l.at(0) != '\\' && size > 0 && l.at(size) == '\'' {
		l.pos += size + 1
		return
	}
	for l.pos < len(l.src) {
		switch c := l.at(0); {
		case c == '\'':
			l.pos++
			return
		case c == '/', c == '\n' && l.at(1) != '\'':
			return
		case c == '\\':
			l.pos = min(l.pos+2, len(l.src))
		default:
			l.pos++
		}
	}
}

// quoted is at the opening quote of a string with escapes.
func (l *lexer) quoted(k kind) {
	l.pos++
	start := l.pos
	for l.pos < len(l.src) {
		switch l.src[l.pos] {
		case '"':
			l.emit(k, unescape(l.src[start:l.pos]))
			l.pos++
			return
		case '\\':
			l.pos = min(l.pos+2, len(l.src))
		default:
			l.pos++
		}
	}
	l.emit(k, unescape(l.src[start:]))
}

// rawQuoteAt tells whether hashes and then a quote begin n places on.
func (l *lexer) rawQuoteAt(n int) bool {
	for l.at(n) == '#' {
		n++
	}
	return l.at(n) == '"'
}

// rawQuoted is at the hashes or the quote of a raw string.
func (l *lexer) rawQuoted(k kind) {
	hashes := 0
	for l.at(0) == '#' {
		hashes++
		l.pos++
	}
	l.pos++
	end := `"` + strings.Repeat("#", hashes)
	n := strings.Index(l.src[l.pos:], end)
	if n < 0 {
		l.emit(k, l.src[l.pos:])
		l.pos = len(l.src)
		return
	}
	l.emit(k, l.src[l.pos:l.pos+n])
	l.pos += n + len(end)
}

var simpleEscapes = map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', '0': 0, '\\': '\\', '\'': '\'', '"': '"'}

// unescape undoes the escapes of a string, so that a name cannot hide behind
// them. Invalid ones are left as they are.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			i++
			continue
		}
		c := s[i+1]
		rest := s[i+2:]
		if v, ok := simpleEscapes[c]; ok {
			b = append(b, v)
			i += 2
			continue
		}
		switch {
		case c == 'x' && len(rest) >= 2 && isHex(rest[0]) && isHex(rest[1]):
			b = append(b, byte(hexValue(rest[:2])))
			i += 4
		case c == 'u' && len(rest) > 0 && rest[0] == '{':
			digits, _, ok := strings.Cut(rest[1:], "}")
			if !ok {
				b = append(b, s[i])
				i++
				continue
			}
			b = utf8.AppendRune(b, hexValue(digits))
			i += 4 + len(digits)
		case c == '\n' || c == '\r':
			// A backslash at the end of a line swallows white space.
			for i += 2; i < len(s) && strings.IndexByte(" \t\r\n", s[i]) >= 0; i++ {
			}
		default:
			b = append(b, s[i])
			i++
		}
	}
	return string(b)
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// hexValue skips underscores, which \u{…} may have, and whatever is no digit.
func hexValue(digits string) rune {
	var v rune
	for i := range len(digits) {
		c := digits[i]
		switch {
		case !isHex(c):
			continue
		case c >= 'a':
			c -= 'a' - 10
		case c >= 'A':
			c -= 'A' - 10
		default:
			c -= '0'
		}
		if v = v<<4 | rune(c); v > utf8.MaxRune {
			return utf8.RuneError
		}
	}
	return v
}
