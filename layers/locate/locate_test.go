package locate

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// store makes what looks like a store at dir.
func store(t *testing.T, dir, driver string) string {
	t.Helper()
	write(t, dir+"/version", "cargo-cow store 1\n")
	write(t, dir+"/driver", driver+"\n")
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// away makes a directory on another file system.
func away(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "cargo-cow-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestFind(t *testing.T) {
	here, other := t.TempDir(), away(t)
	near := store(t, here+"/near", "btrfs")
	near2 := store(t, here+"/near2", "btrfs")
	far := store(t, other+"/far", "btrfs")
	copies := store(t, other+"/copies", "copy")
	beside := store(t, here+"/src/.cargo-cow-"+strconv.Itoa(os.Geteuid()), "btrfs")
	store(t, here+"/src/app/.cargo-cow-"+strconv.Itoa(os.Geteuid()), "btrfs")
	gone := here + "/gone"
	plainDir := here + "/plain"
	if err := os.Mkdir(plainDir, 0o777); err != nil {
		t.Fatal(err)
	}
	app := here + "/src/app/target" // not there yet
	alone := here + "/alone/target"
	away := other + "/app/target"
	chosen, made := here+"/data1", here+"/data2"
	write(t, ChosenFile(chosen), near+"\n")
	write(t, madeFile(made), gone+"\n"+far+"\n"+near+"\n")
	known := func(dirs ...string) (list []Remembered) {
		for _, d := range dirs {
			list = append(list, Remembered{Dir: d})
		}
		return list
	}
	named := Remembered{copies, true}
	for name, tt := range map[string]struct {
		q    Question
		want string
		kind Kind
	}{
		"nothing is known":              {Question{BuildDir: alone}, "", Absent},
		"remembered":                    {Question{BuildDir: app, Remembered: known(near)}, near, Near},
		"the first of two":              {Question{BuildDir: app, Remembered: known(near2, near)}, near2, Near},
		"what is not there is passed":   {Question{BuildDir: app, Remembered: known(gone, plainDir, near)}, near, Near},
		"another file system's is, too": {Question{BuildDir: app, Remembered: known(far, near)}, near, Near},
		"each file system its own":      {Question{BuildDir: away, Remembered: known(near, far)}, far, Near},
		"copies are the last resort":    {Question{BuildDir: app, Remembered: known(copies, near)}, near, Near},
		"copies go after one beside":    {Question{BuildDir: app, Remembered: known(copies)}, beside, Near},
		"copies, where nothing shares":  {Question{BuildDir: away, Remembered: known(near, copies)}, copies, Copying},
		"copies that were asked for":    {Question{BuildDir: app, Remembered: []Remembered{named, {Dir: near}}}, copies, Near},
		"too far":                       {Question{BuildDir: away, Remembered: known(near)}, near, Far},
		"noted in the build directory":  {Question{BuildDir: app, Noted: Remembered{Dir: near2}}, near2, Near},
		"remembered goes before noted":  {Question{BuildDir: app, Noted: Remembered{Dir: near2}, Remembered: known(near)}, near, Near},
		"a note that serves no more":    {Question{BuildDir: away, Noted: Remembered{Dir: near}, Remembered: known(far)}, far, Near},
		"configured":                    {Question{BuildDir: app, Configured: near2, Remembered: known(near), Data: chosen}, near2, Near},
		"configured, and not there":     {Question{BuildDir: app, Configured: gone, Remembered: known(near)}, gone, Absent},
		"named goes before configured":  {Question{BuildDir: app, Configured: near2, Remembered: []Remembered{{Dir: near}, named}}, copies, Near},
		"the build directory's, too":    {Question{BuildDir: app, Configured: near2, Noted: Remembered{near, true}}, near, Near},
		"chosen":                        {Question{BuildDir: app, Data: chosen}, near, Near},
		"the topmost beside":            {Question{BuildDir: app}, beside, Near},
		"made on another mount":         {Question{BuildDir: alone, Data: made, Cache: copies}, near, Near},
		"beside goes before":            {Question{BuildDir: app, Data: made}, beside, Near},
		"in the cache":                  {Question{BuildDir: alone, Cache: copies}, copies, Copying},
	} {
		if dir, kind := tt.q.Find(); dir != tt.want || kind != tt.kind {
			t.Errorf("%s: got %q, %d, want %q, %d", name, dir, kind, tt.want, tt.kind)
		}
	}
}

func TestForeignStore(t *testing.T) {
	if os.Geteuid() != 0 {
		loopfs.Unavailable(t, "only root can give a directory away")
	}
	dir := store(t, t.TempDir()+"/s", "btrfs")
	if err := os.Chown(dir, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if IsStore(dir) {
		t.Error("another user's store is taken for one's own")
	}
}

// A mount of a part of a file system is that file system, if the kernel says so.
func TestSharesBetweenMounts(t *testing.T) {
	dir := loopfs.Btrfs(t)
	s := store(t, dir+"/s", "btrfs")
	for _, d := range []string{"/a", "/b"} {
		if err := os.Mkdir(dir+d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mount(dir+"/a", dir+"/b", "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(dir+"/b", unix.MNT_DETACH)
	if SameMount(s, dir+"/b") {
		t.Error("two mounts are one")
	}
	// What the file system can do within one mount it can do between two.
	if !Shares(s, dir+"/b") {
		t.Error("two mounts of one Btrfs share nothing")
	}
	if n := entries(t, dir+"/b"); n != 0 {
		t.Errorf("the trial leaves %d files", n)
	}
	// A store that cannot be written to serves, and so does one seen from where
	// nothing can be tried.
	if err := unix.Mount("", dir+"/b", "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if !Shares(s, dir+"/b") {
		t.Error("a read-only mount is another file system")
	}
	if Shares(s, away(t)) {
		t.Error("two file systems are one")
	}
}

func entries(t *testing.T, dir string) int {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func TestParseMemory(t *testing.T) {
	for text, want := range map[string][]Remembered{
		``:  nil,
		`{`: nil,
		`{"version":1,"store":"/a/.cargo-cow-0","workspaces":["."]}`:                       {{"/a/.cargo-cow-0", false}},
		`{"version":1,"store":"/own/place"}`:                                               {{"/own/place", true}},
		`{"store":"/x","stores":[{"dir":"/a"},{"dir":"/b","named":true}],"workspaces":[]}`: {{"/a", false}, {"/b", true}},
		"{ \"stores\" : [\n {\"named\":true,\n\"dir\" : \"/a ]},\"} ]}":                    {{"/a ]},", true}},
		`{"stores":[{"dir":"relative"},{"dir":"/a/../b"},{"other":"/x"}]}`:                 nil,
		`{"workspaces":["stores",{"dir":"/x"}]}`:                                           nil,
		`{"deep":{"store":"/x","stores":[{"dir":"/y"}]}}`:                                  nil,
		`{"stores":[{"dir":"/a"`:                                                           nil,
	} {
		if got := parseMemory(text); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
}

// The wrapper reads what the commands write.
func FuzzParseMemory(f *testing.F) {
	f.Add("/a/b", true, `{"stores":[{"dir":"/a"}]}`)
	f.Add("/ä\u2028<&>", false, `{"store":"/x"}`)
	f.Fuzz(func(t *testing.T, path string, named bool, text string) {
		parseMemory(text)
		want := []Remembered{{"/" + path, named}, {"/z", false}}
		b, err := json.Marshal(map[string]any{"version": 2, "store": "/q", "stores": want, "workspaces": []string{"a", `"`}})
		if err != nil {
			t.Fatal(err)
		}
		var back struct{ Stores []Remembered }
		if err := json.Unmarshal(b, &back); err != nil || back.Stores[0].Dir != want[0].Dir || !paths.IsClean(want[0].Dir) {
			return // JSON cannot spell it, or nobody would write it
		}
		if got := parseMemory(string(b)); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", b, got, want)
		}
	})
}

func TestRepository(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(dir+"/main/.git/worktrees/w", 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/main/.git/worktrees/w/commondir", "../..\n")
	write(t, dir+"/w/.git", "gitdir: "+dir+"/main/.git/worktrees/w\n")
	write(t, dir+"/main/sub/.git", "gitdir: ../.git/modules/sub\n")
	write(t, dir+"/odd/.git", "nothing\n")
	for top, want := range map[string]string{
		"/main": "/main/.git", "/w": "/main/.git", "/main/sub": "/main/.git/modules/sub", "/odd": "", "/none": "",
	} {
		if want != "" {
			want = dir + want
		}
		if got := Repository(dir + top); got != want {
			t.Errorf("%s: got %q, want %q", top, got, want)
		}
	}
}

func TestConfigured(t *testing.T) {
	file := t.TempDir() + "/config.yaml"
	if got := configured(file); got != "" {
		t.Errorf("without a file: got %q", got)
	}
	for text, want := range map[string]string{
		"warm: true\nstore: /a b # mine\n": "/a b",
		"store: \"/a\\tb\"\n":              "/a\tb",
		"store: '/a'\n":                    "/a",
		"store: a\n":                       "",
		"  store: /nested\n":               "",
		"":                                 "",
	} {
		write(t, file, text)
		if got := configured(file); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestMade(t *testing.T) {
	dir := t.TempDir()
	if got := made(dir); got != nil {
		t.Errorf("nothing: got %q", got)
	}
	write(t, madeFile(dir), "/a\nrelative\n/b/../c\n/d e\n/torn")
	if got, want := made(dir), []string{"/a", "/d e"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNote(t *testing.T) {
	dir := t.TempDir()
	for _, want := range []Remembered{{}, {"/s", false}, {"/s", true}, {}} {
		if err := Note(dir, want); err != nil || Noted(dir) != want {
			t.Errorf("%v: got %v, %v", want, Noted(dir), err)
		}
	}
}
