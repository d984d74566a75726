package cargo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depinfo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/fingerprint"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Where the sources of a unit come from.
const (
	SourcePath     = "path"     // they can change
	SourceVendored = "vendored" // a directory source: a copy that can change
	SourceRegistry = "registry" // below CARGO_HOME, which Cargo treats as immutable
	SourceGit      = "git"
	SourceUnknown  = "unknown"
)

// built is one unit as it lies in a build directory.
type built struct {
	unitDir
	UnitName
	key    string // unitDir.record + "/" + file: unique in the build directory
	file   string // name of the hash file: lib-liba
	run    bool   // the run of a build script
	doc    bool
	source string
	from   string // directory below CARGO_HOME that holds its package; "" unless immutable
	cost   int64  // what building it took, in ms of wall-clock time

	print     *fingerprint.Fingerprint // as it was read
	hash      uint64
	hashKnown bool
	outputs   []outputFile
	depFile   string // dep-<file>, relative to the build directory; "" when there is none
	depTime   int64  // its mtime: when rustc started; of a run, when the script started
	info      *depinfo.Info
	rustc     *depfile.File
	dFile     string
	seenAs    handoff.State // where rustc saw the checkout, if the wrapper showed it elsewhere
	broken    *Reason       // why it cannot be trusted at all
	stamped   stampOf       // of the hash file
	needs     []need        // what it was built from

	// Of a unit that is taken from an earlier inspection: it has no print, info
	// and rustc.
	recalled bool
	timed    bool   // its outputs have been looked up
	line     string // of the recall
	rest     string // of that line: the outputs

	deps  []*built // in the order of needs; nil where no unit has that hash
	above []*built
}

// A need is a dependency as a unit records it.
type need struct {
	name string
	hash uint64
}

// scanned is a build directory with the units in it.
type scanned struct {
	dir       string
	fd        int // dir, while it is scanned
	cargoHome string
	profiles  []string
	layout    string
	units     []*built
	recall    map[string]*built
	lines     int // of the recall

	mu      sync.Mutex
	written map[string]*outputs // of all units, by profile; see outputsIn
}

// outputsIn lists what lies in a profile, once: whoever asks for the files of many
// units must not change the directory meanwhile.
func (s *scanned) outputsIn(profile string) (*outputs, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.written[profile]; o != nil {
		return o, nil
	}
	o, err := newOutputs(s.dir, profile, nil)
	if err != nil {
		return nil, err
	}
	if s.written == nil {
		s.written = map[string]*outputs{}
	}
	s.written[profile] = o
	return o, nil
}

// scan reads every unit of every profile in dir, but for those that recall, what
// an earlier inspection wrote, still speaks for, and but for the profiles in without.
func scan(dir, cargoHome string, recall []byte, without ...string) (*scanned, error) {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	defer unix.Close(fd)
	s := &scanned{dir: dir, fd: fd, cargoHome: cargoHome}
	var decoding sync.WaitGroup
	decoding.Go(func() { s.recall, s.lines = decodeRecall(recall) })
	defer decoding.Wait()
	if s.profiles, err = Profiles(dir); err != nil {
		return nil, err
	}
	s.profiles = slices.DeleteFunc(s.profiles, func(p string) bool { return slices.Contains(without, p) })
	for _, profile := range s.profiles {
		dirs, layout, err := unitDirs(dir, profile)
		if err != nil {
			return nil, err
		}
		if s.layout == "" {
			s.layout = layout
		}
		decoding.Wait()
		if err := s.scanProfile(profile, dirs); err != nil {
			return nil, err
		}
	}
	s.link()
	return s, nil
}

func (s *scanned) scanProfile(profile string, dirs []unitDir) error {
	found := make([][]*built, len(dirs))
	parallel(len(dirs), func(i int) {
		if u := s.recallUnit(dirs[i]); u != nil {
			found[i] = []*built{u}
		}
	})
	var unknown []int
	ids := map[string]bool{}
	for i := range dirs {
		if found[i] == nil {
			unknown = append(unknown, i)
			ids[dirs[i].id] = true
		}
	}
	if len(unknown) > 0 {
		outs, err := newOutputs(s.dir, profile, ids)
		if err != nil {
			return err
		}
		failed := make([]error, len(unknown))
		parallel(len(unknown), func(i int) { found[unknown[i]], failed[i] = s.scanDir(dirs[unknown[i]], outs) })
		if err := errors.Join(failed...); err != nil {
			return err
		}
	}
	s.units = slices.Concat(append([][]*built{s.units}, found...)...)
	return nil
}

// parallel calls do for 0 to n-1 from a few goroutines.
func parallel(n int, do func(int)) {
	var (
		next atomic.Int64
		wg   sync.WaitGroup
	)
	for range min(n, hashWorkers) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				do(int(i))
			}
		})
	}
	wg.Wait()
}

// scanDir reads the fingerprint directory of a unit. It holds more than one unit
// only where Cargo gives units of different features one directory.
func (s *scanned) scanDir(ud unitDir, outs *outputs) ([]*built, error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, ud.record))
	if err != nil {
		return nil, fmt.Errorf("read unit %s: %w", ud.name(), err)
	}
	var found []*built
	for _, e := range entries {
		file, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok || strings.HasPrefix(file, "dep-") || strings.HasPrefix(file, "output-") {
			continue
		}
		u := &built{unitDir: ud, file: file, key: ud.record + "/" + file}
		u.UnitName = unitName(ud, file)
		u.run, u.doc = u.Kind == kindRun, u.Kind == kindDoc
		if err := s.read(u, outs); err != nil {
			return nil, err
		}
		u.classify(s.cargoHome)
		found = append(found, u)
	}
	return found, nil
}

func (s *scanned) read(u *built, outs *outputs) error {
	b, err := os.ReadFile(filepath.Join(s.dir, u.record, u.file+".json"))
	if err != nil {
		return fmt.Errorf("read unit %s: %w", u.Unit, err)
	}
	if u.print, err = fingerprint.Parse(b); err != nil {
		u.breaks(RuleInDoubt, "its fingerprint cannot be read: "+err.Error())
	}
	if u.print != nil {
		for _, d := range u.print.Deps {
			u.needs = append(u.needs, need{d.Name, d.Hash})
		}
	}
	u.stamped, _ = s.stampFile(u.record + "/" + u.file)
	b, err = os.ReadFile(filepath.Join(s.dir, u.record, u.file))
	if err == nil {
		u.hash, err = fingerprint.ParseHash(b)
	}
	if u.hashKnown = err == nil; !u.hashKnown {
		// Cargo empties the hash file of every unit it sets out to build; it
		// writes it when the unit is done (fingerprint/mod.rs:prepare_target).
		u.breaks(RuleCargo, "its last build was not finished")
	}
	if u.run {
		return s.readRun(u)
	}
	names, err := outs.of(u.unitDir, strings.ReplaceAll(u.Target, "-", "_"), u.Kind == kindScript)
	if err != nil {
		return err
	}
	for _, n := range names {
		if strings.HasSuffix(n, ".d") {
			u.dFile = n
			continue
		}
		s.addOutput(u, n)
	}
	if u.Kind == "lib" && isProcMacro(u.outputs) {
		u.Kind = kindMacro
	}
	if u.doc {
		return nil
	}
	u.depFile = u.record + "/dep-" + u.file
	fi, err := os.Stat(filepath.Join(s.dir, u.depFile))
	if err != nil {
		u.depFile = ""
		u.breaks(RuleCargo, "it has no dependency information")
		return nil
	}
	u.depTime = fi.ModTime().UnixNano()
	if b, err = os.ReadFile(filepath.Join(s.dir, u.depFile)); err == nil {
		u.info, err = depinfo.Parse(b)
	}
	if err != nil {
		u.breaks(RuleInDoubt, "its dependency information cannot be read: "+err.Error())
	}
	u.cost = max(0, u.newestOutput(false)-u.depTime) / int64(time.Millisecond)
	if u.cost == 0 {
		u.cost = s.checkCost(u)
	}
	if u.dFile == "" {
		u.breaks(RuleInDoubt, "rustc's list of its sources is missing")
		return nil
	}
	if b, err = os.ReadFile(filepath.Join(s.dir, u.dFile)); err == nil {
		u.rustc, err = depfile.Parse(b)
		u.seenAs, _ = handoff.Marked(string(b))
	}
	if err != nil {
		u.breaks(RuleInDoubt, "rustc's list of its sources cannot be read: "+err.Error())
	}
	return nil
}

// checkCost is what cargo check took for a unit: Cargo dates its metadata back to
// when rustc was started (cargo 1.95, compiler/mod.rs:rustc), and writes the hash
// file when rustc is done. 0 where a restore or graft has set times since.
func (s *scanned) checkCost(u *built) int64 {
	began, ok := s.stampFile(u.record + "/invoked.timestamp")
	if !ok || began.mtime != u.depTime {
		return 0
	}
	return max(0, u.stamped.mtime-began.mtime) / int64(time.Millisecond)
}

func (s *scanned) readRun(u *built) error {
	if u.overridden() {
		return nil
	}
	output, _, root := u.script()
	s.addOutput(u, output)
	if len(u.outputs) == 0 {
		u.breaks(RuleCargo, "its output is missing")
		return nil
	}
	u.depTime = u.outputs[0].mtime
	// Cargo dates the output back to the start of the script, and writes where
	// the script wrote when it is done (cargo 1.95, custom_build.rs:build_work).
	if done, ok := s.stampFile(root); ok {
		u.cost = max(0, done.mtime-u.depTime) / int64(time.Millisecond)
	}
	return nil
}

func (s *scanned) addOutput(u *built, path string) {
	var st unix.Stat_t
	if err := unix.Stat(filepath.Join(s.dir, path), &st); err == nil {
		u.outputs = append(u.outputs, outputFile{path, st.Mtim.Nano(), st.Ino})
	}
}

// strange reports whether the unit's hash, where it has one, is not what its
// fingerprint gives: then this version of Cargo has a way of its own.
func (u *built) strange() bool {
	return u.hashKnown && (u.print == nil || !u.print.Reproducible() || u.print.Hash() != u.hash)
}

func (u *built) breaks(rule Rule, detail string) {
	if u.broken == nil {
		u.broken = &Reason{rule, detail}
	}
}

// isProcMacro tells a procedural macro from other libraries: a shared object
// with an id in its name and nothing else that could be linked.
func isProcMacro(files []outputFile) bool {
	so := false
	for _, f := range files {
		switch filepath.Ext(f.path) {
		case ".so", ".dylib", ".dll":
			so = true
		case ".rlib", ".a":
			return false
		}
	}
	return so
}

// classify decides where the unit's sources come from, by the crate root that
// rustc names first. The run of a script gets the class of its program later.
func (u *built) classify(cargoHome string) {
	u.source = SourceUnknown
	if u.run || u.doc || u.rustc == nil || len(u.rustc.Deps) == 0 {
		return
	}
	root := u.rustc.Root()
	if rel, ok := paths.Under(root, cargoHome+"/registry/src"); ok {
		u.source, u.from = SourceRegistry, "registry/src/"+firstParts(rel, 2)
		return
	}
	if rel, ok := paths.Under(root, cargoHome+"/git/checkouts"); ok {
		u.source, u.from = SourceGit, "git/checkouts/"+firstParts(rel, 2)
		return
	}
	u.source = SourcePath
	// Cargo leaves the files of a package out of the unit's record only where
	// it holds them immutable (dep_info.rs:translate_dep_info). Absolute ones are
	// what a restore has put there.
	if u.info != nil && filepath.IsAbs(root) && !slices.ContainsFunc(u.info.Files, func(f depinfo.File) bool {
		return f.Kind == depinfo.PackageRoot
	}) {
		u.source = SourceVendored
	}
}

// firstParts returns the first n elements of a path.
func firstParts(path string, n int) string {
	for i := range path {
		if path[i] == '/' {
			if n--; n == 0 {
				return path[:i]
			}
		}
	}
	return path
}

// link resolves the edges: a unit records the hash of each dependency.
func (s *scanned) link() {
	byHash := map[uint64][]*built{}
	for _, u := range s.units {
		if u.hashKnown {
			byHash[u.hash] = append(byHash[u.hash], u)
		}
	}
	for _, u := range s.units {
		for _, n := range u.needs {
			dep := pick(byHash[n.hash], u)
			u.deps = append(u.deps, dep)
			if dep != nil {
				dep.above = append(dep.above, u)
			}
		}
	}
	for _, u := range s.units {
		if u.run || u.doc {
			u.inheritSource()
		}
	}
}

// upwards returns the units of which is holds, and all that stand above one.
func (s *scanned) upwards(is func(*built) bool) map[*built]bool {
	found := map[*built]bool{}
	var up func(u *built)
	up = func(u *built) {
		if !found[u] {
			found[u] = true
			for _, a := range u.above {
				up(a)
			}
		}
	}
	for _, u := range s.units {
		if is(u) {
			up(u)
		}
	}
	return found
}

// pick chooses among units with one hash, such as the runs of one script for
// host and target: the one in the same profile directory if there is one.
func pick(all []*built, u *built) *built {
	for _, d := range all {
		if d.profile == u.profile && d != u {
			return d
		}
	}
	if len(all) > 0 && all[0] != u {
		return all[0]
	}
	return nil
}

// inheritSource gives the run of a script the source of the script.
func (u *built) inheritSource() {
	u.source = SourceUnknown
	if u.doc {
		return
	}
	for _, d := range u.deps {
		if d != nil && d.Kind == kindScript && d.pkg == u.pkg {
			u.source, u.from = d.source, d.from
			return
		}
	}
}

// The kinds of unit that are asked for; see UnitName.Kind.
const (
	kindRun    = "run-build-script"
	kindScript = "build-script"
	kindMacro  = "proc-macro"
	kindDoc    = "doc"
)

// unitName reads what a hash file's name says (cargo 1.95,
// compilation_files.rs:fingerprint_file_path).
func unitName(ud unitDir, file string) UnitName {
	n := UnitName{Package: ud.pkg, Profile: ud.profile, Unit: ud.name()}
	rest := file
	flavor := ""
	for _, f := range []string{"test-", "doc-", "run-"} {
		// A test target is of kind integration-test or of flavor test: only
		// the flavor is followed by a kind again.
		if r, ok := strings.CutPrefix(rest, f); ok {
			if _, _, known := cutKind(r); known {
				rest, flavor = r, f
			}
			break
		}
	}
	n.Kind, n.Target, _ = cutKind(rest)
	switch flavor {
	case "test-":
		n.Test = true
	case "doc-":
		n.Kind = kindDoc
	case "run-":
		n.Kind = kindRun
	}
	return n
}

func cutKind(s string) (kind, target string, known bool) {
	for _, k := range []struct{ file, kind string }{
		{"lib-", "lib"}, {"bin-", "bin"}, {"integration-test-", "test"}, {"example-", "example"},
		{"bench-", "bench"}, {"build-script-", kindScript},
	} {
		if t, ok := strings.CutPrefix(s, k.file); ok {
			return k.kind, t, true
		}
	}
	return "", s, false
}
