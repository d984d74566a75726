package open

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo/config"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
)

func TestCheckBuildDir(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	s := session(t, dir)
	co := &layers.Checkout{Workspace: &project.Workspace{Root: dir, BuildDir: filepath.Join(dir, "target")}}
	for _, arg := range []string{"target", "./target/", filepath.Join(dir, "target"), filepath.Join(link, "target"), "x/../target"} {
		if err := s.CheckBuildDir(co, arg); err != nil {
			t.Errorf("%s: %v", arg, err)
		}
	}
	var help *layers.HelpError
	if err := s.CheckBuildDir(co, "out"); !errors.As(err, &help) || !strings.Contains(help.Help, "build.build-dir") {
		t.Errorf("out: got %v", err)
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
