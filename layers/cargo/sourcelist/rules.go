package sourcelist

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/pelletier/go-toml/v2"

	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// rules say which files belong to a package. A list of files to include, even
// one of comments only, is instead of Git and of exclude (path.rs: _list_files).
type rules struct {
	including        bool
	include, exclude patterns
}

// readRules reads package.include and package.exclude of a manifest.
func readRules(path string) (*rules, error) {
	data, err := regular.Read(path)
	if err != nil {
		return nil, err
	}
	var manifest struct {
		Package map[string]any
		Project map[string]any // the old name
	}
	if err := toml.Unmarshal(data, &manifest); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if manifest.Package == nil {
		manifest.Package = manifest.Project
	}
	r := new(rules)
	for key, list := range map[string]*patterns{"include": &r.include, "exclude": &r.exclude} {
		value, ok := manifest.Package[key]
		if !ok {
			continue
		}
		items, ok := value.([]any)
		if !ok {
			return nil, fmt.Errorf("%w: package.%s is not a list in the manifest itself", ErrUnsupported, key)
		}
		lines := make([]string, len(items))
		for i, item := range items {
			if lines[i], ok = item.(string); !ok {
				return nil, fmt.Errorf("%w: package.%s is not a list of strings", ErrUnsupported, key)
			}
		}
		if *list, err = parsePatterns(lines); err != nil {
			return nil, fmt.Errorf("%w: package.%s: %w", ErrUnsupported, key, err)
		}
	}
	items, _ := manifest.Package["include"].([]any)
	r.including = len(items) > 0
	return r, nil
}

// excludeHidden adds what Cargo excludes if neither include nor Git is used. It
// is the first rule, so that those of the manifest can undo it.
func (r *rules) excludeHidden() error {
	hidden, err := parsePatterns([]string{".*"})
	r.exclude = append(hidden, r.exclude...)
	return err
}

// accept tells whether the file at path, which is relative to the package root,
// belongs to the package, or whether Cargo looks into the directory.
func (r *rules) accept(path string, isDir bool) bool {
	switch {
	case path == "Cargo.lock" || path == "Cargo.toml":
		return true
	case !r.including:
		return !r.exclude.ignore(path, isDir)
	case isDir:
		return true
	default:
		return r.include.ignore(path, false)
	}
}

// patterns are lines as in a .gitignore file, with the meaning that the ignore
// crate gives them, which is not in every detail that of git (ignore 0.4.25,
// gitignore.rs: GitignoreBuilder::add_line and matched_path_or_any_parents).
type patterns []pattern

type pattern struct {
	path    *regexp.Regexp // matches what byteRunes returns
	negated bool
	onlyDir bool
}

func parsePatterns(lines []string) (patterns, error) {
	var list patterns
	for _, line := range lines {
		if strings.HasPrefix(line, "#") {
			continue
		}
		if !strings.HasSuffix(line, `\ `) {
			line = strings.TrimRightFunc(line, unicode.IsSpace)
		}
		if line == "" {
			continue
		}
		p, err := parsePattern(line)
		if err != nil {
			return nil, fmt.Errorf("pattern %q: %w", line, err)
		}
		list = append(list, p)
	}
	return list, nil
}

func parsePattern(glob string) (p pattern, err error) {
	rooted := false
	if strings.HasPrefix(glob, `\!`) || strings.HasPrefix(glob, `\#`) {
		glob = glob[1:]
	} else {
		glob, p.negated = strings.CutPrefix(glob, "!")
		glob, rooted = strings.CutPrefix(glob, "/")
	}
	if glob, p.onlyDir = strings.CutSuffix(glob, "/"); p.onlyDir {
		glob = strings.TrimSuffix(glob, `\`)
	}
	if !rooted && !strings.Contains(glob, "/") && glob != "**" {
		glob = "**/" + glob
	}
	if strings.HasSuffix(glob, "/**") {
		// What is in the directory, not the directory.
		glob += "/*"
	}
	p.path, err = compileGlob(glob)
	return p, err
}

// ignore tells whether the last pattern that matches path, or else the one that
// matches the nearest directory above it, is an ordinary one. The directories
// above include the root, whose path is empty.
func (list patterns) ignore(path string, isDir bool) bool {
	for {
		text := byteRunes(path)
		for i := len(list) - 1; i >= 0; i-- {
			if p := &list[i]; (isDir || !p.onlyDir) && p.path.MatchString(text) {
				return !p.negated
			}
		}
		if path == "" {
			return false
		}
		path, isDir = path[:max(strings.LastIndexByte(path, '/'), 0)], true
	}
}
