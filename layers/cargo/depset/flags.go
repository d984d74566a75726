package depset

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/config"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// codegen returns the values that flags give to a codegen option, in each of
// rustc's spellings: -Ckey=value, -C key=value, --codegen key=value and
// --codegen=key=value, with _ for -; and likewise with -Z.
func codegen(flags []string, option string) []string {
	var values []string
	for _, f := range flags {
		// In two words, the second alone says all.
		for _, prefix := range []string{"--codegen=", "-C", "-Z"} {
			if rest, ok := strings.CutPrefix(f, prefix); ok {
				f = rest
				break
			}
		}
		key, value, ok := strings.Cut(strings.TrimSpace(f), "=")
		if ok && strings.ReplaceAll(key, "_", "-") == option {
			values = append(values, strings.TrimSpace(value))
		}
	}
	return values
}

// isNative reports whether flags have rustc compile for the processor it runs on.
func isNative(flags []string) bool {
	return slices.Contains(codegen(flags, "target-cpu"), "native") || slices.Contains(codegen(flags, "tune-cpu"), "native")
}

// WithArgumentFiles returns flags and those that lie, one a line, in files which flags
// name as @path. A relative path starts in the workspace root, where rustc runs for the
// workspace's own packages.
func WithArgumentFiles(ws *project.Workspace, flags []string) []string {
	all := slices.Clone(flags)
	for _, f := range flags {
		path, ok := strings.CutPrefix(f, "@")
		if !ok {
			continue
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(ws.Root, path)
		}
		text, err := regular.Read(path)
		if err != nil {
			continue // rustc will complain
		}
		for line := range strings.Lines(string(text)) {
			all = append(all, strings.TrimRight(line, "\r\n"))
		}
	}
	return all
}

// linkerOptions are those whose values are handed on to a linker.
var linkerOptions = []string{"link-arg", "link-args", "pre-link-arg", "pre-link-args", "post-link-arg", "post-link-args"}

// unlinked leaves out the flags that are handed on to a linker: the files that those
// name are inputs of what is linked (LinkInput), and of nothing else.
func unlinked(flags []string) []string {
	return slices.DeleteFunc(slices.Clone(flags), func(f string) bool {
		return slices.ContainsFunc(linkerOptions, func(option string) bool { return len(codegen([]string{f}, option)) > 0 })
	})
}

// flagFileLines returns the files that compiler flags name, such as profiles, as lines
// "path = digest": Cargo hashes the flag, not the file.
func flagFileLines(ws *project.Workspace, flags []string) []string {
	var lines []string
	for _, path := range flagFiles(ws.Root, strings.Join(flags, "\x1f")) {
		f, err := digest.OfFile(path)
		if err != nil {
			continue
		}
		if rel, ok := paths.Under(path, ws.Root); ok {
			path = rel
		}
		lines = append(lines, path+" = "+f.Digest)
	}
	return lines
}

// flagFiles finds the files that flags name, which are separated by \x1f.
func flagFiles(root, flags string) []string {
	var found []string
	// A name may have a space in it, and a flag may be several words.
	for _, ends := range []string{" \t\n\"',=[]\x1f", "\",=\x1f"} {
		fields := strings.FieldsFunc(flags, func(r rune) bool { return strings.ContainsRune(ends, r) })
		for _, f := range fields {
			for _, prefix := range []string{"", "-T", "-Wl", "-B", "@"} {
				name, ok := strings.CutPrefix(f, prefix)
				if !ok || name == "" {
					continue
				}
				if !filepath.IsAbs(name) {
					name = filepath.Join(root, name)
				}
				if fi, err := os.Stat(name); err == nil && fi.Mode().IsRegular() && !slices.Contains(found, name) {
					found = append(found, name)
				}
			}
		}
	}
	slices.Sort(found)
	return found
}

// targetSet is what is built for.
type targetSet struct {
	names []string // sorted; a specification by its path
	specs []spec
}

// spec is a target specification. Cargo hashes its content (cargo 1.95,
// core/compiler/compile_kind.rs: fingerprint_hash).
type spec struct {
	name, digest string
	CPU          string `json:"cpu"`
	Linker       string `json:"linker"`
}

// targetsOf returns what is built for, with host-tuple resolved. Cargo builds for each
// once, in an order of its own.
func targetsOf(ws *project.Workspace, cfg *config.Config, host string) targetSet {
	var set targetSet
	for _, t := range cfg.Targets {
		switch {
		case t == "host-tuple" && host != "":
			t = host
		case strings.HasSuffix(t, ".json"):
			path := t
			if rel, ok := paths.Under(t, ws.Root); ok {
				t = rel
			}
			s := spec{name: t, digest: project.NotFound}
			if text, err := regular.Read(path); err == nil {
				s.digest = digest.Of(text)
				_ = json.Unmarshal(text, &s) // rustc will complain
			}
			set.specs = append(set.specs, s)
		}
		set.names = append(set.names, t)
	}
	slices.Sort(set.names)
	set.names = slices.Compact(set.names)
	return set
}

func (s targetSet) ingredient() Ingredient {
	i := Ingredient{Name: ingTargets, Value: strings.Join(s.names, ", ")}
	if i.Value == "" {
		i.Value = "the host"
	}
	for _, spec := range s.specs {
		i.Lines = append(i.Lines, spec.name+" = "+spec.digest)
	}
	slices.Sort(i.Lines)
	if i.Lines = slices.Compact(i.Lines); len(i.Lines) > 0 {
		i.Digest = digest.OfText(strings.Join(i.Lines, "\n"))
	}
	return i
}

func (s targetSet) native() bool {
	return slices.ContainsFunc(s.specs, func(s spec) bool { return s.CPU == "native" })
}

func (s targetSet) linkers() []string {
	var names []string
	for _, spec := range s.specs {
		if spec.Linker != "" {
			names = append(names, spec.Linker)
		}
	}
	return names
}
