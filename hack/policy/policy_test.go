package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/cargo-cow/cargo-cow"

// root is the module's root, from this package's directory.
const root = "../.."

// A pkg is what go list says about one package of the module.
type pkg struct {
	Dir          string
	ImportPath   string
	Imports      []string
	GoFiles      []string
	CgoFiles     []string
	TestGoFiles  []string
	XTestGoFiles []string
	// Files of other build tags, such as cowtest.
	IgnoredGoFiles []string
}

// name is the package's path inside the module, "" for its root.
func (p pkg) name() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json", "./...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("read go list's answer: %v", err)
		}
		all = append(all, p)
	}
	if len(all) < 2 {
		t.Fatalf("go list found %d packages", len(all))
	}
	return all
}

// under tells whether path is dir or below it.
func under(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, dir+"/")
}

// Every package states what it promises, once: a second comment would drift from the first.
func TestPackageComments(t *testing.T) {
	sentence := regexp.MustCompile(`[.!?](\s|$)`)
	for _, p := range packages(t) {
		var comments []string
		for _, file := range slices.Concat(p.GoFiles, p.CgoFiles, p.IgnoredGoFiles, p.TestGoFiles, p.XTestGoFiles) {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, file), nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Errorf("%s: %v", p.name(), err)
				continue
			}
			if doc := strings.TrimSpace(f.Doc.Text()); doc != "" {
				comments = append(comments, doc)
			}
		}
		switch {
		case len(comments) != 1:
			t.Errorf("%s has %d package comments, want one", p.name(), len(comments))
		case len(sentence.FindAllString(comments[0], -1)) < 2:
			t.Errorf("%s: its package comment is one sentence; say what it promises and how it may be used concurrently", p.name())
		}
	}
}

// What only the program itself may do. A library that prints, reads flags or the environment, or exits cannot be used
// by a second program, nor tested without a process of its own.
var onlyInCmd = map[string]*regexp.Regexp{
	"fmt": regexp.MustCompile(`^Print`),
	"os":  regexp.MustCompile(`^(Exit|Getenv|LookupEnv|Environ|Args|Stdin|Stdout|Stderr)$`),
}

// What single libraries may do all the same, with the reason.
var allowedBelowCmd = map[string]struct {
	names  []string
	reason string
}{
	"layers/alias": {[]string{"Args", "Exit"}, "alias.Main makes a second process of the program into another, which has an end of its own"},
}

// Packages no library may import at all, for the same reason.
var onlyImportedInCmd = []string{"flag", "log", "log/slog", "github.com/spf13/cobra", "github.com/spf13/pflag"}

func TestLibrariesAreSilent(t *testing.T) {
	for _, p := range packages(t) {
		name := p.name()
		if under(name, "cmd") || under(name, "hack") || slices.Contains(p.Imports, "testing") {
			continue
		}
		for _, path := range onlyImportedInCmd {
			if slices.Contains(p.Imports, path) {
				t.Errorf("%s imports %s: only cmd prints and reads flags", name, path)
			}
		}
		for _, file := range slices.Concat(p.GoFiles, p.IgnoredGoFiles) {
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, file), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Error(err)
				continue
			}
			for _, use := range uses(f) {
				if slices.Contains(allowedBelowCmd[name].names, use.Sel.Name) {
					continue
				}
				t.Errorf("%s: %s: only cmd prints, reads flags and the environment, and exits", fset.Position(use.Pos()), use.Sel.Name)
			}
		}
	}
}

// uses finds the selectors of f that onlyInCmd names, imports under another name included.
func uses(f *ast.File) []*ast.SelectorExpr {
	forbidden := map[string]*regexp.Regexp{}
	for _, spec := range f.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil || onlyInCmd[path] == nil {
			continue
		}
		local := path
		if spec.Name != nil {
			local = spec.Name.Name
		}
		forbidden[local] = onlyInCmd[path]
	}
	var found []*ast.SelectorExpr
	ast.Inspect(f, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && forbidden[x.Name] != nil && forbidden[x.Name].MatchString(sel.Sel.Name) {
			found = append(found, sel)
		}
		return true
	})
	return found
}

func TestUses(t *testing.T) {
	const src = `package p
import ("fmt"; "os"; std "os")
func f() { fmt.Println(); fmt.Sprint(); os.Exit(1); os.Remove(""); std.Getenv("X"); os.Stdout.Close() }`
	f, err := parser.ParseFile(token.NewFileSet(), "p.go", src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, use := range uses(f) {
		got = append(got, use.Sel.Name)
	}
	if want := []string{"Println", "Exit", "Getenv", "Stdout"}; !slices.Equal(got, want) {
		t.Errorf("uses = %v, want %v", got, want)
	}
}

// docs/cli is written by the program about itself; a page that differs is out of date (`make docs`).
func TestCLIPages(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "cargo-cow")
	build := exec.Command("go", "build", "-o", program, "./cmd/cargo-cow")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	fresh := filepath.Join(dir, "cli")
	if out, err := exec.Command(program, "docs", fresh).CombinedOutput(); err != nil {
		t.Fatalf("cargo-cow docs: %v\n%s", err, out)
	}
	want, have := pages(t, fresh), pages(t, filepath.Join(root, "docs/cli"))
	if len(want) == 0 {
		t.Error("cargo-cow docs wrote no page")
	}
	for name, text := range want {
		if have[name] != text {
			t.Errorf("docs/cli/%s is not what the program says of itself; run make docs", name)
		}
	}
	for name := range have {
		if _, ok := want[name]; !ok {
			t.Errorf("docs/cli/%s is about a command that does not exist; run make docs", name)
		}
	}
}

func pages(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	paths, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found[filepath.Base(path)] = string(text)
	}
	return found
}
