package config

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// mark follows the header of a table [build] that SetBuild had to add, so that
// UnsetBuild takes it out again and no other.
const mark = "# by `cargo cow wrapper enable`"

const bom = "\ufeff"

// BuildValue is the value of a key of the table [build] in a configuration file.
type BuildValue struct {
	Value string
	// Literal is Value as it is written there, quotes included.
	Literal string
}

// GetBuild finds the string that text has for the key build.<key>; nil if it
// has none. Included files are not looked at.
func GetBuild(text []byte, key string) (*BuildValue, error) {
	doc, err := readDocument(text, key)
	if err != nil {
		return nil, fmt.Errorf("read build.%s: %w", key, err)
	}
	if doc.pair == nil {
		return nil, nil
	}
	return &BuildValue{Value: doc.text, Literal: string(text[doc.value.from:doc.value.to])}, nil
}

// SetBuild returns text with build.<key> set to the string that literal is in
// TOML. All else stays byte for byte: comments, order, white space, line ends, and
// the way [build] is written.
func SetBuild(text []byte, key, literal string) ([]byte, error) {
	value, err := unquote(literal)
	if err != nil {
		return nil, fmt.Errorf("set build.%s: %w", key, err)
	}
	out, err := set(text, key, literal)
	if err == nil {
		err = confirm(text, out, key, &value)
	}
	if err != nil {
		return nil, fmt.Errorf("set build.%s: %w", key, err)
	}
	return out, nil
}

// UnsetBuild returns text without build.<key>, and without what SetBuild has added for
// it. A comment after the value stays.
func UnsetBuild(text []byte, key string) ([]byte, error) {
	out, err := unset(text, key)
	if err == nil {
		err = confirm(text, out, key, nil)
	}
	if err != nil {
		return nil, fmt.Errorf("remove build.%s: %w", key, err)
	}
	return out, nil
}

// Literal writes s as a string of TOML. If s is not UTF-8, that is an error.
func Literal(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", fmt.Errorf("write %q as TOML: not UTF-8", s)
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, "\\u%04X", r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String(), nil
}

func unquote(literal string) (string, error) {
	var t map[string]any
	if err := toml.Unmarshal([]byte("k = "+literal+"\n"), &t); err != nil {
		return "", err
	}
	s, ok := t["k"].(string)
	if !ok || len(t) != 1 {
		return "", fmt.Errorf("%s is not a string", literal)
	}
	return s, nil
}

// span is a part of a text.
type span struct{ from, to int }

// document is a text with where the parts lie that an edit concerns.
type document struct {
	pair, value *span // of the key, if it is there
	text        string
	single      bool  // the pair has its line for itself
	prev        *span // what stands before the pair in its inline table

	// Where the key can be added: the table's inline form and the last pair in
	// it, the last pair called build.<other>, the header [build] and the last pair
	// below it.
	inline, inlineLast *span
	dotted             *span
	header, last       *span
	headerAlone        bool // no pair below the header
}

// readDocument reads text, which must be a whole file of TOML.
func readDocument(text []byte, key string) (*document, error) {
	var table map[string]any
	if err := toml.Unmarshal(bytes.TrimPrefix(text, []byte(bom)), &table); err != nil {
		return nil, err
	}
	shift := len(text) - len(bytes.TrimPrefix(text, []byte(bom)))
	p := new(unstable.Parser)
	p.Reset(text[shift:])
	doc := &document{}
	var section []string // the table that pairs go into
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.Table, unstable.ArrayTable:
			var end int
			section, end = path(e, shift)
			if len(section) == 1 && section[0] == "build" {
				if e.Kind == unstable.ArrayTable {
					return nil, errNoTable
				}
				doc.header, doc.headerAlone = &span{max(lineStart(text, end), shift), lineEnd(text, end)}, true
			}
		case unstable.KeyValue:
			keys, _ := path(e, shift)
			pair := rangeOf(e, shift)
			full := append(section[:len(section):len(section)], keys...)
			if full[0] != "build" {
				continue
			}
			if len(full) == 1 {
				if err := doc.readInline(e, key, shift); err != nil {
					return nil, err
				}
				continue
			}
			if full[1] == key {
				if err := doc.found(e, len(full) == 2, shift); err != nil {
					return nil, err
				}
				doc.single = true
			}
			switch len(section) {
			case 0:
				doc.dotted = pair
			case 1:
				doc.last, doc.headerAlone = pair, false
			}
		}
	}
	return doc, p.Error()
}

var errNoTable = errors.New("build is not a table")

// readInline reads build = { ... }.
func (doc *document) readInline(e *unstable.Node, key string, shift int) error {
	if e.Value().Kind != unstable.InlineTable {
		return errNoTable
	}
	doc.inline = &span{int(e.Value().Raw.Offset) + shift, rangeOf(e, shift).to}
	for it := e.Value().Children(); it.Next(); {
		inner := it.Node()
		if inner.Kind != unstable.KeyValue {
			continue
		}
		keys, _ := path(inner, shift)
		if keys[0] == key {
			if err := doc.found(inner, len(keys) == 1, shift); err != nil {
				return err
			}
			doc.prev = doc.inlineLast
		}
		doc.inlineLast = rangeOf(inner, shift)
	}
	return nil
}

func (doc *document) found(e *unstable.Node, whole bool, shift int) error {
	v := e.Value()
	if !whole || v.Kind != unstable.String {
		return errors.New("its value is not a string")
	}
	doc.pair, doc.text = rangeOf(e, shift), string(v.Data)
	doc.value = &span{int(v.Raw.Offset) + shift, int(v.Raw.Offset+v.Raw.Length) + shift}
	return nil
}

// path returns the key of a pair or header, and where its text ends.
func path(e *unstable.Node, shift int) (keys []string, end int) {
	for it := e.Key(); it.Next(); {
		if n := it.Node(); n.Kind == unstable.Key {
			keys = append(keys, string(n.Data))
			end = int(n.Raw.Offset+n.Raw.Length) + shift
		}
	}
	return keys, end
}

func rangeOf(e *unstable.Node, shift int) *span {
	return &span{int(e.Raw.Offset) + shift, int(e.Raw.Offset+e.Raw.Length) + shift}
}

func lineStart(text []byte, at int) int { return bytes.LastIndexByte(text[:at], '\n') + 1 }

// lineEnd returns the index after the end of the line.
func lineEnd(text []byte, at int) int {
	if i := bytes.IndexByte(text[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(text)
}

// newline returns what ends the lines of text.
func newline(text []byte) string {
	if i := bytes.IndexByte(text, '\n'); i > 0 && text[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

func splice(text []byte, s span, with string) []byte {
	return append(append(append(make([]byte, 0, len(text)+len(with)), text[:s.from]...), with...), text[s.to:]...)
}

func set(text []byte, key, literal string) ([]byte, error) {
	doc, err := readDocument(text, key)
	if err != nil {
		return nil, err
	}
	pair := key + " = " + literal
	switch {
	case doc.pair != nil:
		return splice(text, *doc.value, literal), nil
	case doc.inlineLast != nil:
		return splice(text, span{doc.inlineLast.to, doc.inlineLast.to}, ", "+pair), nil
	case doc.inline != nil:
		space := ""
		if text[doc.inline.from+1] != '}' {
			space = " "
		}
		return splice(text, span{doc.inline.from + 1, doc.inline.from + 1}, space+pair), nil
	case doc.last != nil:
		return addLine(text, doc.last, pair), nil
	case doc.header != nil:
		return addLine(text, &span{doc.header.from, doc.header.from}, pair), nil
	case doc.dotted != nil:
		return addLine(text, doc.dotted, "build."+pair), nil
	}
	eol := newline(text)
	block := "[build] " + mark + eol + pair
	switch {
	case len(bytes.TrimPrefix(text, []byte(bom))) == 0:
		return append(bytes.Clone(text), block+eol...), nil
	case text[len(text)-1] == '\n':
		return append(bytes.Clone(text), eol+block+eol...), nil
	}
	return append(bytes.Clone(text), eol+eol+block...), nil
}

// addLine adds a line below the one that what ends in, with the same indentation.
func addLine(text []byte, what *span, line string) []byte {
	at := lineEnd(text, what.to)
	indent := bytes.TrimPrefix(text[lineStart(text, what.from):], []byte(bom))
	indent = indent[:len(indent)-len(bytes.TrimLeft(indent, " \t"))]
	line = string(indent) + line
	if at > 0 && text[at-1] == '\n' {
		eol := "\n"
		if at > 1 && text[at-2] == '\r' {
			eol = "\r\n"
		}
		return splice(text, span{at, at}, line+eol)
	}
	return splice(text, span{at, at}, newline(text)+line)
}

func unset(text []byte, key string) ([]byte, error) {
	doc, err := readDocument(text, key)
	if err != nil || doc.pair == nil {
		return text, err
	}
	if !doc.single {
		return splice(text, doc.insidePair(text), ""), nil
	}
	rest := bytes.TrimLeft(text[doc.pair.to:lineEnd(text, doc.pair.to)], " \t")
	if len(rest) > 0 && rest[0] == '#' {
		return splice(text, span{doc.pair.from, lineEnd(text, doc.pair.to) - len(rest)}, ""), nil
	}
	text = splice(text, wholeLine(text, *doc.pair), "")
	if doc, err = readDocument(text, key); err != nil {
		return nil, err
	}
	if doc.header != nil && doc.headerAlone && doc.ours(text) {
		cut := wholeLine(text, *doc.header)
		// The empty line before it is ours, too.
		before := lineStart(text, max(cut.from-1, 0))
		switch eol := newline(text); {
		case string(text[before:cut.from]) == eol:
			cut.from = before
		case text[len(text)-1] != '\n' && bytes.HasSuffix(text[:cut.from], []byte(eol)):
			cut.from -= len(eol)
		}
		text = splice(text, cut, "")
	}
	return text, nil
}

// ours reports whether the header [build] is as SetBuild writes it, with nothing
// below it before the next header.
func (doc *document) ours(text []byte) bool {
	if string(bytes.TrimRight(text[doc.header.from:doc.header.to], "\r\n")) != "[build] "+mark {
		return false
	}
	rest := bytes.TrimLeft(text[doc.header.to:], " \t\r\n")
	return len(rest) == 0 || rest[0] == '['
}

// wholeLine returns the lines that s lies in, with one end of line: the one after them or,
// where there is none, the one before.
func wholeLine(text []byte, s span) span {
	cut := span{lineStart(text, s.from), lineEnd(text, max(s.to-1, s.from))}
	if bytes.HasPrefix(text[cut.from:], []byte(bom)) && cut.from == 0 {
		cut.from = len(bom)
	}
	if cut.to == len(text) && text[cut.to-1] != '\n' && cut.from > 0 && text[cut.from-1] == '\n' {
		cut.from--
		if cut.from > 0 && text[cut.from-1] == '\r' {
			cut.from--
		}
	}
	return cut
}

// insidePair returns what to cut from an inline table: the pair and one comma.
func (doc *document) insidePair(text []byte) span {
	if doc.prev != nil {
		between := text[doc.prev.to:doc.pair.from]
		if !bytes.ContainsAny(between, "#\n") {
			return span{doc.prev.to, doc.pair.to}
		}
	}
	cut := *doc.pair
	after := bytes.TrimLeft(text[cut.to:doc.inline.to], " \t")
	if len(after) > 0 && after[0] == ',' {
		after = bytes.TrimLeft(after[1:], " \t")
		cut.to = doc.inline.to - len(after)
		return cut
	}
	if doc.prev == nil {
		head := bytes.TrimRight(text[doc.inline.from+1:cut.from], " \t")
		cut.from = doc.inline.from + 1 + len(head)
	}
	return cut
}

// confirm checks that out says the same as text, except that the key has the value want,
// or none.
func confirm(text, out []byte, key string, want *string) error {
	var tables [2]map[string]any
	for i, b := range [][]byte{text, out} {
		if err := toml.Unmarshal(bytes.TrimPrefix(b, []byte(bom)), &tables[i]); err != nil {
			return err
		}
		build, _ := tables[i]["build"].(map[string]any)
		if i == 1 {
			got, ok := build[key]
			if want == nil && ok || want != nil && got != *want {
				return fmt.Errorf("the file would say %v", got)
			}
		}
		delete(build, key)
		if len(build) == 0 {
			delete(tables[i], "build")
		}
	}
	if !equal(tables[0], tables[1]) {
		return errors.New("other keys would change")
	}
	return nil
}

// equal is reflect.DeepEqual for values of TOML, but not-a-number equals itself.
func equal(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, v := range a {
			if w, ok := b[k]; !ok || !equal(v, w) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !equal(a[i], b[i]) {
				return false
			}
		}
		return true
	case float64:
		b, ok := b.(float64)
		return ok && (a == b || a != a && b != b)
	}
	return reflect.DeepEqual(a, b)
}
