package asking

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/calls"
)

// A compilation and a script are noted as they were called. The script says what it said; one that never ran fails.
func TestAnswer(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	out := filepath.Join(dir, "out")
	if err := os.WriteFile(out+calls.SaidSuffix, []byte("cargo:rustc-cfg=said\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	asked := calls.Variable + "=" + dir
	for _, tt := range []struct {
		name           string
		args, env      []string
		code           int
		stdout, stderr string // how they begin
		noted          bool
	}{
		{"compilation", []string{"/no/rustc", "--crate-name", "a"}, []string{asked}, 0, "", "", true},
		{"script", []string{"/build/script"}, []string{asked, "OUT_DIR=" + out}, 0, "cargo:rustc-cfg=said\n", "", true},
		{"script that never ran", []string{"/build/script"}, []string{asked, "OUT_DIR=" + out + "/none"}, 1, "", "", true},
		{"question", []string{"/no/rustc", "-vV"}, []string{asked}, 1, "", "error: run compiler:", false},
		{"nowhere to note", []string{"/no/rustc", "a.rs"}, []string{calls.Variable + "=" + dir + "/none"}, 1, "", "error: note call:", false},
		{"nothing", nil, []string{asked}, 1, "", "", false},
	} {
		var stdout, stderr bytes.Buffer
		code := Answer(tt.args, tt.env, &stdout, &stderr)
		if code != tt.code || stdout.String() != tt.stdout || !strings.HasPrefix(stderr.String(), tt.stderr) || (tt.stderr == "") != (stderr.Len() == 0) {
			t.Errorf("%s: %d, said %q, %q", tt.name, code, stdout.String(), stderr.String())
		}
		noted, err := calls.Take(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(noted) > 0 != tt.noted || tt.noted && (!slices.Equal(noted[0].Args, tt.args) || !slices.Equal(noted[0].Env, tt.env) || noted[0].Dir != dir) {
			t.Errorf("%s: noted %+v", tt.name, noted)
		}
	}
}

func TestAsked(t *testing.T) {
	if !Asked([]string{"A=b", calls.Variable + "=/d"}) || Asked([]string{"A=b"}) || Asked(nil) {
		t.Error("who asks is not told by the variable")
	}
}
