package workspaces

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A Workspace is a project.
type Workspace struct {
	Name  string
	Files map[string]string // by slash-separated name
	// Edits are changes of which each costs other units.
	Edits []Edit
}

// An Edit replaces what occurs once in a file. With an empty Old it makes the file.
type Edit struct{ Name, File, Old, New string }

// Write writes the files below dir.
func (w *Workspace) Write(dir string) error {
	for name, text := range w.Files {
		if err := write(filepath.Join(dir, filepath.FromSlash(name)), text); err != nil {
			return fmt.Errorf("write workspace %s: %w", w.Name, err)
		}
	}
	return nil
}

// Apply makes the edit below dir.
func (e Edit) Apply(dir string) error {
	path := filepath.Join(dir, filepath.FromSlash(e.File))
	text := e.New
	if e.Old != "" {
		b, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("edit %s: %w", e.Name, err)
		}
		if strings.Count(string(b), e.Old) != 1 {
			return fmt.Errorf("edit %s: %w", e.Name, errors.New("what it replaces is not there once"))
		}
		text = strings.Replace(string(b), e.Old, e.New, 1)
	}
	if err := write(path, text); err != nil {
		return fmt.Errorf("edit %s: %w", e.Name, err)
	}
	return nil
}

func write(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o666)
}
