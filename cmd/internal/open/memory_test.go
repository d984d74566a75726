package open

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/git"
	"github.com/cargo-cow/cargo-cow/layers/locate"
)

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
