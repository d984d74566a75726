package cargo

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/embeds"
	"github.com/cargo-cow/cargo-cow/layers/cargo/fingerprint"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/cargo/script"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// describeRun describes the run of a build script: what it said it watches, and
// all else it may have looked at.
func (b *describer) describeRun(s *subject) error {
	u, unit := s.u, s.unit
	outputPath, outDir, rootPath := u.Dir.ScriptFiles()
	raw, err := regular.Read(filepath.Join(b.dir.Path, outputPath))
	if err != nil {
		return fmt.Errorf("read what the script of %s printed: %w", u.Package, err)
	}
	called, _ := regular.Read(filepath.Join(b.dir.Path, rootPath))
	lines := script.Parse(raw)
	texts := s.printed(lines, string(called))
	written, err := b.written(s, outDir)
	if err != nil {
		return err
	}
	texts = append(texts, written...)
	b.recordWatched(s, lines, string(called))
	if u.Fingerprint != nil {
		for _, l := range u.Fingerprint.Local {
			if _, named := s.origin.Mentions(l.Val); named && l.Kind == fingerprint.RerunIfEnvChanged {
				s.elsewhere(rule.EnvOrigin, l.Var+" names the origin wherever cargo is called")
			}
		}
	}
	if !u.Mutable() || s.pkg == nil {
		return nil
	}
	if _, named := s.origin.Mentions(b.checkout.Env); named {
		s.elsewhere(rule.ConfigEnv, "cargo's [env] table names the origin wherever cargo is called")
	}
	b.wholePackage(s, rule.ScriptTree)
	unit.Commit = unit.Commit || b.git.Reads(u)
	if unit.Commit {
		branch, tags := b.git.Beside(u, s.origin.Git.Ref, texts)
		unit.CommitOnly = !branch
		b.sawCommit(s, tags)
	}
	silent := u.Fingerprint != nil && slices.ContainsFunc(u.Fingerprint.Local, func(l fingerprint.Local) bool {
		return l.Kind == fingerprint.Precalculated
	})
	unit.Newest, unit.Unwatched = silent && u.Source != builddir.SourceVendored, silent && u.Source == builddir.SourceVendored
	return nil
}

// printed looks for the origin in what the script told Cargo, and returns those texts. The
// name of the script's own output directory is taken out: Cargo replaces it by the
// present one on every build (cargo 1.95, custom_build.rs:prev_build_output).
func (s *subject) printed(lines []script.Line, called string) (told []string) {
	for _, l := range lines {
		if !l.Directive || l.Key == "warning" || l.Key == "rerun-if-changed" {
			continue
		}
		text := l.Value
		if called != "" {
			text = strings.ReplaceAll(text, called, "")
		}
		if _, found := s.origin.Mentions(text); found {
			s.elsewhere(rule.ScriptOutput, strings.TrimSpace(string(l.Raw)))
		}
		s.unit.Commit = s.unit.Commit || s.unit.Mutable && s.origin.MentionsCommit(text)
		told = append(told, text)
	}
	return told
}

// written looks for the origin in the files of the script's output directory. If the
// script is mutable, it returns their texts.
func (b *describer) written(s *subject, outDir string) (texts []string, err error) {
	err = filepath.WalkDir(filepath.Join(b.dir.Path, outDir), func(path string, d fs.DirEntry, err error) error {
		if builddir.OutOfReach(err) {
			s.unit.Always = b.unreadable(s.unit, path)
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		text, err := embeds.ContentText(path, d)
		if builddir.OutOfReach(err) {
			s.unit.Always = b.unreadable(s.unit, path)
			return nil
		}
		if err != nil {
			return err
		}
		if name, found := s.origin.Mentions(text); found {
			rel, _ := paths.Under(path, b.dir.Path)
			s.elsewhere(rule.ScriptFiles, rel+" holds "+name)
		}
		s.unit.Commit = s.unit.Commit || s.unit.Mutable && s.origin.MentionsCommit(text)
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

// unreadable returns the reason, or an earlier one, for which a script runs again in any
// checkout: a file that it has written may not be read, so no copy has it.
func (b *describer) unreadable(unit *manifest.Unit, path string) *rule.Reason {
	if unit.Always != nil {
		return unit.Always
	}
	rel, _ := paths.Under(path, b.dir.Path)
	return rule.Because(rule.InDoubt, rel+" may not be read")
}

// recordWatched records what rerun-if-changed names. Absolute paths are rewritten for
// each checkout, since they would go on watching the origin.
func (b *describer) recordWatched(s *subject, lines []script.Line, called string) {
	for i, l := range lines {
		if !l.Directive || l.Key != "rerun-if-changed" {
			continue
		}
		if _, own := paths.Under(l.Value, called); own && called != "" {
			s.unit.Rewatch = true
			continue
		}
		loc := rooted.Path{Root: rooted.Absolute, Rel: l.Value}
		if filepath.IsAbs(l.Value) {
			found, known := s.origin.Locate(l.Value)
			if found.Root != rooted.Absolute && b.rules.On(rule.WatchMoved) && (known || b.rules.On(rule.OriginAlias)) {
				loc = found
				s.unit.Rewatch = true
				s.unit.Moved = append(s.unit.Moved, manifest.Watch{Index: i, Path: loc, Alias: !known})
			}
		} else if s.pkg != nil {
			loc = s.home().Join(l.Value)
		} else {
			continue // a registry package watches its own immutable files
		}
		if loc.Root == rooted.Build || loc.Root == rooted.OuterBuild {
			continue // it moves along
		}
		s.recordWatch(loc)
	}
}

func (s *subject) recordWatch(loc rooted.Path) {
	path, ok := s.draft.checkout.Abs(loc)
	if !ok {
		s.always(rule.InDoubt, loc.String()+" is watched")
		return
	}
	fi, err := os.Stat(path)
	switch {
	case err != nil:
		// Cargo runs such a script on every build.
		s.always(rule.Cargo, loc.Display()+" is watched and missing")
	case fi.IsDir():
		s.useTree(loc, manifest.ScopeWatch, rule.ScriptInput)
	default:
		s.useFile(loc, rule.ScriptInput)
	}
}
