package policy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"testing"
)

// A text that ends where a command of the shell's wants an argument.
var shellCommand = regexp.MustCompile(`(^|[\s` + "`" + `(])(sudo [a-z]+|chmod|chown|umount|rm -[a-z]+|rmdir|mv|git [a-z]+)( [\w.:+=/-]+)* $`)

// What is advised to be run is pasted into a shell. So whatever follows such a text is one word of the shell's, however
// somebody has called a directory.
func TestAdvisedCommandsAreQuoted(t *testing.T) {
	found := 0
	for _, path := range productFiles(t) {
		if under(path, "driver/drivertest") {
			continue // it says what it tests
		}
		n, bad := unquoted(t, path, read(t, path))
		found += n
		for _, text := range bad {
			t.Errorf("%s: what follows %q is no ShellWord", path, text)
		}
	}
	if found < 5 {
		t.Errorf("found %d commands: this looks for the wrong thing", found)
	}
}

// unquoted counts the commands that a file puts together, and returns those with something else than a ShellWord behind.
func unquoted(t *testing.T, path string, text []byte) (commands int, bad []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		sum, ok := n.(*ast.BinaryExpr)
		if !ok || sum.Op != token.ADD {
			return true
		}
		// A sum of several is one of the sum before and the last.
		left := sum.X
		if before, ok := left.(*ast.BinaryExpr); ok {
			left = before.Y
		}
		literal, ok := left.(*ast.BasicLit)
		if !ok {
			return true
		}
		said, err := strconv.Unquote(literal.Value)
		if err != nil || !shellCommand.MatchString(said) {
			return true
		}
		commands++
		if call, ok := sum.Y.(*ast.CallExpr); ok {
			switch fun := call.Fun.(type) {
			case *ast.SelectorExpr:
				ok = fun.Sel.Name == "ShellWord"
			case *ast.Ident:
				ok = fun.Name == "ShellWord"
			}
			if ok {
				return true
			}
		}
		bad = append(bad, said)
		return true
	})
	return commands, bad
}

func TestUnquoted(t *testing.T) {
	src := "package p\nvar a = \"sudo rm -rf \" + x\nvar b = \"chmod +x \" + paths.ShellWord(x) + \", or not\"\n" +
		"var c = \"if you trust it: git config --global --add safe.directory \" + dir\nvar d = \"read \" + x + \"y\"\n"
	if n, bad := unquoted(t, "p.go", []byte(src)); n != 3 || len(bad) != 2 {
		t.Errorf("%d commands, of which %q are unquoted", n, bad)
	}
}
