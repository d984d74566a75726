package inside

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
)

// built is a package that was built, with something that a killed compiler has left.
func built(t *testing.T) (co *layers.Checkout, left string) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(dir+"/"+name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("Cargo.toml", "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2021\"\n")
	write("src/lib.rs", "pub fn one() {}\n")
	cmd := exec.Command("cargo", "build", "--offline")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CARGO_TARGET_DIR="+dir+"/target", "CARGO_INCREMENTAL=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cargo build: %v: %s", err, out)
	}
	write("target/debug/deps/rmetaAbC123/full.rmeta", "12345")
	tool := project.Tool{Cargo: "cargo", Dir: dir, Environ: cmd.Env}
	ws, err := project.Locate(t.Context(), tool)
	if err != nil {
		t.Fatal(err)
	}
	return &layers.Checkout{Tool: tool, Workspace: ws}, dir + "/target/debug/deps/rmetaAbC123"
}

// showing returns what is said, on both streams.
func showing(t *testing.T, co *layers.Checkout, o Options, json bool) (string, error) {
	t.Helper()
	var out, messages bytes.Buffer
	term, err := ui.New(&out, &messages, nil, ui.Options{JSON: json, Color: "never"})
	if err != nil {
		t.Fatal(err)
	}
	err = Show(t.Context(), term, co, o)
	return out.String() + messages.String(), err
}

func TestShow(t *testing.T) {
	co, left := built(t)
	wants := func(said string, err error, words ...string) {
		t.Helper()
		if err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		for _, w := range words {
			if !strings.Contains(said, w) {
				t.Errorf("no %q in\n%s", w, said)
			}
		}
	}
	said, err := showing(t, co, Options{DryRun: true}, false)
	wants(said, err, "Would remove 1 leftover", "temporary files of killed compilers")
	if _, err := os.Stat(left); err != nil {
		t.Error(err)
	}

	lock, err := os.OpenFile(filepath.Dir(filepath.Dir(left))+"/.cargo-lock", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if _, err := showing(t, co, Options{}, false); !errors.Is(err, layers.ErrBusy) || exit.Code(err) != exit.Busy || !strings.Contains(err.Error(), "a build runs") {
		t.Errorf("while a build runs: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}

	said, err = showing(t, co, Options{}, true)
	wants(said, err, `{"reason":"leftover","why":"temporary","unit":"rmetaAbC123","profile":"debug","paths":["debug/deps/rmetaAbC123"],"bytes":5}`,
		`"removed":1,"failed":0,"bytes":5}`)
	if _, err := os.Stat(left); err == nil {
		t.Error("it is still there")
	}
	said, err = showing(t, co, Options{}, false)
	wants(said, err, "Unchanged")
	said, err = showing(t, co, Options{Incremental: true}, false)
	wants(said, err, "crates with incremental state", "Removed 1 leftover")

	if err := os.RemoveAll(co.Workspace.BuildDir); err != nil {
		t.Fatal(err)
	}
	said, err = showing(t, co, Options{}, false)
	wants(said, err, "it is not there")
}
