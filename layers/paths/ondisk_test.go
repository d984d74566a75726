package paths

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// names are the values of all constants of ondisk.go, by the constants' names.
func names(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "ondisk.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	var value func(e ast.Expr) string
	value = func(e ast.Expr) string {
		switch e := e.(type) {
		case *ast.BasicLit:
			s, err := strconv.Unquote(e.Value)
			if err != nil {
				t.Fatal(err)
			}
			return s
		case *ast.Ident:
			return found[e.Name]
		case *ast.BinaryExpr:
			return value(e.X) + value(e.Y)
		}
		t.Fatalf("%T is more than a name", e)
		return ""
	}
	for _, d := range file.Decls {
		if d, ok := d.(*ast.GenDecl); ok && d.Tok == token.CONST {
			for _, s := range d.Specs {
				s := s.(*ast.ValueSpec)
				found[s.Names[0].Name] = value(s.Values[0])
			}
		}
	}
	if len(found) < 40 {
		t.Fatalf("%d names: this looks for the wrong thing", len(found))
	}
	return found
}

func format(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/format.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEveryNameIsDescribed(t *testing.T) {
	// Only what stands in code counts: many names are words.
	code := strings.Join(regexp.MustCompile("(?s)```.*?```|`[^`]*`").FindAllString(format(t), -1), "\n")
	for name, value := range names(t) {
		// gitfile stands behind git, without what they have in common.
		short := strings.TrimPrefix(value, TreeMeta+"/")
		if !regexp.MustCompile(`(^|[^a-z])` + regexp.QuoteMeta(short) + `($|[^a-z])`).MatchString(code) {
			t.Errorf("docs/format.md has nothing on %s (%s)", value, name)
		}
	}
}

// listings returns the names of files that are listed in a section of format.md, in
// its blocks of code and the first columns of its tables.
func listings(text, section string) (list []string) {
	_, text, _ = strings.Cut(text, "\n## "+section+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	code := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		column := regexp.MustCompile(` {2,}`).Split(strings.TrimLeft(line, " "), 2)[0]
		switch {
		case strings.HasPrefix(line, "```"):
			code = !code
		case code && !strings.HasPrefix(line, strings.Repeat(" ", 10)):
			for i, name := range strings.Split(column, ", ") {
				if i > 0 { // beside the one before
					name = path.Join(path.Dir(list[len(list)-1]), name)
				}
				list = append(list, name)
			}
		case !code && strings.HasPrefix(line, "| `."):
			list = append(list, strings.Split(line, "`")[1])
		}
	}
	return list
}

func TestEveryListedNameIsHere(t *testing.T) {
	var parts []string
	for _, value := range names(t) {
		parts = append(parts, strings.Split(value, "/")...)
	}
	// The longest first: some are parts of others.
	slices.SortFunc(parts, func(a, b string) int { return len(b) - len(a) })
	placeholder := regexp.MustCompile(`\$?[A-Z][A-Z_]+(-[A-Z]+)*|\*`)
	text := format(t)
	for _, section := range []string{"The store", "Links to the wrapper", "Inside every tree", "Beside a build directory"} {
		listed := listings(text, section)
		if len(listed) < 2 {
			t.Errorf("%s: lists %q: this looks for the wrong thing", section, listed)
		}
		for _, name := range listed {
			for part := range strings.SplitSeq(name, "/") {
				left := part
				if !slices.Contains(parts, part) {
					left = placeholder.ReplaceAllString(part, "")
				}
				for _, p := range parts {
					left = strings.Replace(left, p, "", 1)
				}
				if left != "" && left != "." { // what hides a name
					t.Errorf("%s: %q in %q is called by no constant", section, part, name)
				}
			}
		}
	}
}

func TestBesideStoreIsTheUsers(t *testing.T) {
	if got, want := BesideStore(), ".cargo-cow-"+strconv.Itoa(os.Geteuid()); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
