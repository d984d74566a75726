package divergence

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A unitID names a unit in every build directory: the profile directory and
// Cargo's id, debug/407a90833ee3607c. Units of registry and git packages have the
// same one in all checkouts.
type unitID string

// A record is what cargo has written of a unit.
type record struct {
	name string // for people: package, and what kind of unit
	hash string // content of the hash file
	deps []string
	// built is when rustc was last started for it; zero for the run of a script.
	built time.Time
}

// readRecords reads the unit fingerprints of a build directory. What is no whole
// record is passed over, as cargo does.
func readRecords(t testing.TB, buildDir string) map[unitID]record {
	t.Helper()
	found := map[unitID]record{}
	err := filepath.WalkDir(buildDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(buildDir, path)
		if err != nil {
			return err
		}
		switch d.Name() {
		case "deps", "incremental", "examples", "out", "doc", "package", "tmp", ".cargo-cow":
			return fs.SkipDir
		}
		profile, id, ok := recordDir(rel)
		if !ok {
			return nil
		}
		if r, ok := readRecord(t, path); ok {
			found[unitID(profile+"/"+id)] = r
		}
		return fs.SkipDir
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

var (
	classicRecord = regexp.MustCompile(`^(.+)/\.fingerprint/.+-([0-9a-f]{16})$`)
	unitsRecord   = regexp.MustCompile(`^(.+)/build/[^/]+/([0-9a-f]{16})/fingerprint$`)
)

// recordDir tells whether a directory holds the fingerprint files of a unit, in
// either of cargo's layouts.
func recordDir(rel string) (profile, id string, ok bool) {
	for _, re := range []*regexp.Regexp{classicRecord, unitsRecord} {
		if m := re.FindStringSubmatch(rel); m != nil {
			return m[1], m[2], true
		}
	}
	return "", "", false
}

func readRecord(t testing.TB, dir string) (record, bool) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok {
			continue
		}
		hash, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) || len(hash) != 16 {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		var v struct {
			Deps [][]json.RawMessage // package id, name, public, hash
		}
		if err := json.Unmarshal(text, &v); err != nil {
			t.Fatalf("read %s: %v", filepath.Join(dir, e.Name()), err)
		}
		r := record{name: filepath.Base(dir) + " " + name, hash: string(hash)}
		if r.name == "fingerprint "+name {
			r.name = filepath.Base(filepath.Dir(filepath.Dir(dir))) + " " + name
		}
		if info, err := os.Stat(filepath.Join(dir, "invoked.timestamp")); err == nil {
			r.built = info.ModTime()
		}
		for _, d := range v.Deps {
			var h uint64
			if len(d) != 4 || json.Unmarshal(d[3], &h) != nil {
				t.Fatalf("read %s: a dependency is %s", filepath.Join(dir, e.Name()), d)
			}
			// A hash file holds the number's little-endian bytes.
			r.deps = append(r.deps, hex.EncodeToString(binary.LittleEndian.AppendUint64(nil, h)))
		}
		return r, true
	}
	return record{}, false
}

// availability tells of units of a clean build whether layers have them: with
// the hash of the clean build, and so with all they depend on.
type availability struct {
	clean  map[unitID]record
	byHash map[string][]unitID
	layers []map[unitID]record
	known  map[unitID]bool
}

func newAvailability(clean map[unitID]record, layers []map[unitID]record) *availability {
	a := &availability{clean: clean, byHash: map[string][]unitID{}, layers: layers, known: map[unitID]bool{}}
	for id, r := range clean {
		a.byHash[r.hash] = append(a.byHash[r.hash], id)
	}
	return a
}

func (a *availability) of(t testing.TB, id unitID) bool {
	t.Helper()
	if known, ok := a.known[id]; ok {
		return known
	}
	r, ok := a.clean[id]
	if !ok {
		t.Fatalf("the clean build has no record of unit %s", id)
	}
	has := false
	for _, l := range a.layers {
		has = has || l[id].hash == r.hash
	}
	for _, hash := range r.deps {
		if len(a.byHash[hash]) == 0 {
			t.Fatalf("%s depends on a unit with hash %s, which the clean build does not have", r.name, hash)
		}
		any := false
		for _, dep := range a.byHash[hash] {
			any = any || a.of(t, dep)
		}
		has = has && any
	}
	a.known[id] = has
	return has
}

// standsOn reports whether a unit is of one of the packages or depends on one
// that is.
func (a *availability) standsOn(id unitID, packages []string) bool {
	r := a.clean[id]
	for _, pkg := range packages {
		if strings.HasPrefix(r.name, pkg+"-") {
			return true
		}
	}
	for _, hash := range r.deps {
		for _, dep := range a.byHash[hash] {
			if a.standsOn(dep, packages) {
				return true
			}
		}
	}
	return false
}

var idInPath = []*regexp.Regexp{
	regexp.MustCompile(`^(.+)/deps/[^/]*-([0-9a-f]{16})\.[a-z]+$`),
	regexp.MustCompile(`^(.+)/build/[^/]+-([0-9a-f]{16})/[^/]+$`),
	regexp.MustCompile(`^(.+)/build/[^/]+/([0-9a-f]{16})/out(?:/[^/]+)?$`),
}

// idOf takes the unit out of the names of its files. A program's file has no id.
func idOf(buildDir string, files []string) (unitID, bool) {
	for _, file := range files {
		rel, err := filepath.Rel(buildDir, file)
		if err != nil {
			continue
		}
		for _, re := range idInPath {
			if m := re.FindStringSubmatch(rel); m != nil {
				return unitID(m[1] + "/" + m[2]), true
			}
		}
	}
	return "", false
}

func TestIDOf(t *testing.T) {
	for _, tt := range []struct {
		file string
		want unitID
	}{
		{"/t/debug/deps/libsemver-407a90833ee3607c.rlib", "debug/407a90833ee3607c"},
		{"/t/x86_64-unknown-linux-gnu/release/deps/libserde_derive-407a90833ee3607c.so", "x86_64-unknown-linux-gnu/release/407a90833ee3607c"},
		{"/t/debug/build/semver-407a90833ee3607c/build-script-build", "debug/407a90833ee3607c"},
		{"/t/debug/build/semver-407a90833ee3607c/out", "debug/407a90833ee3607c"},
		{"/t/debug/build/semver/407a90833ee3607c/out/libsemver-407a90833ee3607c.rlib", "debug/407a90833ee3607c"},
		{"/t/debug/build/semver/407a90833ee3607c/out", "debug/407a90833ee3607c"},
		{"/t/debug/just", ""},
	} {
		if got, _ := idOf("/t", []string{tt.file}); got != tt.want {
			t.Errorf("idOf(%s) = %q, want %q", tt.file, got, tt.want)
		}
	}
}
