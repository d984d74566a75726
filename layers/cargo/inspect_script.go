package cargo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/embedded"
	"github.com/cargo-cow/cargo-cow/layers/cargo/fingerprint"
	"github.com/cargo-cow/cargo-cow/layers/cargo/script"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// describeRun describes the run of a build script: what it said it watches, and
// all else it may have looked at.
func (b *describer) describeRun(s *subject) error {
	u, unit := s.u, s.unit
	outputPath, outDir, rootPath := u.script()
	raw, err := os.ReadFile(filepath.Join(b.dir.dir, outputPath))
	if err != nil {
		return fmt.Errorf("read what the script of %s printed: %w", u.pkg, err)
	}
	called, _ := os.ReadFile(filepath.Join(b.dir.dir, rootPath))
	lines := script.Parse(raw)
	left := s.printed(lines, string(called))
	written, err := b.written(s, outDir)
	if err != nil {
		return err
	}
	left = append(left, written...)
	b.recordWatched(s, lines, string(called))
	if u.print != nil {
		for _, l := range u.print.Local {
			if _, named := s.origin.mentions(l.Val); named && l.Kind == fingerprint.RerunIfEnvChanged {
				s.elsewhere(RuleEnvOrigin, l.Var+" names the origin wherever cargo is called")
			}
		}
	}
	if !u.mutable() || s.pkg == nil {
		return nil
	}
	if _, named := s.origin.mentions(b.place.Env); named {
		s.elsewhere(RuleConfigEnv, "cargo's [env] table names the origin wherever cargo is called")
	}
	b.wholePackage(s, RuleScriptTree)
	unit.Commit = unit.Commit || b.git.reads(u)
	unit.CommitOnly = unit.Commit && b.git.commitOnly(u, s.origin.Git.Ref, left)
	silent := u.print != nil && slices.ContainsFunc(u.print.Local, func(l fingerprint.Local) bool {
		return l.Kind == fingerprint.Precalculated
	})
	unit.Newest, unit.Unwatched = silent && u.source != SourceVendored, silent && u.source == SourceVendored
	return nil
}

// printed looks for the origin in what the script told Cargo. The name of its
// own output directory does not count: Cargo replaces it by the present one on
// every build (cargo 1.95, custom_build.rs:prev_build_output). It returns what counts.
func (s *subject) printed(lines []script.Line, called string) (told []string) {
	for _, l := range lines {
		if !l.Directive || l.Key == "warning" || l.Key == "rerun-if-changed" {
			continue
		}
		text := l.Value
		if called != "" {
			text = strings.ReplaceAll(text, called, "")
		}
		if _, found := s.origin.mentions(text); found {
			s.elsewhere(RuleScriptOutput, strings.TrimSpace(string(l.Raw)))
		}
		s.unit.Commit = s.unit.Commit || s.unit.Mutable && s.origin.mentionsCommit(text)
		told = append(told, text)
	}
	return told
}

// written looks for the origin in what the script left in its output directory. It
// returns the texts of a script that may be anyone's.
func (b *describer) written(s *subject, outDir string) (texts []string, err error) {
	err = filepath.WalkDir(filepath.Join(b.dir.dir, outDir), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrPermission) {
			s.unit.Always = b.unreadable(s.unit, path)
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		text, err := contentText(path, d)
		if errors.Is(err, fs.ErrPermission) {
			s.unit.Always = b.unreadable(s.unit, path)
			return nil
		}
		if err != nil {
			return err
		}
		if name, found := s.origin.mentions(text); found {
			rel, _ := paths.Under(path, b.dir.dir)
			s.elsewhere(RuleScriptFiles, rel+" holds "+name)
		}
		s.unit.Commit = s.unit.Commit || s.unit.Mutable && s.origin.mentionsCommit(text)
		if s.unit.Mutable {
			texts = append(texts, text)
		}
		return nil
	})
	if err != nil && !os.IsNotExist(err) {
		return nil, fmt.Errorf("read what the script of %s wrote: %w", s.unit.UnitName.Package, err)
	}
	return texts, nil
}

// unreadable is the reason for which a script runs again everywhere that has left
// something that nobody may read, and that no copy has.
func (b *describer) unreadable(unit *Unit, path string) *Reason {
	if unit.Always != nil {
		return unit.Always
	}
	rel, _ := paths.Under(path, b.dir.dir)
	return &Reason{RuleInDoubt, rel + " may not be read"}
}

// contentText is all of a file that can reach another build: of objects and
// archives everything but debug information.
func contentText(path string, d fs.DirEntry) (string, error) {
	if d.Type()&fs.ModeSymlink != 0 {
		return os.Readlink(path)
	}
	if !d.Type().IsRegular() {
		return "", nil
	}
	parts, err := embedded.Read(path)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for _, p := range parts {
		if p.Kind != embedded.Debug {
			text.Write(p.Data)
			text.WriteByte(0)
		}
	}
	return text.String(), nil
}

// recordWatched records what rerun-if-changed names. Absolute paths are rewritten for
// each place, since they would go on watching the origin.
func (b *describer) recordWatched(s *subject, lines []script.Line, called string) {
	for i, l := range lines {
		if !l.Directive || l.Key != "rerun-if-changed" {
			continue
		}
		if _, own := paths.Under(l.Value, called); own && called != "" {
			s.unit.Rewatch = true
			continue
		}
		loc := Loc{BaseFixed, l.Value}
		if filepath.IsAbs(l.Value) {
			found, known := s.origin.locate(l.Value)
			if found.Base != BaseFixed && b.rules.On(RuleWatchMoved) && (known || b.rules.On(RuleOriginAlias)) {
				loc = found
				s.unit.Rewatch = true
				s.unit.Moved = append(s.unit.Moved, Watch{Index: i, Loc: loc, Alias: !known})
			}
		} else if s.pkg != nil {
			loc = s.home().join(l.Value)
		} else {
			continue // a registry package watches its own immutable files
		}
		if loc.Base == BaseBuild || loc.Base == BaseOuter {
			continue // it moves along
		}
		s.recordWatch(loc)
	}
}

func (s *subject) recordWatch(loc Loc) {
	path, ok := s.draft.place.Abs(loc)
	if !ok {
		s.always(RuleInDoubt, loc.String()+" is watched")
		return
	}
	fi, err := os.Stat(path)
	switch {
	case err != nil:
		// Cargo runs such a script on every build.
		s.always(RuleCargo, loc.display()+" is watched and missing")
	case fi.IsDir():
		s.useTree(loc, scopeWatch, RuleScriptInput)
	default:
		s.useFile(loc, RuleScriptInput)
	}
}
