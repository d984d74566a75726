package survival

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// Damaged bytes, of any kind a crash, a disk or an enemy leaves.
var damages = map[string]func(was []byte) []byte{
	"empty":     func([]byte) []byte { return nil },
	"truncated": func(was []byte) []byte { return was[:len(was)/2] },
	"zeros":     func(was []byte) []byte { return make([]byte, len(was)) },
	"garbage":   func([]byte) []byte { return []byte("\xff\xfe{]\x00") },
	"huge":      func([]byte) []byte { return []byte(strings.Repeat("[", 32<<20)) },
	"other":     func([]byte) []byte { return []byte(`{"layer":"00000000000000000000000000000000","format":9}`) },
	"types":     func([]byte) []byte { return []byte(`{"layer":7,"units":"many","format":"1","restored":[]}`) },
}

func damage(t *testing.T, path string, how func([]byte) []byte) {
	t.Helper()
	was, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, how(was), 0o600); err != nil {
		t.Fatal(err)
	}
}

// problem checks that check names the path, and whether it can mend it.
func problem(p *checkout, path string, mended bool) {
	p.T.Helper()
	r := p.TryCow("check")
	if a := r.Line(p.T, "check"); r.Code != 1 || a["path"] != path {
		p.T.Errorf("check does not name %s: %v", path, r)
	}
	r = p.TryCow("check", "--repair")
	a := r.Line(p.T, "check")
	want := map[bool]int{true: 0, false: 3}[mended]
	if r.Code != want || a["path"] != path || a["repaired"] != mended {
		p.T.Errorf("check --repair, want exit code %d and repaired %v of %s: %v", want, mended, path, r)
	}
	if mended {
		p.checks()
	}
}

// newest is the id of the newest layer.
func newest(p *checkout) string {
	p.T.Helper()
	id, ok := p.TryCow("list").Line(p.T, "layer")["layer"].(string)
	if !ok {
		p.T.Fatal("there is no layer")
	}
	return id
}

// A record is an index: without it the layer is still found, and check makes it
// again.
func TestDamagedRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t)).sealed()
	id := newest(w.origin)
	record := filepath.Join(w.store, "records", id+".json")
	for name, how := range damages {
		damage(t, record, how)
		p := w.checkout("record-" + name)
		if a := p.cow("restore"); a["layer"] != id {
			t.Errorf("%s: restored %v", name, a)
		}
		p.builds(nil, "first")
		if name == "empty" {
			w.origin.checks() // as a power cut leaves it: made again when the store was opened
			continue
		}
		problem(w.origin, record, true)
	}
	if err := os.Remove(record); err != nil {
		t.Fatal(err)
	}
	w.origin.checks() // made again when the store was opened
	stray := filepath.Join(w.store, "records", "stray.json")
	if err := os.WriteFile(stray, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	problem(w.origin, stray, true)
}

// Where the file system does not protect a layer, a damaged one is used by
// nobody, told by check, and never removed.
func TestDamagedLayer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.XFS(t)).sealed()
	id := newest(w.origin)
	layer := filepath.Join(w.store, "layers", id)
	manifest := filepath.Join(layer, ".cargo-cow/manifest.json")
	whole, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	damages := map[string]func([]byte) []byte{
		"plausible": func(was []byte) []byte { return append(was, '\n') },
		"indexes":   func(was []byte) []byte { return []byte(strings.ReplaceAll(string(was), `"i":`, `"i":1000`)) },
		"deeper":    damages["huge"], "half": damages["truncated"], "garbage": damages["garbage"], "nothing": damages["empty"],
	}
	for name, how := range damages {
		if err := os.Chmod(manifest, 0o600); err != nil {
			t.Fatal(err)
		}
		damage(t, manifest, how)
		p := w.checkout("layer-" + name)
		fails(t, p.TryCow("restore"), 1, id)
		if fixture.Exists(p.Target()) {
			t.Errorf("%s: a build directory was made from a damaged layer", name)
		}
		p.tidy()
		problem(w.origin, layer, false)
		if err := os.WriteFile(manifest, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		p.checks()
		p.cow("restore")
		p.builds(nil, "first")
	}
}

// What a build directory says of itself may be anything: it is then one that
// nothing is known of.
func TestDamagedBuildDirectory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t)).sealed()
	for _, file := range []string{"manifest.json", "active.json"} {
		here, there := w.checkout("here-"+file), w.checkout("there-"+file)
		edited(there)
		here.cow("restore")
		for _, name := range []string{"truncated", "garbage", "other", "types"} {
			edited(here)
			here.builds([]string{"bin app"}, "second")
			damage(t, here.Target(".cargo-cow", file), damages[name])
			here.cow("status")
			here.cow("snapshot", "--label="+name+" "+file)
			here.builds(nil, "second")
			there.cow("restore", "--from="+name+" "+file)
			if _, says := there.build(); says != "second cow" {
				t.Errorf("%s %s: the program says %q", name, file, says)
			}
		}
	}
	w.origin.checks()
}

// A store this program does not know is left alone.
func TestForeignStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t)).sealed()
	p := w.checkout("b")
	commands := [][]string{{"init"}, {"snapshot"}, {"restore"}, {"list"}, {"check", "--repair"}}
	for file, text := range map[string]string{"version": "cargo-cow store 2\n", "driver": "tape\n"} {
		path := filepath.Join(w.store, file)
		was, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range commands {
			fails(t, p.TryCow(args...), 1, "store", strings.TrimSpace(text))
		}
		if err := os.WriteFile(path, was, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// A directory with other things in it is not made a store.
	home := filepath.Join(w.Dir, "home")
	if err := os.MkdirAll(filepath.Join(home, "letters"), 0o755); err != nil {
		t.Fatal(err)
	}
	fails(t, p.TryCow("--store", home, "init"), 1, home)
	if fi, err := os.Stat(home); err != nil || fi.Mode().Perm() != 0o755 || fixture.Exists(filepath.Join(home, "layers")) {
		t.Errorf("the directory was made a store: %v, %v", fi, err)
	}
	// What has no business in it is told, and kept.
	stray := filepath.Join(w.store, "layers", "letters")
	if err := os.Mkdir(stray, 0o755); err != nil {
		t.Fatal(err)
	}
	problem(p, stray, false)
	if !fixture.Exists(stray) {
		t.Error("check removed what it does not know")
	}
	p.cow("restore")
	p.builds(nil, "first")
}

// What init has noted in the repository may be damaged as well.
func TestDamagedMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t), "CARGO_COW_STORE=").sealed()
	memory := w.origin.Path(".git/cargo-cow/config.json")
	b, err := os.ReadFile(memory)
	if err != nil {
		t.Fatal(err)
	}
	var noted struct{ Store string }
	if err := json.Unmarshal(b, &noted); err != nil || !fixture.Exists(noted.Store) {
		t.Fatalf("init noted %s: %v", b, err)
	}
	w.store = noted.Store
	p := w.checkout("b")
	for _, how := range []string{"empty", "truncated", "garbage"} {
		damage(t, memory, damages[how])
		fails(t, p.TryCow("restore"), 1, memory, "cargo cow init")
		if err := os.Remove(memory); err != nil { // as the help says
			t.Fatal(err)
		}
		w.origin.cow("init")
	}
	p.cow("restore")
	p.builds(nil, "first")
}
