package project

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
)

//go:embed all:workspace
var workspaceFiles embed.FS

// Workspace makes dir, which must not exist or be empty, a git repository with a workspace of five members: a library, a
// library whose build script watches a file and generates code (rerun-if-changed, include! from OUT_DIR), a procedural
// macro, a library on top of these and of serde with derive, and a program with an example and integration tests. Its
// lockfile is fixed; serde and what it needs come from the registry.
func Workspace(ctx context.Context, dir string) error {
	files, err := fs.Sub(workspaceFiles, "workspace")
	if err == nil {
		err = os.CopyFS(dir, files)
	}
	if err != nil {
		return fmt.Errorf("make workspace %s: %w", dir, err)
	}
	return Commit(ctx, dir, "Make the workspace")
}
