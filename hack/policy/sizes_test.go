package policy

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/hack/reading/order"
)

// A longer file is two things, or one thing said at too great a length.
func TestFileLength(t *testing.T) {
	const limit = 600
	for _, path := range goFiles(t) {
		if n := bytes.Count(read(t, path), []byte("\n")); n > limit {
			t.Errorf("%s has %d lines, more than %d", path, n, limit)
		}
	}
}

// A larger package is several: nobody holds it in mind at once, and any file of it may use any other. Its tests do not
// count.
func TestPackageLength(t *testing.T) {
	const limit = 4000
	lines := map[string]int{}
	for _, path := range productFiles(t) {
		lines[filepath.Dir(path)] += bytes.Count(read(t, path), []byte("\n"))
	}
	for name, n := range lines {
		if n > limit {
			t.Errorf("%s: %d lines without its tests, more than %d", name, n, limit)
		}
	}
}

// A longer function is several steps, and each has a name that the reader is spared finding. Where it is better read as
// one, its comment says why after these words.
var inOnePiece = regexp.MustCompile(`(?s)One function: (\S+\s+){3}`)

func TestFunctionLength(t *testing.T) {
	const limit = 70
	for _, path := range productFiles(t) {
		for name, long := range functionsLongerThan(t, limit, path, read(t, path)) {
			t.Errorf("%s %s: %s", path, name, long)
		}
	}
}

// functionsLongerThan returns what is wrong with each function of the file that is longer and gives no reason.
func functionsLongerThan(t *testing.T, limit int, path string, text []byte) map[string]string {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, path, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || inOnePiece.MatchString(fn.Doc.Text()) {
			continue
		}
		if n := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line + 1; n > limit {
			found[order.FuncName(fn)] = fmt.Sprintf(`%d lines, more than %d, and its comment has no "One function:" with a reason`, n, limit)
		}
	}
	return found
}

func TestFunctionsLongerThan(t *testing.T) {
	body := "{\n" + strings.Repeat("\t_ = 0\n", 3) + "}\n"
	text := "package p\n" +
		"func short() {\n}\n" +
		"func long() " + body +
		"// told is long. One function: the steps share all they know.\nfunc told() " + body +
		"// vague is long. One function: yes.\nfunc vague() " + body
	got := slices.Sorted(maps.Keys(functionsLongerThan(t, 4, "p.go", []byte(text))))
	if want := []string{"long", "vague"}; !slices.Equal(got, want) {
		t.Errorf("too long are %v, want %v", got, want)
	}
}
