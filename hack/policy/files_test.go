package policy

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cargo-cow/cargo-cow/hack/reading/order"
)

// goFiles are all Go files of the repository, of whatever build tag, by their paths in it.
func goFiles(t *testing.T) []string {
	t.Helper()
	var found []string
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "bin" || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if d.Type().IsRegular() && filepath.Ext(path) == ".go" {
			found = append(found, path)
		}
		return nil
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("found %d Go files: %v", len(found), err)
	}
	return found
}

// productFiles are the Go files that are no tests.
func productFiles(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(goFiles(t), func(path string) bool { return strings.HasSuffix(path, "_test.go") })
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// declared are the names at the top level of a Go file; that of a method is TYPE.NAME.
func declared(t *testing.T, path string) []string {
	t.Helper()
	// Asked of each file for each name on a page: 24 s when each was parsed anew.
	if names, ok := declarations.Load(path); ok {
		return names.([]string)
	}
	f, err := parser.ParseFile(token.NewFileSet(), path, read(t, path), parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range order.Declarations(f) {
		names = append(names, d.Name)
	}
	declarations.Store(path, names)
	return names
}

var declarations sync.Map // of each file, by its path
