package order

import (
	"go/ast"
	"go/token"
)

// A Declaration is what stands at a file's top level under one name; that of a method is TYPE.NAME.
type Declaration struct {
	Name     string
	Pos, End token.Pos
}

// Declarations returns those of a file, in its order.
func Declarations(f *ast.File) []Declaration {
	var found []Declaration
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			found = append(found, Declaration{FuncName(d), d.Pos(), d.End()})
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					found = append(found, Declaration{spec.Name.Name, spec.Pos(), spec.End()})
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						found = append(found, Declaration{name.Name, name.Pos(), name.End()})
					}
				}
			}
		}
	}
	return found
}

// FuncName returns the name of a function, or TYPE.NAME of a method.
func FuncName(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return fn.Name.Name
	}
	return receiver(fn.Recv.List[0].Type) + "." + fn.Name.Name
}

// receiver is the name of a method's type, which may be a pointer or have parameters.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
