package project_test

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project/projecttest"
)

// Whatever changed, a kept answer is the one that would be given now.
func TestAskMemo(t *testing.T) {
	for _, tt := range projecttest.Changes {
		t.Run(tt.Name, func(t *testing.T) {
			dir := cargotest.RealTempDir(t)
			s := projecttest.New(t, dir)
			if _, asked := s.Ask(t); !asked {
				t.Fatal("the first time nobody was asked")
			}
			tt.Change(t, dir, s)
			got, asked := s.Ask(t)
			if asked != tt.Ask {
				t.Errorf("asked = %v, want %v", asked, tt.Ask)
			}
			s.Tool.Memo = ""
			want, _ := s.Ask(t)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("kept answer %+v, %+v; now %+v, %+v", got.Workspace, got.Toolchain, want.Workspace, want.Toolchain)
			}
		})
	}
}

// One answer serves every checkout with the same manifests.
func TestAskMemoServesWorktree(t *testing.T) {
	dir := cargotest.RealTempDir(t)
	s := projecttest.New(t, dir)
	s.Ask(t)
	if err := os.CopyFS(dir+"/other", os.DirFS(dir+"/ws")); err != nil {
		t.Fatal(err)
	}
	s.Tool.Dir = dir + "/other"
	got, asked := s.Ask(t)
	if asked {
		t.Error("the copy was asked about again")
	}
	if got.Workspace.Root != dir+"/other" || got.Workspace.BuildDir != dir+"/other/target" || len(got.Workspace.Packages) != 2 ||
		got.Workspace.Packages[0].Root != filepath.Join(dir, "other/crates/a") {
		t.Errorf("the copy is %+v", got.Workspace)
	}
}
