package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// kinds are what is counted, in the order in which it is printed.
var kinds = []string{"test", "case", "fuzzer", "benchmark", "hazard", "script", "crash point"}

// collect finds the names of each kind, with the directory behind them; those of the cases of a table are the
// declaration's that it stands in, with a number.
func collect(root fs.FS) (map[string][]string, error) {
	found := map[string][]string{}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		dir := path.Dir(name)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "bin"):
			return fs.SkipDir
		case d.IsDir():
		case strings.HasSuffix(dir, "testdata/script") && path.Ext(name) == ".txt":
			found["script"] = append(found["script"], d.Name()+" "+dir)
		case path.Ext(name) == ".go" && !strings.Contains("/"+dir+"/", "/testdata/"):
			return inFile(root, name, func(kind, what string) { found[kind] = append(found[kind], what+" "+dir) })
		}
		return nil
	})
	for _, names := range found {
		slices.Sort(names)
	}
	return found, err
}

func inFile(root fs.FS, name string, found func(kind, what string)) error {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return err
	}
	f, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	if !strings.HasSuffix(name, "_test.go") {
		crashPoints(f, func(what string) { found("crash point", what) })
		return nil
	}
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			if kind := kindOf(fn); kind != "" {
				found(kind, fn.Name.Name)
			}
		}
		n := 0
		tables(d, func(table *ast.CompositeLit) {
			for _, e := range table.Elts {
				n++
				found("case", fmt.Sprintf("%s[%d]", declared(d), n))
				if isHazards(table) {
					found("hazard", strings.ReplaceAll(nameIn(e), " ", "_"))
				}
			}
		})
	}
	return nil
}

// kindOf tells by which name go test would run a function, "" if it would not.
func kindOf(fn *ast.FuncDecl) string {
	if fn.Recv != nil || fn.Name.Name == "TestMain" {
		return ""
	}
	for prefix, kind := range map[string]string{"Test": "test", "Fuzz": "fuzzer", "Benchmark": "benchmark"} {
		rest, ok := strings.CutPrefix(fn.Name.Name, prefix)
		if ok && (rest == "" || !unicode.IsLower([]rune(rest)[0])) {
			return kind
		}
	}
	return ""
}

// declared is the name of a declaration, or the first of a group.
func declared(d ast.Decl) string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		return d.Name.Name
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			if v, ok := spec.(*ast.ValueSpec); ok {
				return v.Names[0].Name
			}
		}
	}
	return "_"
}

// tables visits the lists and maps in d whose elements are structs, as those of table tests are.
func tables(d ast.Decl, visit func(*ast.CompositeLit)) {
	ast.Inspect(d, func(n ast.Node) bool {
		table, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		switch table.Type.(type) {
		case *ast.ArrayType, *ast.MapType:
			if len(table.Elts) > 0 && !slices.ContainsFunc(table.Elts, func(e ast.Expr) bool { return element(e) == nil }) {
				visit(table)
			}
		}
		return true
	})
}

// element is the struct in an element of a table, with or without a key; nil if it is none.
func element(e ast.Expr) *ast.CompositeLit {
	if kv, ok := e.(*ast.KeyValueExpr); ok {
		e = kv.Value
	}
	lit, _ := e.(*ast.CompositeLit)
	return lit
}

func isHazards(table *ast.CompositeLit) bool {
	list, ok := table.Type.(*ast.ArrayType)
	if !ok {
		return false
	}
	elem, ok := list.Elt.(*ast.Ident)
	return ok && elem.Name == "hazard"
}

// nameIn is what the field name of a struct is set to.
func nameIn(e ast.Expr) string {
	for _, field := range element(e).Elts {
		kv, ok := field.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		if key, ok := kv.Key.(*ast.Ident); ok && key.Name == "name" {
			return text(kv.Value)
		}
	}
	return "?"
}

func crashPoints(f *ast.File, found func(what string)) {
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 1 {
			return true
		}
		fn, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || fn.Sel.Name != "New" {
			return true
		}
		if pkg, ok := fn.X.(*ast.Ident); ok && pkg.Name == "crashpoint" {
			found(text(call.Args[0]))
		}
		return true
	})
}

func text(e ast.Expr) string {
	if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
		if s, err := strconv.Unquote(lit.Value); err == nil {
			return s
		}
	}
	return "?"
}
