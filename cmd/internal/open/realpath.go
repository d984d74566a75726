package open

import "path/filepath"

// realPath resolves the symlinks of as much of path as exists, but not one that
// is its last element: a build directory that is a symlink is not its target.
func realPath(path string) string {
	parent, base := filepath.Split(filepath.Clean(path))
	if parent == "" || base == "" {
		return path
	}
	if real, err := filepath.EvalSymlinks(parent); err == nil {
		return filepath.Join(real, base)
	}
	return filepath.Join(realPath(filepath.Clean(parent)), base)
}
