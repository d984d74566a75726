package spawn

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// The codes are those of a shell.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	noProgram := filepath.Join(dir, "text")
	if err := os.WriteFile(noProgram, []byte("text"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args         []string
		code, failed int
	}{
		{[]string{"true"}, 0, 0},
		{[]string{"sh", "-c", "exit 3"}, 3, 0},
		{[]string{"sh", "-c", "kill -TERM $$"}, 128 + 15, 0},
		{[]string{filepath.Join(dir, "nothing")}, 0, 127},
		{[]string{"cargo-cow-no-such-program"}, 0, 127},
		{[]string{noProgram}, 0, 126},
	} {
		code, err := (&Command{Args: tt.args}).Run()
		failed := 0
		var start *StartError
		if errors.As(err, &start) {
			failed = start.Code
		} else if err != nil {
			t.Fatal(err)
		}
		if code != tt.code || failed != tt.failed {
			t.Errorf("%q: code %d, %v; want %d, or not started with %d", tt.args, code, err, tt.code, tt.failed)
		}
	}
}

func TestRunStreams(t *testing.T) {
	var out, err bytes.Buffer
	c := Command{
		Args: []string{"sh", "-c", "cat; pwd; echo $A >&2"}, Dir: "/", Environ: []string{"A=a"},
		Stdin: bytes.NewReader([]byte("in\n")), Stdout: &out, Stderr: &err,
	}
	if code, e := c.Run(); code != 0 || e != nil || out.String() != "in\n/\n" || err.String() != "a\n" {
		t.Errorf("%d, %v: %q, %q", code, e, &out, &err)
	}
}
