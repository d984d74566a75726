package whereabouts

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/record"
)

func TestProjects(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write := func(file, text string) {
		t.Helper()
		file = filepath.Join(dir, file)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o777), os.WriteFile(file, []byte(text), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	write("main/.git/HEAD", "")
	write("main/ws/target/x", "")
	write("main/.git/worktrees/w/commondir", "../..\n")
	write("w/.git", "gitdir: "+dir+"/main/.git/worktrees/w\n")
	write("w/target/x", "")
	write("bare.git/worktrees/b/commondir", "../..\n")
	write("b/.git", "gitdir: "+dir+"/bare.git/worktrees/b\n")
	write("sub/.git", "gitdir: "+dir+"/main/.git/modules/sub\n")
	write("lost/.git", "gitdir: "+dir+"/gone/.git/worktrees/lost\n")
	write("plain/target/x", "")
	// What lies elsewhere says what it is of.
	for name, root := range map[string]string{"x": "/main/ws", "y": "/plain", "z": "/plain/gone", "main": "/plain"} {
		write("out/"+name+"/"+paths.TreeMeta+"/x", "")
		if err := (&handoff.Handoff{Root: dir + root, Checkout: dir + root, Build: []string{dir + "/out/" + name}}).Write(dir + "/out/" + name); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(dir+"/out/main", dir+"/main/copied"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("main", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	cs := &Checkouts{}
	for path, want := range map[string]string{
		"main/target": "main", "main/ws/target": "main", "link/target": "main", "w/target": "main", "w/deep/down/target": "main",
		"b/target": "bare.git", "sub/target": "main/.git/modules/sub", "lost/target": "gone", "plain/target": "plain",
		"out/x": "main", "out/y": "plain", "out/z": "plain/gone", "out/none": "out", "main/copied": "main",
	} {
		path = filepath.Join(dir, path)
		if got := cs.Project(&Tree{Path: path, Of: path}); got != filepath.Join(dir, want) {
			t.Errorf("%s is of %q, want %s", path, got, want)
		}
		undo := path + paths.UndoSuffix
		if err := os.Rename(path, undo); err != nil {
			continue
		}
		if got := cs.Project(&Tree{Path: undo, Of: path, Undo: true}); got != filepath.Join(dir, want) {
			t.Errorf("%s is of %q, want %s", undo, got, want)
		}
	}
}

func TestProjectsOfLayers(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"main/.git", "now/.git", "bare.git"} {
		if err := os.MkdirAll(filepath.Join(dir, path), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("main", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	reads := 0
	origins := map[string]*checkout.Origin{}
	cs := &Checkouts{store: Store{Manifest: func(id string) (*manifest.Manifest, error) {
		reads++
		if origins[id] == nil {
			return nil, errors.New("damaged")
		}
		return &manifest.Manifest{Origins: []checkout.Origin{*origins[id]}}, nil
	}}}
	for _, tt := range []struct {
		name, want string
		names      []string
		ino        uint64
	}{
		{"main", "main", []string{"main/.git"}, 0},
		{"by a link", "main", []string{"link/.git", "main/.git"}, 0},
		{"by a link alone", "main", []string{"link/.git"}, 0},
		{"by a name that is gone", "main", []string{"nowhere/.git", "main/.git"}, 0},
		{"gone", "before/.git2", []string{"before/.git2", "before/.git3"}, 0},
		{"gone, another beside it", "before", []string{"before/.git"}, 1},
		{"renamed", "now", []string{"before/.git"}, inode(dir + "/now/.git")},
		{"bare", "bare.git", []string{"bare.git"}, 0},
		{"without a repository", "origin", nil, 0},
	} {
		o := &checkout.Origin{Ino: tt.ino}
		for _, n := range tt.names {
			o.Names = append(o.Names, checkout.Name{Root: rooted.CommonDir, Text: paths.Path(filepath.Join(dir, n))})
		}
		origins[tt.name] = o
		r := &record.Record{ID: tt.name, Origin: filepath.Join(dir, "origin"), Fingerprint: tt.name}
		if got := cs.ProjectOfLayer(r); got != filepath.Join(dir, tt.want) {
			t.Errorf("%s: of %q, want %s", tt.name, got, tt.want)
		}
	}
	r := &record.Record{ID: "damaged", Origin: "/o"}
	if got := cs.ProjectOfLayer(r); got != "/o" {
		t.Errorf("of a damaged layer: %q, want its origin", got)
	}
	// Of a thousand layers of one project few are read.
	before := reads
	for range 1000 {
		cs.ProjectOfLayer(&record.Record{ID: "main", Origin: "/o", Fingerprint: "f"})
	}
	if reads != before+1 {
		t.Errorf("%d manifests were read of one project", reads-before)
	}
}
