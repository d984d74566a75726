package calls

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
)

// Hollow makes dir, which must not exist, a hollow copy of a build directory that was scanned. Cargo will see it at
// the path at, and StandIn is the program that it is to start in the place of scripts.
type Hollow struct {
	From    *builddir.Dir
	At      string
	StandIn string
}

// maxInterpreter is how long the first line of a script may be for the kernel (Linux 5.1, BINPRM_BUF_SIZE, with its
// end and the two characters before the name).
const maxInterpreter = 256 - 4

// Make makes the copy.
func (h Hollow) Make(dir string) error {
	if len(h.StandIn) > maxInterpreter || strings.ContainsAny(h.StandIn, " \t\n") {
		return fmt.Errorf("have %s stand in for scripts: the kernel runs no such name", h.StandIn)
	}
	err := filepath.WalkDir(h.From.Path, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(h.From.Path, path)
		if err != nil {
			return err
		}
		return h.entry(path, filepath.Join(dir, rel), rel, d)
	})
	if err != nil {
		return fmt.Errorf("copy %s: %w", h.From.Path, err)
	}
	for _, u := range h.From.Units {
		if err := h.standIn(dir, u); err != nil {
			return fmt.Errorf("stand in for %s: %w", u.Unit, err)
		}
	}
	return nil
}

func (h Hollow) entry(from, to, rel string, d fs.DirEntry) error {
	switch {
	case d.IsDir():
		if rel == builddir.MetaDir || d.Name() == "incremental" || rel == "doc" || rel == "tmp" {
			return filepath.SkipDir
		}
		return os.Mkdir(to, 0o700)
	case d.Type() == fs.ModeSymlink:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	case !d.Type().IsRegular():
		return nil
	}
	var text []byte
	if isRead(rel) {
		var err error
		if text, err = os.ReadFile(from); err != nil {
			return err
		}
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	return write(to, text, info)
}

// isRead reports whether cargo reads more of a file than its time.
func isRead(rel string) bool {
	if strings.HasSuffix(rel, ".d") {
		return true
	}
	dir, name := filepath.Split(rel)
	if strings.Contains(dir, "/.fingerprint/") || strings.HasSuffix(dir, "/fingerprint/") {
		return true
	}
	switch name {
	case "output", "stdout", "stderr", "root-output":
		return strings.Contains(dir, "/build/")
	}
	return false
}

// write writes a file with the time of another.
func write(path string, text []byte, like fs.FileInfo) error {
	if err := os.WriteFile(path, text, like.Mode().Perm()|0o600); err != nil {
		return err
	}
	return os.Chtimes(path, like.ModTime(), like.ModTime())
}

// standIn replaces the program of a script, and keeps what a script said.
func (h Hollow) standIn(dir string, u *builddir.Unit) error {
	switch {
	case u.Run && !u.Overridden():
		output, outDir, root := u.Dir.ScriptFiles()
		text, err := os.ReadFile(filepath.Join(h.From.Path, output))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		// As cargo does with what is fresh (cargo 1.95, custom_build.rs:BuildOutput::parse).
		if called, err := os.ReadFile(filepath.Join(h.From.Path, root)); err == nil && len(called) > 0 {
			text = bytes.ReplaceAll(text, called, []byte(h.At+"/"+outDir))
		}
		return os.WriteFile(filepath.Join(dir, outDir)+SaidSuffix, text, 0o600)
	case u.Kind == builddir.KindScript:
		for _, o := range u.Outputs {
			if err := h.standInAt(dir, filepath.Dir(o.Path)); err != nil {
				return err
			}
		}
	}
	return nil
}

// standInAt replaces all programs in the directory of a script: cargo has one by two names there.
func (h Hollow) standInAt(dir, rel string) error {
	entries, err := os.ReadDir(filepath.Join(h.From.Path, rel))
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
			continue
		}
		if err := write(filepath.Join(dir, rel, e.Name()), []byte("#!"+h.StandIn+"\n"), info); err != nil {
			return err
		}
	}
	return nil
}

// Force has cargo ask for a unit, and for no other by that, however fresh it is: cargo finds the hash another one, and
// that is no matter of its dependents' before the next build (cargo 1.95, fingerprint/mod.rs, documentation of
// prepare_target).
func Force(dir string, u *builddir.Unit) error {
	return os.Truncate(filepath.Join(dir, u.Dir.Record, u.File), 0)
}

// SameHash reports whether cargo, since Force, has found for a unit the hash that it had: that of the same arguments,
// features and dependencies.
func SameHash(dir string, u *builddir.Unit, from *builddir.Dir) bool {
	was, err := os.ReadFile(filepath.Join(from.Path, u.Dir.Record, u.File))
	if err != nil {
		return false
	}
	now, err := os.ReadFile(filepath.Join(dir, u.Dir.Record, u.File))
	return err == nil && bytes.Equal(was, now)
}
