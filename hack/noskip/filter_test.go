package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const events = `{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:3: chatter\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:4: needs root\n"}
{"Action":"output","Package":"p","Test":"TestB","Output":"--- SKIP: TestB (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestC","Output":"    c_test.go:5: got 1, want 2\n"}
{"Action":"output","Package":"p","Test":"TestC","Output":"--- FAIL: TestC (0.00s)\n"}
{"Action":"fail","Package":"p","Test":"TestC"}
{"Action":"output","Package":"p","Test":"TestD","Output":"panic: at the disco\n"}
{"Action":"output","Package":"p","Output":"PASS\n"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.010s\n"}
{"Action":"output","Package":"q","Output":"?   \tq\t[no test files]\n"}
{"Action":"skip","Package":"q"}
go: not an event
`

func TestFilter(t *testing.T) {
	var out strings.Builder
	skipped, err := filter(strings.NewReader(events), &out)
	if err != nil {
		t.Fatal(err)
	}
	want := "    c_test.go:5: got 1, want 2\n--- FAIL: TestC (0.00s)\n" +
		"ok  \tp\t0.010s\n?   \tq\t[no test files]\ngo: not an event\npanic: at the disco\n"
	if out.String() != want {
		t.Errorf("filter printed %q, want %q", out.String(), want)
	}
	if len(skipped) != 1 || skipped[0].Test != "TestB" || !strings.Contains(skipped[0].Reason, "needs root") {
		t.Errorf("filter found skipped tests %+v, want TestB with its reason", skipped)
	}
}

// The exit code is the point of the program, so a real go test is run for it.
func TestRunExitCode(t *testing.T) {
	tests := []struct {
		name, body  string
		skipsFail   bool
		code        int
		complaining bool
	}{
		{"pass", "", true, 0, false},
		{"fail", `t.Fatal("no")`, false, 1, false},
		{"skip tolerated", `t.Skip("no")`, false, 0, false},
		{"skip in CI", `t.Skip("no")`, true, 0, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "go.mod"), "module m\n")
			write(t, filepath.Join(dir, "m_test.go"), "package m\nimport \"testing\"\nfunc TestM(t *testing.T) { "+test.body+" }\n")
			t.Chdir(dir)
			code, err := run([]string{"."}, test.skipsFail)
			if code != test.code || (err != nil) != test.complaining {
				t.Errorf("run = %d, %v; want %d, an error: %v", code, err, test.code, test.complaining)
			}
		})
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
