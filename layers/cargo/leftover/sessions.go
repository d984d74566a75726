package leftover

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/incremental"
	"github.com/cargo-cow/cargo-cow/layers/internal/flock"
)

// listSessions adds incremental state that no compilation would start from: that of crates
// whose package is gone, that of compilers which are, and of each other crate all but the
// newest finished session.
func listSessions(p *Plan, bd *builddir.Dir, j *judge) error {
	old, err := oldSessions(bd.Path, bd.Profiles)
	if err != nil {
		return err
	}
	for _, profile := range bd.Profiles {
		crates, err := crateDirs(bd.Path, profile)
		if err != nil {
			return err
		}
		gone := j.cratesGone(profile)
		for _, c := range crates {
			it := Item{Reason: OldSession, Unit: crateName(c), Profile: profile}
			compiler := sessionCompiler(bd.Path, c)
			switch {
			case gone[it.Unit] != "":
				it.Reason, it.Detail = PackageGone, gone[it.Unit]
			case compiler != "" && j.known.Compilers != nil && !j.known.named(compiler):
				it.Reason, it.Detail = ToolchainGone, compiler
			}
			if it.Paths = old[c]; it.Reason != OldSession {
				if it.Paths, err = sessionsIn(bd.Path, c); err != nil {
					return err
				}
			}
			p.add(it)
		}
	}
	return nil
}

// cratesGone returns, by the crates that only units of packages have which are gone, those
// packages.
func (j *judge) cratesGone(profile string) map[string]string {
	gone, stay := map[string]string{}, map[string]bool{}
	for _, u := range j.bd.Units {
		if u.Profile != profile || u.Run || u.Doc {
			continue
		}
		crate := strings.ReplaceAll(u.Target, "-", "_")
		if v := j.spent[u]; v.reason == PackageGone {
			gone[crate] = v.detail
		} else {
			stay[crate] = true
		}
	}
	for crate := range stay {
		delete(gone, crate)
	}
	return gone
}

// crateDirs lists the directories of crates in which rustc keeps sessions, relative to dir,
// sorted.
func crateDirs(dir, profile string) ([]string, error) {
	rel := profile + "/incremental"
	_, crates, err := entries(filepath.Join(dir, rel))
	for i := range crates {
		crates[i] = rel + "/" + crates[i]
	}
	slices.Sort(crates)
	return crates, err
}

// crateName is the crate that a directory of sessions is of.
func crateName(crateDir string) string {
	name := path.Base(crateDir)
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		return name[:i]
	}
	return name
}

// sessionCompiler is the compiler that wrote the newest finished session of a crate; "" if
// nothing tells.
func sessionCompiler(dir, crateDir string) string {
	_, sessions, err := entries(filepath.Join(dir, crateDir))
	newest := incremental.Newest(sessions)
	if err != nil || newest == "" {
		return ""
	}
	for _, name := range []string{"dep-graph.bin", "query-cache.bin", "work-products.bin"} {
		if compiler := compilerOfSession(head(filepath.Join(dir, crateDir, newest, name))); compiler != "" {
			return compiler
		}
	}
	return ""
}

// sessionsIn lists all sessions of a crate with their locks, none if a compiler is at work
// there.
func sessionsIn(dir, crateDir string) (found []string, err error) {
	files, sessions, err := entries(filepath.Join(dir, crateDir))
	if err != nil {
		return nil, err
	}
	slices.Sort(sessions)
	slices.Sort(files)
	for _, s := range sessions {
		if incremental.IsSession(s) {
			found = append(found, crateDir+"/"+s)
		}
	}
	for _, f := range files {
		if !incremental.IsSession(f) || !strings.HasSuffix(f, ".lock") {
			continue
		}
		free, err := isFree(filepath.Join(dir, crateDir, f))
		if err != nil || !free {
			return nil, err
		}
		found = append(found, crateDir+"/"+f)
	}
	return found, nil
}

// oldSessions lists, by the directories of crates, the sessions that rustc would not start
// from, with their locks, but none that a compiler has locked.
func oldSessions(dir string, profiles []string) (map[string][]string, error) {
	all, err := builddir.OldSessions(dir, profiles)
	if err != nil {
		return nil, err
	}
	found := map[string][]string{}
	for _, s := range all {
		lock := s
		if !strings.HasSuffix(s, ".lock") {
			lock = lockOf(s)
		}
		free, err := isFree(filepath.Join(dir, lock))
		if err != nil {
			return nil, err
		}
		if free {
			found[path.Dir(s)] = append(found[path.Dir(s)], s)
		}
	}
	return found, nil
}

// lockOf is the lock of a session: s-TIME-RANDOM.lock of s-TIME-RANDOM-HASH.
func lockOf(session string) string {
	return session[:strings.LastIndexByte(session, '-')] + ".lock"
}

// isFree reports whether no compiler has locked a session: one that outlives a killed cargo
// holds no lock but this (rustc 1.95, rustc_data_structures/src/flock/linux.rs). A lock that
// is not there is held by nobody.
func isFree(lock string) (bool, error) {
	if fi, err := os.Lstat(lock); err != nil || !fi.Mode().IsRegular() {
		return true, nil
	}
	unlock, err := flock.TryLock(lock, flock.Exclusive)
	if errors.Is(err, flock.ErrLocked) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, unlock()
}
