package open

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Config reads the configuration that holds in a workspace. Unknown keys are
// errors that name file and line.
func (s *Session) Config(root string) (*Config, error) {
	user, err := s.userConfig()
	if err != nil {
		return nil, err
	}
	c := *user
	path := findProjectFile(s.opts.Dir, root)
	if path == "" {
		return &c, nil
	}
	var keys projectKeys
	if err := readYAML(path, &keys); err != nil {
		return nil, err
	}
	if err := c.add(&keys); err != nil {
		return nil, fmt.Errorf("read configuration %s: %w", path, err)
	}
	return &c, nil
}

// userConfig reads $XDG_CONFIG_HOME/cargo-cow/config.yaml, once.
func (s *Session) userConfig() (*Config, error) {
	if s.user != nil {
		return s.user, nil
	}
	c := &Config{Prune: DefaultAutoPrune, Compression: defaultCompression}
	path := s.userDirs().ConfigFile()
	if path == "" {
		return c, nil
	}
	var keys userKeys
	if err := readYAML(path, &keys); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if keys.Store != "" && !filepath.IsAbs(keys.Store) {
		return nil, fmt.Errorf("read configuration %s: store %q is not an absolute path", path, keys.Store)
	}
	c.Store, c.Warm = keys.Store, keys.Warm
	err := c.setCompression(keys.Compression)
	if err == nil {
		err = c.Prune.set(&keys.Prune)
	}
	if err == nil {
		err = c.add(&keys.projectKeys)
	}
	if err != nil {
		return nil, fmt.Errorf("read configuration %s: %w", path, err)
	}
	s.user = c
	return c, nil
}

// findProjectFile looks from dir upwards as far as root; "" when there is none.
func findProjectFile(dir, root string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	if real, err := filepath.EvalSymlinks(root); err == nil {
		root = real
	}
	for {
		path := filepath.Join(dir, projectFile)
		if _, err := os.Lstat(path); err == nil {
			return path
		}
		if dir == root || dir == filepath.Dir(dir) {
			return ""
		}
		dir = filepath.Dir(dir)
	}
}

// AutoPrune is what the user has said about it.
func (s *Session) AutoPrune() (AutoPrune, error) {
	user, err := s.userConfig()
	if err != nil {
		return AutoPrune{}, err
	}
	return user.Prune, nil
}
