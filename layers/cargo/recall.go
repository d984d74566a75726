package cargo

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depinfo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/fingerprint"
)

// A recall is what an inspection learnt of the units that its manifest does not
// list: immutable ones that name no checkout. The next inspection of the same
// directory, or of a clone of it, takes a unit's word from there if its hash
// file is still the same one. A build directory of 20,000 files has thousands of
// such units, and reading them is most of what an inspection costs.
//
// The form is text, one unit a line, fields separated by tabs. A line that
// cannot be read is as good as none.
const recallHeader = "cargo-cow units 1\n"

// stampOf identifies one writing of a file.
type stampOf struct {
	mtime int64
	ino   uint64
}

func stampFile(path string) (stampOf, bool) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return stampOf{}, false
	}
	return stampOf{st.Mtim.Nano(), st.Ino}, true
}

// recallable reports whether all that later inspections need of u can be kept.
func (u *built) recallable() bool {
	return u.broken == nil && u.print != nil && u.hashKnown && !u.doc && !u.mutable() && u.stamped != stampOf{} &&
		(u.run || u.rustc != nil && len(u.rustc.Deps) > 0)
}

func encodeRecall(units []*built) []byte {
	b := []byte(recallHeader)
	for _, u := range units {
		if !u.recallable() {
			continue
		}
		root := ""
		if u.rustc != nil {
			root = u.rustc.Deps[0]
		}
		deps := make([]string, len(u.print.Deps))
		for i, d := range u.print.Deps {
			deps[i] = fingerprint.FormatHash(d.Hash) + ":" + d.Name
		}
		b = fmt.Appendf(b, "%s\t%s\t%d\t%d\t%s\t%s\t%s\t%d\t%s\t%s\t%s",
			escapePath(u.record), escapePath(u.file), u.stamped.mtime, u.stamped.ino, fingerprint.FormatHash(u.hash),
			u.source, u.Kind, u.depTime, escapePath(root), escapePath(u.dFile), strings.Join(deps, ","))
		for _, o := range u.outputs {
			b = append(append(b, '\t'), escapePath(o.path)...)
		}
		b = append(b, '\n')
	}
	return b
}

// decodeRecall returns the units by the directory of their fingerprint files.
func decodeRecall(b []byte) map[string]*built {
	known := map[string]*built{}
	b, ok := bytes.CutPrefix(b, []byte(recallHeader))
	if !ok {
		return known
	}
	for line := range strings.Lines(string(b)) {
		if u := decodeUnit(strings.Split(strings.TrimSuffix(line, "\n"), "\t")); u != nil {
			known[u.record] = u
		}
	}
	return known
}

func decodeUnit(f []string) *built {
	if len(f) < 11 {
		return nil
	}
	paths := append([]string{f[0], f[1], f[8], f[9]}, f[11:]...)
	for i, p := range paths {
		var err error
		if paths[i], err = unescapePath(p); err != nil || i != 2 && p != "" && !isLocal(paths[i]) {
			return nil
		}
	}
	mtime, err1 := strconv.ParseInt(f[2], 10, 64)
	ino, err2 := strconv.ParseUint(f[3], 10, 64)
	hash, err3 := fingerprint.ParseHash([]byte(f[4]))
	depTime, err4 := strconv.ParseInt(f[7], 10, 64)
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil {
		return nil
	}
	u := &built{
		file: paths[1], stamped: stampOf{mtime, ino}, hash: hash, hashKnown: true,
		source: f[5], depTime: depTime, dFile: paths[3], print: new(fingerprint.Fingerprint), recalled: true,
	}
	u.record, u.Kind = paths[0], f[6]
	if paths[2] != "" {
		u.rustc = &depinfo.Rustc{Deps: []string{paths[2]}}
	}
	if f[10] != "" {
		for _, d := range strings.Split(f[10], ",") {
			text, name, ok := strings.Cut(d, ":")
			hash, err := fingerprint.ParseHash([]byte(text))
			if !ok || err != nil {
				return nil
			}
			u.print.Deps = append(u.print.Deps, fingerprint.Dep{Name: name, Hash: hash})
		}
	}
	for _, o := range paths[4:] {
		u.outputs = append(u.outputs, outputFile{path: o})
	}
	return u
}

// recallUnit takes a unit from the recall if it was not built since. It belongs
// to dir only: a recalled unit is used once.
func (s *scanned) recallUnit(ud unitDir) *built {
	u := s.recall[ud.record]
	if u == nil {
		return nil
	}
	now, ok := stampFile(filepath.Join(s.dir, u.record, u.file))
	if !ok || now != u.stamped {
		return nil
	}
	kind := u.Kind
	u.unitDir, u.key, u.UnitName = ud, ud.record+"/"+u.file, unitName(ud, u.file)
	u.Kind, u.run = kind, kind == kindRun
	return u
}

// times looks up when a recalled unit's outputs were written; only units that
// something mutable depends on are asked for it.
func (s *scanned) times(u *built) {
	if !u.recalled || u.timed {
		return
	}
	u.timed = true
	files := u.outputs
	u.outputs = nil
	for _, f := range files {
		s.addOutput(u, f.path)
	}
}
