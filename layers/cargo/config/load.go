package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// node is a value of a file: map[string]*node, []*node or what TOML has for
// scalars.
type node struct {
	value any
	file  string
	key   string // dotted, for messages
}

// base is the directory that paths in file are relative to (cargo 1.95,
// util/context/value.rs: Definition::root).
func base(file string) string { return filepath.Dir(filepath.Dir(file)) }

func (n *node) list() ([]*node, bool) {
	if n == nil {
		return nil, false
	}
	list, ok := n.value.([]*node)
	return list, ok
}

// plain returns the value without its origins.
func (n *node) plain() any {
	if n == nil {
		return nil
	}
	switch v := n.value.(type) {
	case map[string]*node:
		m := make(map[string]any, len(v))
		for key, child := range v {
			m[key] = child.plain()
		}
		return m
	case []*node:
		list := make([]any, len(v))
		for i, child := range v {
			list[i] = child.plain()
		}
		return list
	}
	return n.value
}

func (n *node) mismatch(want string) error {
	return fmt.Errorf("%s: key %s is not %s", n.file, n.key, want)
}

// A loader reads the files that apply to a directory, and merges them.
type loader struct {
	dir  string
	env  map[string]string
	read []string // files, in the order in which they were read
}

func newLoader(dir string, environ []string) *loader {
	l := &loader{dir: dir, env: map[string]string{}}
	for _, kv := range environ {
		if name, value, ok := strings.Cut(kv, "="); ok {
			l.env[name] = value
		}
	}
	return l
}

// files merges all files that apply to the directory.
func (l *loader) files(cargoHome string) (*node, error) {
	root := &node{value: map[string]*node{}}
	for _, path := range l.paths(cargoHome) {
		n, err := l.load(path, nil)
		if err != nil {
			return nil, err
		}
		if err := merge(root, n, false); err != nil {
			return nil, err
		}
	}
	return root, nil
}

// paths lists the files that apply to the directory, the closest first, without
// what they include.
func (l *loader) paths(cargoHome string) (paths []string) {
	seen := map[string]bool{}
	dirs := []string{}
	for dir := filepath.Clean(l.dir); ; dir = filepath.Dir(dir) {
		dirs = append(dirs, filepath.Join(dir, ".cargo"))
		if dir == filepath.Dir(dir) {
			break
		}
	}
	for _, dir := range append(dirs, cargoHome) {
		canonical, err := filepath.EvalSymlinks(dir)
		if err != nil || seen[canonical] && dir == cargoHome {
			continue
		}
		seen[canonical] = true
		if path, ok := configFile(dir); ok {
			paths = append(paths, path)
		}
	}
	return paths
}

// configFile prefers the name without an extension, as Cargo does.
func configFile(dir string) (string, bool) {
	for _, name := range []string{"config", "config.toml"} {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path, true
		}
	}
	return "", false
}

// mostFiles bounds how many files are read, each as often as it is included: a few that
// include each other twice would have some be read millions of times.
const mostFiles = 1000

// load reads one file and what it includes. chain are the files that are being
// loaded on the way to it.
func (l *loader) load(path string, chain []string) (*node, error) {
	if slices.Contains(chain, path) {
		return nil, fmt.Errorf("%s: includes itself", path)
	}
	if len(l.read) >= mostFiles {
		return nil, fmt.Errorf("%s: more than %d files of configuration", path, mostFiles)
	}
	data, err := regular.Read(path)
	if err != nil {
		return nil, err
	}
	l.read = append(l.read, path)
	var table map[string]any
	if err := toml.Unmarshal(bytes.TrimPrefix(data, []byte(bom)), &table); err != nil {
		var syntax *toml.DecodeError
		if errors.As(err, &syntax) {
			line, column := syntax.Position()
			return nil, fmt.Errorf("%s:%d:%d: %w", path, line, column, err)
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	n := newNode(table, path, "")
	children := n.value.(map[string]*node)
	include := children["include"]
	delete(children, "include")

	root := &node{value: map[string]*node{}, file: path}
	if include != nil {
		if err := l.include(root, include, append(chain[:len(chain):len(chain)], path)); err != nil {
			return nil, err
		}
	}
	return root, merge(root, n, true)
}

// include merges the files of an include key, a list of paths or of tables with
// a path that may be optional; later ones win.
func (l *loader) include(root, include *node, chain []string) error {
	list, ok := include.list()
	if !ok {
		return include.mismatch("a list")
	}
	for _, item := range list {
		var path string
		optional := false
		switch v := item.value.(type) {
		case string:
			path = v
		case map[string]*node:
			if p := v["path"]; p != nil {
				path, _ = p.value.(string)
			}
			if o := v["optional"]; o != nil {
				optional, _ = o.value.(bool)
			}
		}
		if !strings.HasSuffix(path, ".toml") {
			return item.mismatch("the path of a .toml file")
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(item.file), path)
		}
		if _, err := os.Stat(path); err != nil && optional {
			continue
		}
		n, err := l.load(path, chain)
		if err != nil {
			return fmt.Errorf("%s: %w", item.file, err)
		}
		if err := merge(root, n, true); err != nil {
			return err
		}
	}
	return nil
}

func newNode(v any, file, key string) *node {
	n := &node{value: v, file: file, key: key}
	switch v := v.(type) {
	case map[string]any:
		table := make(map[string]*node, len(v))
		for name, child := range v {
			table[name] = newNode(child, file, strings.TrimPrefix(key+"."+name, "."))
		}
		n.value = table
	case []any:
		list := make([]*node, len(v))
		for i, child := range v {
			list[i] = newNode(child, file, fmt.Sprintf("%s[%d]", key, i))
		}
		n.value = list
	}
	return n
}

// merge adds from to n. With force from wins, else what is there (cargo 1.95,
// util/context/config_value.rs: merge_helper). The lists that Cargo does not
// join are not among the keys of this package.
func merge(n, from *node, force bool) error {
	switch old := n.value.(type) {
	case map[string]*node:
		table, ok := from.value.(map[string]*node)
		if !ok {
			return from.mismatch("a table as in " + n.file)
		}
		for key, child := range table {
			if old[key] == nil {
				old[key] = child
			} else if err := merge(old[key], child, force); err != nil {
				return err
			}
		}
	case []*node:
		list, ok := from.value.([]*node)
		if !ok {
			return from.mismatch("a list as in " + n.file)
		}
		if force {
			n.value = slices.Concat(old, list)
		} else {
			n.value = slices.Concat(list, old)
		}
	default:
		switch from.value.(type) {
		case map[string]*node, []*node:
			return from.mismatch("a plain value as in " + n.file)
		}
		if force {
			*n = *from
		}
	}
	return nil
}
