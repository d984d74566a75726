package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
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
	sum, err := filter(strings.NewReader(events), &out)
	if err != nil {
		t.Fatal(err)
	}
	want := "    c_test.go:5: got 1, want 2\n--- FAIL: TestC (0.00s)\n" +
		"ok  \tp\t0.010s\n?   \tq\t[no test files]\ngo: not an event\npanic: at the disco\n"
	if out.String() != want {
		t.Errorf("filter printed %q, want %q", out.String(), want)
	}
	if skipped := sum.skipped; len(skipped) != 1 || skipped[0].Test != "TestB" || !strings.Contains(skipped[0].Reason, "needs root") {
		t.Errorf("filter found skipped tests %+v, want TestB with its reason", skipped)
	}
}

// Where the time goes: tests, not what only waits for its subtests, nor packages.
func TestSlowest(t *testing.T) {
	const times = `{"Action":"run","Package":"p","Test":"TestA/x/y"}
{"Action":"pass","Package":"p","Test":"TestA/x/y","Elapsed":3.5}
{"Action":"pass","Package":"p","Test":"TestA/x","Elapsed":9}
{"Action":"fail","Package":"p","Test":"TestA/z","Elapsed":4}
{"Action":"fail","Package":"p","Test":"TestA","Elapsed":12}
{"Action":"pass","Package":"q","Test":"TestA","Elapsed":3.5}
{"Action":"skip","Package":"q","Test":"TestB","Elapsed":99}
{"Action":"pass","Package":"q","Test":"TestC","Elapsed":0.1}
{"Action":"pass","Package":"q","Elapsed":80}
`
	sum, err := filter(strings.NewReader(times), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	want := []id{{"p", "TestA/z"}, {"p", "TestA/x/y"}, {"q", "TestA"}, {"q", "TestC"}}
	if got := sum.slowest(10); !slices.Equal(got, want) {
		t.Errorf("slowest tests %v, want %v", got, want)
	}
	if tests, all := sum.count(); tests != 3 || all != 6 {
		t.Errorf("%d tests ran, %d with their subtests; want 3 and 6", tests, all)
	}
	if got := sum.slowest(1); !slices.Equal(got, want[:1]) || sum.took[got[0]] != 4*time.Second {
		t.Errorf("the slowest is %v, %v", got, sum.took)
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
