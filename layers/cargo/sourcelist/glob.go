package sourcelist

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// The pieces of regular expressions that the wildcards of globs stand for.
const (
	anyByte         = "[^/]"
	anyBytes        = "[^/]*"
	recursivePrefix = "(?:/?|.*/)" // "**/"
	recursiveMiddle = "(?:/|/.*/)" // "/**/"
	recursiveSuffix = "/.*"        // "/**"
)

// compileGlob turns a glob into the regular expression that the globset crate
// makes of it (globset 0.4.18, glob.rs: Parser and tokens_to_regex), with the
// options literal_separator, backslash_escape and allow_unclosed_class, which
// the ignore crate sets. The crate matches bytes, "?" and the members of a class
// included, so the expression is to be matched with what byteRunes returns.
func compileGlob(glob string) (*regexp.Regexp, error) {
	if !utf8.ValidString(glob) {
		return nil, errors.New("not UTF-8")
	}
	p := globParser{glob: []rune(glob), branches: make([][]string, 1)}
	if err := p.parse(); err != nil {
		return nil, err
	}
	pieces := p.branches[0]
	if len(pieces) == 1 && pieces[0] == recursivePrefix {
		pieces = []string{".*"}
	}
	return regexp.Compile(`(?s)\A` + strings.Join(pieces, "") + `\z`)
}

// byteRunes returns a string with one character for every byte of s, since the
// regexp package cannot match single bytes.
func byteRunes(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return s
	}
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

// end is what peek returns at the end of a glob.
const end rune = -1

type globParser struct {
	glob []rune
	next int
	// branches are the pieces of the glob itself and of the alternatives that
	// are being read, starts where those of each open brace begin.
	branches [][]string
	starts   []int
	// unclosed tells that a "[" had no "]", so that no later one has.
	unclosed bool
}

func (p *globParser) peek() rune {
	if p.next == len(p.glob) {
		return end
	}
	return p.glob[p.next]
}

func (p *globParser) push(pieces ...string) {
	last := &p.branches[len(p.branches)-1]
	*last = append(*last, pieces...)
}

func (p *globParser) pushLiteral(c rune) {
	p.push(regexp.QuoteMeta(byteRunes(string(c))))
}

func (p *globParser) parse() error {
	for p.next < len(p.glob) {
		c := p.glob[p.next]
		p.next++
		switch {
		case c == '?':
			p.push(anyByte)
		case c == '*':
			p.star()
		case c == '[' && !p.unclosed:
			if err := p.class(); err != nil {
				return err
			}
		case c == '{':
			p.starts = append(p.starts, len(p.branches))
			p.branches = append(p.branches, nil)
		case c == '}':
			if len(p.starts) == 0 {
				return errors.New("unopened braces")
			}
			p.closeBraces()
		case c == ',' && len(p.starts) > 0:
			p.branches = append(p.branches, nil)
		case c == '\\':
			if p.peek() == end {
				return errors.New("dangling escape")
			}
			p.pushLiteral(p.glob[p.next])
			p.next++
		default:
			p.pushLiteral(c)
		}
	}
	if len(p.starts) > 0 {
		return errors.New("unclosed braces")
	}
	return nil
}

func (p *globParser) closeBraces() {
	start := p.starts[len(p.starts)-1]
	var alternatives []string
	for _, pieces := range p.branches[start:] {
		// The crate drops alternatives that are empty.
		if re := strings.Join(pieces, ""); re != "" {
			alternatives = append(alternatives, re)
		}
	}
	p.starts, p.branches = p.starts[:len(p.starts)-1], p.branches[:start]
	piece := ""
	if len(alternatives) > 0 {
		piece = "(?:" + strings.Join(alternatives, "|") + ")"
	}
	p.push(piece)
}

// star reads on after a "*". Two of them are one wildcard across directories
// only if they are a whole component, else they are two ordinary ones.
func (p *globParser) star() {
	before := end
	if p.next > 1 {
		before = p.glob[p.next-2]
	}
	if p.peek() != '*' {
		p.push(anyBytes)
		return
	}
	p.next++
	after := p.peek()
	last := p.branches[len(p.branches)-1]
	inBraces := len(p.branches) > 1
	switch {
	case len(last) == 0 && (after == end || after == '/'):
		p.push(recursivePrefix)
	case len(last) == 0,
		before != '/' && !(inBraces && (before == ',' || before == '{')),
		after != end && after != '/' && !(inBraces && (after == ',' || after == '}')):
		p.push(anyBytes, anyBytes)
		return
	case last[len(last)-1] == recursivePrefix || last[len(last)-1] == recursiveSuffix:
	case after == '/':
		last[len(last)-1] = recursiveMiddle
	default:
		last[len(last)-1] = recursiveSuffix
	}
	if after == '/' {
		p.next++
	}
}

// class reads on after a "[".
func (p *globParser) class() error {
	rest := p.glob[p.next:]
	members := rest
	if len(members) > 0 && (members[0] == '!' || members[0] == '^') {
		members = members[1:]
	}
	var ranges [][2]rune
	inRange := false
	for i, c := range members {
		switch {
		case c == ']' && i > 0:
			if inRange {
				ranges = append(ranges, [2]rune{'-', '-'})
			}
			p.next += len(rest) - len(members) + i + 1
			p.pushClass(len(members) < len(rest), ranges)
			return nil
		case c == '-' && i > 0 && !inRange:
			inRange = true
		case inRange:
			r := &ranges[len(ranges)-1]
			if r[1] = c; r[1] < r[0] {
				return fmt.Errorf("invalid range %c-%c", r[0], r[1])
			}
			inRange = false
		default:
			ranges = append(ranges, [2]rune{c, c})
		}
	}
	p.unclosed = true
	p.pushLiteral('[')
	return nil
}

// pushClass adds a class of bytes. The crate writes the characters of a range as
// their bytes, so that a range of characters outside of ASCII runs from the last
// byte of the first to the first byte of the last.
func (p *globParser) pushClass(negated bool, ranges [][2]rune) {
	var re strings.Builder
	re.WriteString("[")
	if negated {
		re.WriteString("^")
	}
	single := func(list []byte) {
		for _, b := range list {
			fmt.Fprintf(&re, `\x{%02x}`, b)
		}
	}
	for _, r := range ranges {
		from, to := []byte(string(r[0])), []byte(string(r[1]))
		if slices.Equal(from, to) {
			single(from)
			continue
		}
		single(from[:len(from)-1])
		fmt.Fprintf(&re, `\x{%02x}-\x{%02x}`, from[len(from)-1], to[0])
		single(to[1:])
	}
	re.WriteString("]")
	p.push(re.String())
}
