// Package order finds in which order the files of a package are best read: each before those that it uses. Where files
// use each other no order is without a use that runs against it, and how many there are says how far the package is
// from a pile that is read once from top to bottom. Its functions keep no state; Load runs the go command.
package order

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// A Package is one package and what its files use of each other; tests and files of other build tags are left out.
type Package struct {
	Path  string // as it is imported
	Files []string
	Lines int
	// Uses has, by the names of two files, what the first uses of the second: names declared there at the top level.
	// The use of a field or a method is one of the type, where that is declared, or of the method, where that is.
	Uses map[Pair][]string
}

// A Pair is two files, of which the first uses the second.
type Pair struct{ From, To string }

// listed is what go list says of a package.
type listed struct {
	Dir, ImportPath, Export string
	DepOnly                 bool
	GoFiles, CgoFiles       []string
}

// Load reads the packages that patterns name, from the module around dir. They must compile.
func Load(dir string, patterns ...string) ([]Package, error) {
	all, err := list(dir, patterns)
	if err != nil {
		return nil, err
	}
	exports := map[string]string{}
	for _, p := range all {
		exports[p.ImportPath] = p.Export
	}
	fset := token.NewFileSet()
	imports := importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		if exports[path] == "" {
			return nil, fmt.Errorf("go list tells no export file of %s", path)
		}
		return os.Open(exports[path])
	})
	var packages []Package
	for _, p := range all {
		if p.DepOnly || len(p.GoFiles) == 0 {
			continue
		}
		found, err := load(fset, imports, p)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", p.ImportPath, err)
		}
		packages = append(packages, found)
	}
	return packages, nil
}

// list has the packages' dependencies too, since their export files are needed to know what a name stands for.
func list(dir string, patterns []string) ([]listed, error) {
	cmd := exec.Command("go", append([]string{"list", "-export", "-deps", "-json=Dir,ImportPath,Export,DepOnly,GoFiles,CgoFiles"}, patterns...)...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, stderr.Bytes())
	}
	var all []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read go list's answer: %w", err)
		}
		all = append(all, p)
	}
}

func load(fset *token.FileSet, imports types.Importer, p listed) (Package, error) {
	found := Package{Path: p.ImportPath}
	if len(p.CgoFiles) > 0 {
		return found, errors.New("it uses cgo, whose names are not known before it has run")
	}
	var files []*ast.File
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return found, err
		}
		files = append(files, f)
		found.Files = append(found.Files, name)
		found.Lines += fset.File(f.Pos()).LineCount()
	}
	info := types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: imports}
	pkg, err := config.Check(p.ImportPath, fset, files, &info)
	if err != nil {
		return found, err
	}
	found.Uses = uses(fset, files, pkg, info.Uses)
	return found, nil
}

// uses goes by where a name is declared: at any depth inside which declaration of which file.
func uses(fset *token.FileSet, files []*ast.File, pkg *types.Package, of map[*ast.Ident]types.Object) map[Pair][]string {
	var all []Declaration
	for _, f := range files {
		all = append(all, Declarations(f)...)
	}
	slices.SortFunc(all, func(a, b Declaration) int { return int(a.Pos - b.Pos) })
	found := map[Pair][]string{}
	for use, object := range of {
		if object.Pkg() != pkg || !object.Pos().IsValid() {
			continue
		}
		pair := Pair{filepath.Base(fset.Position(use.Pos()).Filename), filepath.Base(fset.Position(object.Pos()).Filename)}
		if pair.From == pair.To {
			continue
		}
		i, _ := slices.BinarySearchFunc(all, object.Pos(), func(d Declaration, pos token.Pos) int { return int(d.End - pos) })
		if i < len(all) && all[i].Pos <= object.Pos() && !slices.Contains(found[pair], all[i].Name) {
			found[pair] = append(found[pair], all[i].Name)
		}
	}
	for _, names := range found {
		slices.Sort(names)
	}
	return found
}
