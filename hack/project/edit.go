package project

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
)

const (
	demoFile   = "src/run.rs"
	demoBefore = "  let arguments = Arguments::try_parse_from(args)"
	demoLine   = "  std::hint::black_box(());\n"
)

// EditDemo edits one function of the library in a checkout of Demo, in a way that changes nothing it does. Each call adds
// a line, and so is another edit.
func EditDemo(dir string) error {
	path := filepath.Join(dir, demoFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if n := bytes.Count(text, []byte(demoBefore)); n != 1 {
		return fmt.Errorf("edit %s: the line to edit is there %d times", path, n)
	}
	return os.WriteFile(path, bytes.Replace(text, []byte(demoBefore), []byte(demoLine+demoBefore), 1), 0o644)
}

// CommitsAhead commits, in a checkout of Demo, an edit of one function and new functions in two more files, a commit each.
func CommitsAhead(ctx context.Context, dir string) error {
	if err := EditDemo(dir); err != nil {
		return err
	}
	if err := Commit(ctx, dir, "Edit a function"); err != nil {
		return err
	}
	for _, name := range []string{"src/recipe.rs", "src/justfile.rs"} {
		path := filepath.Join(dir, name)
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text = append(text, "\n#[allow(dead_code)]\npub(crate) fn added() -> usize {\n  std::hint::black_box(1)\n}\n"...)
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
		if err := Commit(ctx, dir, "Add a function to "+name); err != nil {
			return err
		}
	}
	return nil
}
