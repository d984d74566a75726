package open

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	yaml "gopkg.in/yaml.v3"

	"github.com/cargo-cow/cargo-cow/driver/btrfs"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// projectFile is the name of a project's configuration.
const projectFile = paths.ProjectConfig

// projectKeys are what a project may decide for those who check it out.
type projectKeys struct {
	// Strict rebuilds every unit that mentions its origin at all.
	Strict *bool `yaml:"strict"`
	// PureMacros are procedural macros that read nothing but their tokens.
	PureMacros []rule.MacroRange `yaml:"pure_macros"`
	// Inputs are globs of files outside a package that scripts and macros read.
	Inputs []string `yaml:"inputs"`
	// Ignore are globs of files that are never an input.
	Ignore []string `yaml:"ignore"`
	// CompileInPlace are crates that the wrapper does not show the origin's path.
	CompileInPlace []string `yaml:"compile_in_place"`
}

// userKeys are what only a user decides: where things are kept.
type userKeys struct {
	Store string `yaml:"store"`
	// Warm has each restore read ahead in the background. Memory is the user's.
	Warm bool `yaml:"warm"`
	// Compression is how new build directories compress, where the file system can. It is
	// space for processor time, and so the user's to choose.
	Compression string `yaml:"compression"`
	// Prune is what is removed without being asked for. Space is the user's, too.
	Prune       pruneKeys `yaml:"prune"`
	projectKeys `yaml:",inline"`
}

// Config is the configuration that holds for a checkout.
type Config struct {
	Store       string // absolute; "" when not configured
	Strict      bool
	Warm        bool
	Compression btrfs.Compression
	Prune       AutoPrune
	Settings    rule.Settings // less its rules
}

// add lets keys decide after what was read before: a list grows, a choice is
// made anew.
func (c *Config) add(keys *projectKeys) error {
	for _, m := range keys.PureMacros {
		if m.Name == "" {
			return errors.New("pure_macros: an entry has no name")
		}
	}
	for _, glob := range slices.Concat(keys.Inputs, keys.Ignore) {
		if _, err := filepath.Match(glob, ""); err != nil {
			return fmt.Errorf("glob %q: %w", glob, err)
		}
	}
	if keys.Strict != nil {
		c.Strict = *keys.Strict
	}
	c.Settings.PureMacros = slices.Concat(c.Settings.PureMacros, keys.PureMacros)
	c.Settings.Inputs = slices.Concat(c.Settings.Inputs, keys.Inputs)
	c.Settings.CompileInPlace = slices.Concat(c.Settings.CompileInPlace, keys.CompileInPlace)
	c.Settings.Ignore = slices.Concat(c.Settings.Ignore, keys.Ignore)
	return nil
}

// compressions are what Btrfs knows (its manual page btrfs(5), "Compression"). A level may be said, as in an option of the
// mount, and goes for nothing in a property.
var compressions = regexp.MustCompile(`^(none|lzo|zlib(:[1-9])?|zstd(:([1-9]|1[0-5]))?)?$`)

// defaultCompression makes build directories of the dev profile a third as long, and neither
// builds nor edits longer (docs/benchmarks.md, "Compression").
var defaultCompression = btrfs.Compression{Algorithm: "zstd", Yields: true}

// setCompression takes what the user has chosen, or has not.
func (c *Config) setCompression(chosen string) error {
	if !compressions.MatchString(chosen) {
		return fmt.Errorf("compression %q: want none, lzo, zlib or zstd", chosen)
	}
	algorithm, _, _ := strings.Cut(chosen, ":")
	c.Compression = btrfs.Compression{Algorithm: algorithm}
	if chosen == "" {
		c.Compression = defaultCompression
	}
	return nil
}

func readYAML(path string, keys any) error {
	text, err := regular.Read(path)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	if err := parseYAML(text, keys); err != nil {
		return fmt.Errorf("read configuration %s: %w", path, err)
	}
	return nil
}

// How yaml.v3 reports a key that the struct does not have, and a value of a kind
// that does not go there.
var (
	unknownKey = regexp.MustCompile(`(?s)field (.*) not found in type \S+$`)
	wrongKind  = regexp.MustCompile(`(?s)cannot unmarshal !*(.*) into \S+$`)
)

func parseYAML(text []byte, keys any) error {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	err := dec.Decode(keys)
	switch te := (*yaml.TypeError)(nil); {
	case errors.Is(err, io.EOF):
		return nil // empty
	case errors.As(err, &te):
		var lines []string
		for _, l := range te.Errors {
			l = unknownKey.ReplaceAllString(l, "unknown key $1")
			l = wrongKind.ReplaceAllString(l, "misplaced $1")
			if _, ok := keys.(*projectKeys); ok && strings.HasSuffix(l, "unknown key store") {
				l += " (only the user's own configuration may name a store)"
			}
			lines = append(lines, l)
		}
		return errors.New(strings.Join(lines, "; "))
	case err != nil:
		return errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return errors.New("more than one document")
	}
	return nil
}
