package builddir

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depinfo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/fingerprint"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// read reads what there is of a unit. What is missing or cannot be understood breaks
// the unit; an error is about the directory.
func (d *Dir) read(u *Unit, outs *outputIndex) error {
	if err := d.readFingerprint(u); err != nil {
		return err
	}
	if u.Run {
		return d.readRun(u)
	}
	if err := d.readOutputs(u, outs); err != nil {
		return err
	}
	if !u.Doc && d.readDepInfo(u) {
		d.readSourceList(u)
	}
	return nil
}

// readFingerprint reads what decided a unit, and whether it was built to the end.
func (d *Dir) readFingerprint(u *Unit) error {
	b, err := regular.Read(filepath.Join(d.Path, u.Dir.Record, u.File+".json"))
	if err != nil {
		return fmt.Errorf("read unit %s: %w", u.Unit, err)
	}
	if u.Fingerprint, err = fingerprint.Parse(b); err != nil {
		u.breaks(rule.InDoubt, "its fingerprint cannot be read: "+err.Error())
	}
	if u.Fingerprint != nil {
		for _, dep := range u.Fingerprint.Deps {
			u.Needs = append(u.Needs, Need{dep.Name, dep.Hash})
		}
	}
	u.stamp, _ = d.stampFile(u.Dir.Record + "/" + u.File)
	// Its access time is for cargo's readings (package accesstime).
	b, err = regular.ReadUnnoticed(filepath.Join(d.Path, u.Dir.Record, u.File))
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
func (d *Dir) readOutputs(u *Unit, outs *outputIndex) error {
	names, err := outs.of(u.Dir, strings.ReplaceAll(u.Target, "-", "_"), u.Kind == KindScript)
	if err != nil {
		return err
	}
	var empty []string
	for _, n := range names {
		if strings.HasSuffix(n, ".d") {
			u.SourceListFile = n
		} else if d.addOutput(u, n) == 0 {
			empty = append(empty, n)
		}
	}
	for _, n := range empty { // all outputs are known now, which Compiled goes by
		if Compiled(u, n) {
			u.lost(n)
		} else if filepath.Ext(n) == ".rmeta" {
			u.emptyMetadata = n
		}
	}
	if u.Kind == "lib" && isProcMacro(u.Outputs) {
		u.Kind = KindMacro
	}
	return nil
}

// readDepInfo reads Cargo's list of a unit's inputs, and when the unit was begun. It
// reports whether there is one.
func (d *Dir) readDepInfo(u *Unit) bool {
	u.depFile = u.Dir.Record + "/dep-" + u.File
	fi, err := os.Stat(filepath.Join(d.Path, u.depFile))
	if err != nil {
		u.depFile = ""
		u.breaks(rule.Cargo, "it has no dependency information")
		return false
	}
	u.Started = fi.ModTime().UnixNano()
	b, err := regular.Read(filepath.Join(d.Path, u.depFile))
	if err == nil {
		u.DepInfo, err = depinfo.Parse(b)
	}
	if err != nil {
		u.breaks(rule.InDoubt, "its dependency information cannot be read: "+err.Error())
	}
	u.Cost = max(0, u.NewestOutput(false)-u.Started) / int64(time.Millisecond)
	if u.Cost == 0 {
		u.Cost = d.checkCost(u)
	}
	return true
}

// readSourceList reads rustc's list of a unit's sources.
func (d *Dir) readSourceList(u *Unit) {
	if u.SourceListFile == "" {
		u.breaks(rule.InDoubt, "rustc's list of its sources is missing")
		return
	}
	// Without a restore since, which dates its list of inputs anew, a unit was begun when it was last
	// to be built (compiler/mod.rs:rustc), and rustc writes its list whatever it is to make.
	list, ok := d.stampFile(u.SourceListFile)
	if began, known := d.began(u); ok && known && list.mtime < began {
		u.breaks(rule.InDoubt, "whatever was run for its last build was not rustc: its list of sources is older")
	}
	b, err := regular.Read(filepath.Join(d.Path, u.SourceListFile))
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
func (d *Dir) checkCost(u *Unit) int64 {
	began, ok := d.began(u)
	if !ok {
		return 0
	}
	return max(0, u.stamp.mtime-began) / int64(time.Millisecond)
}

// began is when Cargo last set out to build a unit; not known where a restore or graft has
// set times since.
func (d *Dir) began(u *Unit) (ns int64, known bool) {
	began, ok := d.stampFile(u.Dir.Record + "/invoked.timestamp")
	return began.mtime, ok && began.mtime == u.Started
}

func (d *Dir) readRun(u *Unit) error {
	if u.Overridden() {
		return nil
	}
	output, _, root := u.Dir.ScriptFiles()
	d.addOutput(u, output)
	if len(u.Outputs) == 0 {
		u.breaks(rule.Cargo, "its output is missing")
		return nil
	}
	u.Started = u.Outputs[0].mtime
	// Cargo dates the output back to the start of the script, and writes where
	// the script wrote when it is done (cargo 1.95, custom_build.rs:build_work).
	if done, ok := d.stampFile(root); ok {
		u.Cost = max(0, done.mtime-u.Started) / int64(time.Millisecond)
	}
	return nil
}

// addOutput takes up a file and returns its size, -1 if it is not there.
func (d *Dir) addOutput(u *Unit, path string) (size int64) {
	var st unix.Stat_t
	if err := unix.Stat(filepath.Join(d.Path, path), &st); err != nil {
		return -1
	}
	u.Outputs = append(u.Outputs, Output{path, st.Mtim.Nano(), st.Ino})
	return st.Size
}

// Compiled reports whether an output of u is one that a compiler or linker wrote, which is
// never empty. Cargo does not wait for the disk, so a power cut may leave it so, and cargo
// looks at its time alone.
func Compiled(u *Unit, output string) bool {
	switch filepath.Ext(output) {
	case ".rlib", ".so", ".a":
		return true
	case ".rmeta": // rustc leaves that of a program empty, and that of a cdylib
		return slices.ContainsFunc(u.Outputs, func(o Output) bool { return filepath.Ext(o.Path) == ".rlib" })
	case "":
		return !u.Run && slices.Contains([]string{"bin", "test", "example", "bench", KindScript}, u.Kind)
	}
	return false
}
