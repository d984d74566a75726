package config

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Canonical returns the profiles, compiler flags, targets and unstable settings
// as sorted lines of text, to be hashed: equal settings give equal bytes,
// wherever they come from files in which directory. Two ways to say the same
// thing, a variable and a key for one, may give different bytes.
func (c *Config) Canonical() []byte {
	var lines []string
	add := func(key string, value any) {
		lines = flatten(lines, key, value)
	}
	add("profile", c.Profiles)
	add("unstable", c.Unstable)
	if c.incremental != nil {
		add("build.incremental", c.incremental)
	}
	addList := func(key string, list []string) {
		for i, v := range list {
			add(fmt.Sprintf("%s[%03d]", key, i), v)
		}
	}
	addList("build.target", c.Targets)
	addList("build.rustflags", c.Rustflags.Build)
	for key, flags := range c.Rustflags.Target {
		addList("target."+bare(key)+".rustflags", flags)
	}
	if c.Rustflags.FromEnv {
		add("env.rustflags", true)
		addList("env.rustflags", c.Rustflags.Env)
	}
	for _, env := range []map[string]string{c.ProfileEnv, c.UnstableEnv} {
		for name, value := range env {
			add("env."+name, value)
		}
	}
	slices.Sort(lines)
	var b bytes.Buffer
	for _, line := range lines {
		b.WriteString(line)
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// flatten adds a line for each value below v.
func flatten(lines []string, key string, v any) []string {
	switch v := v.(type) {
	case map[string]any:
		for name, child := range v {
			lines = flatten(lines, key+"."+bare(name), child)
		}
		return lines
	case []any:
		for i, child := range v {
			lines = flatten(lines, fmt.Sprintf("%s[%03d]", key, i), child)
		}
		return lines
	case string:
		return append(lines, key+" = "+strconv.Quote(v))
	default:
		return append(lines, fmt.Sprintf("%s = %v", key, v))
	}
}

// bare quotes a key that would not stand for itself in a dotted one.
func bare(key string) string {
	if key == "" || strings.ContainsFunc(key, func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) {
		return strconv.Quote(key)
	}
	return key
}
