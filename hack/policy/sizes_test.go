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

// What is still larger than it may be. These lists only get shorter: an entry that is no longer needed fails its test.
var (
	largePackages = []string{"cmd/cargo-cow", "layers", "layers/cargo"}
	longFunctions = []string{
		"cmd/cargo-cow/status.go app.status",
		"layers/cargo/rustsrc/reach.go parser.reach",
		"layers/cargo/scan.go scanned.read",
		"layers/restore.go Store.place",
		"layers/snapshot.go Store.seal",
	}
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
	found := map[string]string{}
	for name, n := range lines {
		if n > limit {
			found[name] = fmt.Sprintf("%d lines without its tests, more than %d", n, limit)
		}
	}
	onlyListed(t, found, largePackages, "largePackages")
}

// A longer function is several steps, and each has a name that the reader is spared finding. Where it is better read as
// one, its comment says why after these words.
var inOnePiece = regexp.MustCompile(`(?s)One function: (\S+\s+){3}`)

func TestFunctionLength(t *testing.T) {
	const limit = 70
	found := map[string]string{}
	for _, path := range productFiles(t) {
		for name, long := range functionsLongerThan(t, limit, path, read(t, path)) {
			found[path+" "+name] = long
		}
	}
	onlyListed(t, found, longFunctions, "longFunctions")
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

// onlyListed fails for what was found and is not on the list, and for what is on it and was not found.
func onlyListed(t *testing.T, found map[string]string, list []string, listName string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if !slices.Contains(list, name) {
			t.Errorf("%s: %s", name, found[name])
		}
	}
	for _, name := range list {
		if _, ok := found[name]; !ok {
			t.Errorf("%s is no longer too large: take it from %s", name, listName)
		}
	}
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
