package project

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/cargo-cow/cargo-cow/layers/cargo/config"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// ErrOwnToolchain says that a checkout brings the toolchain itself that it is built with.
var ErrOwnToolchain = errors.New("the toolchain is a part of the checkout")

// Steering returns a digest of what in a checkout decides which programs are run when
// cargo is asked something there: Cargo's configuration and rustup's toolchain files
// from t.Dir up to top, the top of the checkout, and the files of the checkout that those
// name, such as a wrapper. It is "" where there is no such file. Nothing is run to find
// out. The error wraps ErrOwnToolchain where no digest could tell.
func (t Tool) Steering(top string) (string, error) {
	cfg, err := config.Load(t.Dir, t.CargoHome(), t.Environ)
	if err != nil {
		return "", err
	}
	s := steering{tool: t, top: top}
	for _, file := range cfg.Files {
		if text, ok := s.add(file); ok {
			s.addNamed(file, text)
		}
	}
	for dir := t.Dir; ; dir = filepath.Dir(dir) {
		if _, inside := paths.Under(dir, top); !inside {
			break
		}
		for _, name := range []string{"rust-toolchain", "rust-toolchain.toml"} {
			text, ok := s.add(filepath.Join(dir, name))
			if ok && s.bringsToolchain(dir, text) {
				return "", fmt.Errorf("read %s: %w", filepath.Join(dir, name), ErrOwnToolchain)
			}
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	if len(s.lines) == 0 {
		return "", nil
	}
	slices.Sort(s.lines)
	return digest.OfText(strings.Join(slices.Compact(s.lines), "\n")), nil
}

type steering struct {
	tool  Tool
	top   string
	lines []string // name and digest of each file
}

// add takes a file of the checkout in, and returns its text.
func (s *steering) add(path string) (text []byte, ok bool) {
	rel, inside := paths.Under(path, s.top)
	if _, err := os.Lstat(path); !inside || err != nil {
		return nil, false
	}
	// One that cannot be read is one that cargo cannot read.
	text, err := regular.Read(path)
	s.lines = append(s.lines, fmt.Sprintf("%q %s %v", rel, digest.Of(text), err == nil))
	return text, err == nil
}

// addNamed takes in the files of the checkout that a file of Cargo's configuration may
// name. What is relative is so to the directory that .cargo is in, or to where cargo runs.
func (s *steering) addNamed(file string, text []byte) {
	words := strings.FieldsFunc(string(text), func(r rune) bool { return strings.ContainsRune(" \t\r\n\"'=,[]{}@", r) })
	for _, word := range words {
		for _, dir := range []string{filepath.Dir(filepath.Dir(file)), filepath.Dir(file), s.tool.Dir} {
			path := word
			if !filepath.IsAbs(word) {
				path = filepath.Join(dir, word)
			}
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				s.add(path)
			}
		}
	}
}

// bringsToolchain reports whether a toolchain file in dir names a directory of the
// checkout.
func (s *steering) bringsToolchain(dir string, text []byte) bool {
	var file struct {
		Toolchain struct {
			Path string `toml:"path"`
		} `toml:"toolchain"`
	}
	path := strings.TrimSpace(string(text)) // the older form is a name alone
	if toml.Unmarshal(text, &file) == nil {
		path = file.Toolchain.Path
	}
	if !strings.ContainsAny(path, "/.") || strings.Contains(path, "\n") {
		return false
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	_, inside := paths.Under(filepath.Clean(path), s.top)
	_, err := os.Lstat(path)
	return inside && err == nil
}
