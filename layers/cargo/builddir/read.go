package builddir

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depinfo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/fingerprint"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
)

// read reads what there is of a unit. What is missing or cannot be understood breaks
// the unit; an error is about the directory.
func (s *Dir) read(u *Unit, outs *outputIndex) error {
	if err := s.readFingerprint(u); err != nil {
		return err
	}
	if u.Run {
		return s.readRun(u)
	}
	if err := s.readOutputs(u, outs); err != nil {
		return err
	}
	if !u.Doc && s.readDepInfo(u) {
		s.readSourceList(u)
	}
	return nil
}

// readFingerprint reads what decided a unit, and whether it was built to the end.
func (s *Dir) readFingerprint(u *Unit) error {
	b, err := os.ReadFile(filepath.Join(s.Path, u.Record, u.File+".json"))
	if err != nil {
		return fmt.Errorf("read unit %s: %w", u.Unit, err)
	}
	if u.Fingerprint, err = fingerprint.Parse(b); err != nil {
		u.breaks(rule.InDoubt, "its fingerprint cannot be read: "+err.Error())
	}
	if u.Fingerprint != nil {
		for _, d := range u.Fingerprint.Deps {
			u.Needs = append(u.Needs, need{d.Name, d.Hash})
		}
	}
	u.Stamp, _ = s.stampFile(u.Record + "/" + u.File)
	b, err = os.ReadFile(filepath.Join(s.Path, u.Record, u.File))
	if err == nil {
		u.Hash, err = fingerprint.ParseHash(b)
	}
	if u.HashKnown = err == nil; !u.HashKnown {
		// Cargo empties the hash file of every unit it sets out to build; it
		// writes it when the unit is done (fingerprint/mod.rs:prepare_target).
		u.breaks(rule.Cargo, "its last build was not finished")
	}
	return nil
}

// readOutputs finds the files that a compiler has written for a unit.
func (s *Dir) readOutputs(u *Unit, outs *outputIndex) error {
	names, err := outs.of(u.UnitDir, strings.ReplaceAll(u.Target, "-", "_"), u.Kind == KindScript)
	if err != nil {
		return err
	}
	for _, n := range names {
		if strings.HasSuffix(n, ".d") {
			u.SourceListFile = n
			continue
		}
		s.addOutput(u, n)
	}
	if u.Kind == "lib" && isProcMacro(u.Outputs) {
		u.Kind = KindMacro
	}
	return nil
}

// readDepInfo reads Cargo's list of a unit's inputs, and when the unit was begun. It
// reports whether there is one.
func (s *Dir) readDepInfo(u *Unit) bool {
	u.depFile = u.Record + "/dep-" + u.File
	fi, err := os.Stat(filepath.Join(s.Path, u.depFile))
	if err != nil {
		u.depFile = ""
		u.breaks(rule.Cargo, "it has no dependency information")
		return false
	}
	u.Started = fi.ModTime().UnixNano()
	b, err := os.ReadFile(filepath.Join(s.Path, u.depFile))
	if err == nil {
		u.DepInfo, err = depinfo.Parse(b)
	}
	if err != nil {
		u.breaks(rule.InDoubt, "its dependency information cannot be read: "+err.Error())
	}
	u.Cost = max(0, u.NewestOutput(false)-u.Started) / int64(time.Millisecond)
	if u.Cost == 0 {
		u.Cost = s.checkCost(u)
	}
	return true
}

// readSourceList reads rustc's list of a unit's sources.
func (s *Dir) readSourceList(u *Unit) {
	if u.SourceListFile == "" {
		u.breaks(rule.InDoubt, "rustc's list of its sources is missing")
		return
	}
	b, err := os.ReadFile(filepath.Join(s.Path, u.SourceListFile))
	if err == nil {
		u.SourceList, err = depfile.Parse(b)
		u.SeenAs, _ = handoff.ParseState(string(b))
	}
	if err != nil {
		u.breaks(rule.InDoubt, "rustc's list of its sources cannot be read: "+err.Error())
	}
}

// checkCost is what cargo check took for a unit: Cargo dates its metadata back to
// when rustc was started (cargo 1.95, compiler/mod.rs:rustc), and writes the hash
// file when rustc is done. 0 where a restore or graft has set times since.
func (s *Dir) checkCost(u *Unit) int64 {
	began, ok := s.stampFile(u.Record + "/invoked.timestamp")
	if !ok || began.Mtime != u.Started {
		return 0
	}
	return max(0, u.Stamp.Mtime-began.Mtime) / int64(time.Millisecond)
}

func (s *Dir) readRun(u *Unit) error {
	if u.Overridden() {
		return nil
	}
	output, _, root := u.ScriptFiles()
	s.addOutput(u, output)
	if len(u.Outputs) == 0 {
		u.breaks(rule.Cargo, "its output is missing")
		return nil
	}
	u.Started = u.Outputs[0].mtime
	// Cargo dates the output back to the start of the script, and writes where
	// the script wrote when it is done (cargo 1.95, custom_build.rs:build_work).
	if done, ok := s.stampFile(root); ok {
		u.Cost = max(0, done.Mtime-u.Started) / int64(time.Millisecond)
	}
	return nil
}

func (s *Dir) addOutput(u *Unit, path string) {
	var st unix.Stat_t
	if err := unix.Stat(filepath.Join(s.Path, path), &st); err == nil {
		u.Outputs = append(u.Outputs, Output{path, st.Mtim.Nano(), st.Ino})
	}
}
