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
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
	"github.com/cargo-cow/cargo-cow/layers/cargo/script"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// describeRun describes the run of a build script: what it said it watches, and
// all else it may have looked at.
func (b *inspector) describeRun(u *built, unit *Unit, o *Origin, pkg *Package) error {
	outputPath, outDir, rootPath := u.script()
	raw, err := os.ReadFile(filepath.Join(b.dir.dir, outputPath))
	if err != nil {
		return fmt.Errorf("read what the script of %s printed: %w", u.pkg, err)
	}
	called, _ := os.ReadFile(filepath.Join(b.dir.dir, rootPath))
	lines := script.Parse(raw)
	left := b.printed(unit, o, lines, string(called))
	written, err := b.written(unit, o, outDir)
	if err != nil {
		return err
	}
	left = append(left, written...)
	b.watches(u, unit, o, lines, string(called), pkg)
	if u.print != nil {
		for _, l := range u.print.Local {
			if _, named := o.mentions(l.Val); named && l.Kind == fingerprint.RerunIfEnvChanged {
				b.elsewhere(unit, RuleEnvOrigin, l.Var+" names the origin wherever cargo is called")
			}
		}
	}
	if !u.mutable() || pkg == nil {
		return nil
	}
	if _, named := o.mentions(b.in.Place.Env); named {
		b.elsewhere(unit, RuleConfigEnv, "cargo's [env] table names the origin wherever cargo is called")
	}
	b.wholePackage(u, unit, o, pkg, RuleScriptTree)
	unit.Commit = unit.Commit || b.readsGit(u)
	unit.CommitOnly = unit.Commit && b.commitOnly(u, o, left)
	silent := u.print != nil && slices.ContainsFunc(u.print.Local, func(l fingerprint.Local) bool {
		return l.Kind == fingerprint.Precalculated
	})
	unit.Newest, unit.Unwatched = silent && u.source != SourceVendored, silent && u.source == SourceVendored
	return nil
}

// printed looks for the origin in what the script told Cargo. The name of its
// own output directory does not count: Cargo replaces it by the present one on
// every build (cargo 1.95, custom_build.rs:prev_build_output). It returns what counts.
func (b *inspector) printed(unit *Unit, o *Origin, lines []script.Line, called string) (told []string) {
	for _, l := range lines {
		if !l.Directive || l.Key == "warning" || l.Key == "rerun-if-changed" {
			continue
		}
		text := l.Value
		if called != "" {
			text = strings.ReplaceAll(text, called, "")
		}
		if _, found := o.mentions(text); found {
			b.elsewhere(unit, RuleScriptOutput, strings.TrimSpace(string(l.Raw)))
		}
		unit.Commit = unit.Commit || unit.Mutable && o.mentionsCommit(text)
		told = append(told, text)
	}
	return told
}

// written looks for the origin in what the script left in its output directory. It
// returns the texts of a script that may be anyone's.
func (b *inspector) written(unit *Unit, o *Origin, outDir string) (texts []string, err error) {
	err = filepath.WalkDir(filepath.Join(b.dir.dir, outDir), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrPermission) {
			unit.Always = b.unreadable(unit, path)
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		text, err := contentText(path, d)
		if errors.Is(err, fs.ErrPermission) {
			unit.Always = b.unreadable(unit, path)
			return nil
		}
		if err != nil {
			return err
		}
		if name, found := o.mentions(text); found {
			rel, _ := paths.Under(path, b.dir.dir)
			b.elsewhere(unit, RuleScriptFiles, rel+" holds "+name)
		}
		unit.Commit = unit.Commit || unit.Mutable && o.mentionsCommit(text)
		if unit.Mutable {
			texts = append(texts, text)
		}
		return nil
	})
	if err != nil && !os.IsNotExist(err) {
		return nil, fmt.Errorf("read what the script of %s wrote: %w", unit.UnitName.Package, err)
	}
	return texts, nil
}

// unreadable is the reason for which a script runs again everywhere that has left
// something that nobody may read, and that no copy has.
func (b *inspector) unreadable(unit *Unit, path string) *Reason {
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

func (b *inspector) elsewhere(unit *Unit, rule Rule, detail string) {
	if b.in.Settings.Rules.On(rule) {
		unit.Elsewhere = append(unit.Elsewhere, Reason{rule, detail})
	}
}

// watches records what rerun-if-changed names. Absolute paths are rewritten for
// each place, since they would go on watching the origin.
func (b *inspector) watches(u *built, unit *Unit, o *Origin, lines []script.Line, called string, pkg *Package) {
	rules := b.in.Settings.Rules
	for i, l := range lines {
		if !l.Directive || l.Key != "rerun-if-changed" {
			continue
		}
		if _, own := paths.Under(l.Value, called); own && called != "" {
			unit.Rewatch = true
			continue
		}
		loc := Loc{BaseFixed, l.Value}
		if filepath.IsAbs(l.Value) {
			found, known := o.locate(l.Value)
			if found.Base != BaseFixed && rules.On(RuleWatchMoved) && (known || rules.On(RuleOriginAlias)) {
				loc = found
				unit.Rewatch = true
				unit.Moved = append(unit.Moved, Watch{Index: i, Loc: loc, Alias: !known})
			}
		} else if pkg != nil {
			loc = b.home(pkg).join(l.Value)
		} else {
			continue // a registry package watches its own immutable files
		}
		if loc.Base == BaseBuild || loc.Base == BaseOuter {
			continue // it moves along
		}
		b.watch(u, unit, loc)
	}
}

func (b *inspector) watch(u *built, unit *Unit, loc Loc) {
	path, ok := b.in.Place.Abs(loc)
	if !ok {
		b.always(unit, RuleInDoubt, loc.String()+" is watched")
		return
	}
	fi, err := os.Stat(path)
	switch {
	case err != nil:
		// Cargo runs such a script on every build.
		b.always(unit, RuleCargo, loc.display()+" is watched and missing")
	case fi.IsDir():
		b.useTree(u, unit, loc, scopeWatch, RuleScriptInput)
	default:
		b.useFile(u, unit, loc, RuleScriptInput)
	}
}

// readsGit reports whether a script asks git what it is building: its sources
// say so, or it is built with one of the crates made for that.
func (b *inspector) readsGit(u *built) bool {
	for _, program := range u.deps {
		if program == nil || program.Kind != kindScript || program.rustc == nil {
			continue
		}
		for _, d := range program.deps {
			if d != nil && isGitReader(d.pkg) {
				return true
			}
		}
		for _, name := range program.rustc.Deps {
			if src, err := os.ReadFile(b.from.absolute(name)); err == nil && rustsrc.Mentions(src, "git") > 0 {
				return true
			}
		}
	}
	return false
}

func isGitReader(pkg string) bool {
	return slices.ContainsFunc(gitReaders, func(prefix string) bool { return strings.HasPrefix(pkg, prefix) })
}

// gitReaders are crates that build scripts use to learn the commit.
var gitReaders = []string{"vergen", "built", "shadow-rs", "git2", "gix", "git-version", "git-testament", "rustc_tools_util", "build-info"}
