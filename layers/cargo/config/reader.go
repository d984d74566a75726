package config

import (
	"path/filepath"
	"strings"
)

// reader takes keys out of the merged tree. After the first error it goes on
// with empty values, so that callers check once.
type reader struct {
	*loader
	root *node
	err  error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *reader) table(n *node, key string) map[string]*node {
	return r.entries(r.child(n, key))
}

func (r *reader) entries(n *node) map[string]*node {
	if n == nil {
		return nil
	}
	table, ok := n.value.(map[string]*node)
	if !ok {
		r.fail(n.mismatch("a table"))
	}
	return table
}

func (r *reader) child(n *node, key string) *node {
	if n == nil {
		return nil
	}
	table, ok := n.value.(map[string]*node)
	if !ok {
		r.fail(n.mismatch("a table"))
	}
	return table[key]
}

// text is empty for an absent value.
func (r *reader) text(n *node) string {
	if n == nil {
		return ""
	}
	s, ok := n.value.(string)
	if !ok {
		r.fail(n.mismatch("a string"))
	}
	return s
}

func (r *reader) flag(n *node) bool {
	if n == nil {
		return false
	}
	b, ok := n.value.(bool)
	if !ok {
		r.fail(n.mismatch("a boolean"))
	}
	return b
}

// words is a list of strings, or one string that is split, with the words of a
// variable added (cargo 1.95, util/context/de.rs: StringList).
func (r *reader) words(variable string, n *node) []string {
	var words []string
	if list, ok := n.list(); ok {
		for _, item := range list {
			words = append(words, r.text(item))
		}
	} else if n != nil {
		words = strings.Fields(r.text(n))
	}
	return append(words, strings.Fields(r.env[variable])...)
}

// tool is a program that a variable of its own goes before (util/context/mod.rs:
// maybe_get_tool).
func (r *reader) tool(variable string, n *node) string {
	if program, ok := r.env[variable]; ok {
		return r.resolve(r.dir, program)
	}
	return r.program("CARGO_BUILD_"+variable, n)
}

// program is a name to look up in PATH, or a path relative to where it is
// configured.
func (r *reader) program(variable string, n *node) string {
	if program, ok := r.env[variable]; ok {
		return r.resolve(r.dir, program)
	}
	if n == nil {
		return ""
	}
	return r.resolve(base(n.file), r.text(n))
}

func (r *reader) resolve(dir, program string) string {
	if !strings.Contains(program, "/") {
		return program
	}
	return r.join(dir, program)
}

func (r *reader) path(variable string, n *node) string {
	if path := r.env[variable]; path != "" {
		return r.join(r.dir, path)
	}
	if n == nil {
		return ""
	}
	return r.join(base(n.file), r.text(n))
}

func (r *reader) join(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func (r *reader) variables(prefix string) map[string]string {
	found := map[string]string{}
	for name, value := range r.env {
		if strings.HasPrefix(name, prefix) {
			found[name] = value
		}
	}
	return found
}
