package open

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/driver/plain"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo/config"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/git"
	"github.com/cargo-cow/cargo-cow/layers/locate"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

func TestParseYAML(t *testing.T) {
	for _, tt := range []struct{ text, project, user string }{
		{"", "", ""},
		{"# nothing\n", "", ""},
		{"strict: true\n", "", ""},
		{"strict: maybe\n", "line 1: misplaced str `maybe`", "line 1: misplaced str `maybe`"},
		{"strict: true\nstricter: 1\n", "line 2: unknown key stricter", "line 2: unknown key stricter"},
		{"store: /x\n", "line 1: unknown key store (only", ""},
		{"strict: [\n", "line 1", "line 1"},
		{"strict: true\n---\nstrict: false\n", "more than one document", "more than one document"},
		{"- strict\n", "line 1", "line 1"},
	} {
		check := func(who, want string, err error) {
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s, %q: got error %v, want %q", who, tt.text, err, want)
			}
		}
		check("project", tt.project, parseYAML([]byte(tt.text), &projectKeys{}))
		check("user", tt.user, parseYAML([]byte(tt.text), &userKeys{}))
	}
}

func FuzzParseYAML(f *testing.F) {
	f.Add([]byte("strict: true\nstore: /x\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("\xff\xfe\x00"))
	f.Add([]byte("0000"))
	f.Add([]byte("!00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := parseYAML(text, &projectKeys{}); err != nil && strings.Contains(err.Error(), "open.") {
			t.Errorf("the message speaks of our types: %v", err)
		}
		parseYAML(text, &userKeys{})
	})
}

// session makes a session whose home is empty.
func session(t *testing.T, dir string, env ...string) *Session {
	t.Helper()
	s, err := New(Options{Dir: dir, Environ: append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, env...)})
	if err != nil {
		t.Fatal(err)
	}
	return s
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

func TestNew(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	for _, dir := range []string{file, file + "-missing"} {
		if _, err := New(Options{Dir: dir}); err == nil {
			t.Errorf("New in %s: no error", dir)
		}
	}
}

func TestConfigOrder(t *testing.T) {
	root := t.TempDir()
	home := filepath.Join(t.TempDir(), "config")
	write(t, filepath.Join(home, "cargo-cow", "config.yaml"), "strict: true\nstore: /user\nignore: [a]\n")
	read := func() (*Config, error) { return session(t, root, "XDG_CONFIG_HOME="+home).Config(root) }
	c, err := read()
	if err != nil || c.Store != "/user" || !c.Strict || !slices.Equal(c.Settings.Ignore, []string{"a"}) {
		t.Errorf("user file: got %+v, %v", c, err)
	}
	write(t, filepath.Join(root, projectFile), "strict: false\nignore: [b]\npure_macros:\n- {name: m, from: 1.0.0}\n")
	c, err = read()
	if err != nil || c.Store != "/user" || c.Strict || !slices.Equal(c.Settings.Ignore, []string{"a", "b"}) ||
		!slices.Equal(c.Settings.PureMacros, []rule.MacroRange{{Name: "m", From: "1.0.0"}}) {
		t.Errorf("project file: got %+v, %v", c, err)
	}
	for text, want := range map[string]string{
		"store: /project\n":              "line 1",
		"inputs: ['[']\n":                `glob "["`,
		"pure_macros: [{from: 1.0.0}]\n": "no name",
		"pure_macros: [{nam: x}]\n":      "unknown key nam",
	} {
		write(t, filepath.Join(root, projectFile), text)
		if _, err := read(); err == nil || !strings.Contains(err.Error(), projectFile) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
	write(t, filepath.Join(home, "cargo-cow", "config.yaml"), "store: relative\n")
	if _, err := read(); err == nil || !strings.Contains(err.Error(), "absolute") {
		t.Errorf("relative store: got %v", err)
	}
}

func TestFindProjectFile(t *testing.T) {
	root := t.TempDir()
	member := filepath.Join(root, "ws", "member", "src")
	if err := os.MkdirAll(member, 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, projectFile), "")
	ws := filepath.Join(root, "ws")
	if got := findProjectFile(member, ws); got != "" {
		t.Errorf("above the workspace: got %q", got)
	}
	write(t, filepath.Join(ws, projectFile), "")
	if got := findProjectFile(member, ws); got != filepath.Join(ws, projectFile) {
		t.Errorf("in the workspace: got %q", got)
	}
	write(t, filepath.Join(ws, "member", projectFile), "")
	if got := findProjectFile(member, ws); got != filepath.Join(ws, "member", projectFile) {
		t.Errorf("in the member: got %q", got)
	}
}

func TestNamedStore(t *testing.T) {
	dir := t.TempDir()
	config := t.TempDir()
	write(t, filepath.Join(config, "cargo-cow", "config.yaml"), "store: /user\n")
	s := session(t, dir, "XDG_CONFIG_HOME="+config, "CARGO_COW_STORE=env")
	s.opts.Store = "flag/"
	want := func(want string) {
		t.Helper()
		if got, err := s.findStore(filepath.Join(dir, "target"), nil); err != nil || got != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	want(filepath.Join(dir, "flag"))
	s.opts.Store = ""
	want(filepath.Join(dir, "env"))
	s.environ = append(s.environ, "CARGO_COW_STORE=")
	want("/user")
	s = session(t, dir, "XDG_CONFIG_HOME=relative") // ignored, as the XDG specification says
	if q, err := s.question(filepath.Join(dir, "target"), nil); err != nil || q.Configured != "" {
		t.Errorf("got %+v, %v", q, err)
	}
}

func TestStoreParent(t *testing.T) {
	base := t.TempDir()
	build := filepath.Join(base, "a", "b", "target")
	if err := os.MkdirAll(filepath.Dir(build), 0o755); err != nil {
		t.Fatal(err)
	}
	top := storeParents(build)[0]
	if rel, err := filepath.Rel(top, build); err != nil || !filepath.IsLocal(rel) {
		t.Errorf("got %s, which is not above %s", top, build)
	}
	if fi, err := os.Stat(top); err != nil || fi.Mode().Perm()&0o002 != 0 {
		t.Errorf("got %s, which everybody may write to: %v, %v", top, fi.Mode(), err)
	}
	if !locate.SameMount(top, build) {
		t.Errorf("%s and %s are on different mounts", top, build)
	}
	if locate.SameMount("/proc/self", build) {
		t.Errorf("/proc and %s are on the same mount", build)
	}
}

func TestCheckOwner(t *testing.T) {
	dir := t.TempDir()
	if exists, err := checkOwner(dir); !exists || err != nil {
		t.Errorf("one's own: got %v, %v", exists, err)
	}
	if exists, err := checkOwner(filepath.Join(dir, "missing")); exists || err != nil {
		t.Errorf("missing: got %v, %v", exists, err)
	}
	write(t, filepath.Join(dir, "file"), "")
	if _, err := checkOwner(filepath.Join(dir, "file")); err == nil {
		t.Error("a file: no error")
	}
	foreign := "/" // for anybody but root, who tries another way
	if os.Geteuid() == 0 {
		foreign = filepath.Join(dir, "foreign")
		if err := errors.Join(os.Mkdir(foreign, 0o755), os.Chown(foreign, 12345, 12345)); err != nil {
			t.Fatal(err)
		}
	}
	var help *layers.HelpError
	if _, err := checkOwner(foreign); !errors.As(err, &help) {
		t.Errorf("another user's: got %v", err)
	}
}

func TestCheckBuildDir(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	s := session(t, dir)
	p := &layers.Checkout{Workspace: &project.Workspace{Root: dir, BuildDir: filepath.Join(dir, "target")}}
	for _, arg := range []string{"target", "./target/", filepath.Join(dir, "target"), filepath.Join(link, "target"), "x/../target"} {
		if err := s.CheckBuildDir(p, arg); err != nil {
			t.Errorf("%s: %v", arg, err)
		}
	}
	var help *layers.HelpError
	if err := s.CheckBuildDir(p, "out"); !errors.As(err, &help) || !strings.Contains(help.Help, "build.build-dir") {
		t.Errorf("out: got %v", err)
	}
}

func TestMemory(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("git", "init", "-q", root).CombinedOutput(); err != nil {
		t.Fatalf("git init: %v\n%s", err, out)
	}
	repo, err := git.Open(t.Context(), root, os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	if m, err := ReadMemory(repo); err != nil || m.Stores != nil || m.Workspaces != nil {
		t.Errorf("before init: got %+v, %v", m, err)
	}
	at := func(ws string) *layers.Checkout {
		return &layers.Checkout{Git: repo, Workspace: &project.Workspace{Root: filepath.Join(root, ws)}}
	}
	note := func(ws, store string, named bool) {
		t.Helper()
		f, err := stageMemory(at(ws), store, named)
		if err == nil {
			err = f.Commit()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	// Nothing is there before Commit, and nothing after Discard.
	f, err := stageMemory(at("."), "/store", false)
	if err != nil {
		t.Fatal(err)
	}
	f.Discard()
	if _, err := os.Lstat(filepath.Dir(memoryPath(repo))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Discard the directory is there: %v", err)
	}
	for range 2 {
		note(".", "/store", false)
		note("rust", "/elsewhere", false)
	}
	m, err := ReadMemory(repo)
	want := []locate.Remembered{{Dir: "/store"}, {Dir: "/elsewhere"}}
	if err != nil || m.Version != 2 || m.Store != "/store" || !slices.Equal(m.Stores, want) || !slices.Equal(m.Workspaces, []string{".", "rust"}) {
		t.Errorf("after init: got %+v, %v", m, err)
	}
	note(".", "/elsewhere", true)
	want = []locate.Remembered{{Dir: "/elsewhere", Named: true}, {Dir: "/store"}}
	if m, err := ReadMemory(repo); err != nil || !slices.Equal(m.Stores, want) || !slices.Equal(locate.Memory(repo.CommonDir), want) {
		t.Errorf("after one was named: got %+v, %v; the wrapper sees %v", m, err, locate.Memory(repo.CommonDir))
	}
	if f, err := stageMemory(at("."), "/store", false); f != nil || err != nil {
		t.Errorf("what is known is noted again: %v, %v", f, err)
	}

	for text, want := range map[string]string{
		`{"version":1,"store":"/s","workspaces":["../../etc","a"]}`: "",
		`{"version":3}`: "newer",
		`{`:             "read",
	} {
		write(t, memoryPath(repo), text)
		m, err := ReadMemory(repo)
		if want == "" && (err != nil || !slices.Equal(m.Workspaces, []string{"a"}) || !slices.Equal(m.Stores, []locate.Remembered{{Dir: "/s", Named: true}})) ||
			want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %+v, %v", text, m, err)
		}
	}
}

func TestDriverOfStore(t *testing.T) {
	dir := t.TempDir()
	if err := recordDriver(dir, plain.New(plain.Copy)); err != nil {
		t.Fatal(err)
	}
	d, err := chooseDriver(t.Context(), dir, "", true)
	if err != nil || d.Name() != "copy" {
		t.Errorf("got %v, %v", d, err)
	}
	// A store on another mount can serve, since its layers are copied anyway.
	if err := checkSharesData(d, dir, "/proc/x"); err != nil {
		t.Errorf("checkReach: %v", err)
	}
	if err := checkSharesData(plain.New(plain.Reflink), dir, "/dev/shm/x/target"); err == nil {
		t.Error("checkReach across file systems: no error")
	}
	write(t, filepath.Join(dir, paths.StoreDriver), "zfs\n")
	if _, err := chooseDriver(t.Context(), dir, "", true); err == nil || !strings.Contains(err.Error(), `"zfs"`) {
		t.Errorf("unknown driver: got %v", err)
	}
}

func TestDefaultStore(t *testing.T) {
	// tmpfs cannot share data between files.
	dir, err := os.MkdirTemp("/dev/shm", "cargo-cow-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	cache := t.TempDir()
	s := session(t, dir, "XDG_CACHE_HOME="+cache)
	if got, err := s.defaultStore(filepath.Join(dir, "target")); err != nil || got != filepath.Join(cache, "cargo-cow") {
		t.Errorf("where nothing can be shared: got %s, %v", got, err)
	}
	beside := filepath.Join(dir, ".cargo-cow-"+strconv.Itoa(os.Geteuid()))
	if err := os.Mkdir(beside, 0o700); err != nil {
		t.Fatal(err)
	}
	if got, err := s.defaultStore(filepath.Join(dir, "target")); err != nil || got != beside {
		t.Errorf("where there is one: got %s, %v", got, err)
	}
}

func TestTestRules(t *testing.T) {
	if _, err := testRules(environ{"CARGO_COW_TEST_WITHOUT="}); err != nil {
		t.Error(err)
	}
}

func TestCanonicalEnv(t *testing.T) {
	env := func(root string) map[string]config.EnvValue {
		return map[string]config.EnvValue{
			"B": {Value: "b", Force: true},
			"A": {Value: "data", Relative: true, Base: root + "/member"},
			"C": {Value: "x", Relative: true, Base: "/home/u"},
		}
	}
	a, b := canonicalEnv(env("/a"), "/a"), canonicalEnv(env("/b"), "/b")
	if a != b || strings.Contains(a, "/a") {
		t.Errorf("two checkouts differ:\n%s%s", a, b)
	}
	if want := `"A"="data" force=false relative=true base="member"`; !strings.HasPrefix(a, want) {
		t.Errorf("got %s, want it to begin with %s", a, want)
	}
	other := env("/a")
	other["B"] = config.EnvValue{Value: "b"}
	if canonicalEnv(other, "/a") == a {
		t.Error("force makes no difference")
	}
}
