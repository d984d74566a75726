package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	text := "package p\n\nfunc FuzzOne(f *testing.F) {}\n// func FuzzTwo(f *testing.F)\nfunc TestX(t *testing.T) {}\nfunc FuzzThree(tf *testing.F) {\n"
	if got := names([]byte(text)); !slices.Equal(got, []string{"FuzzOne", "FuzzThree"}) {
		t.Errorf("got %q", got)
	}
}

func TestSmallest(t *testing.T) {
	dir := t.TempDir()
	for i := range 10 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), []byte(strings.Repeat("x", i)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "large"), make([]byte, largestKept+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := smallest(dir, 5); err != nil || !slices.Equal(got, []string{"0", "2", "4", "6", "8"}) {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := smallest(filepath.Join(dir, "none"), 5); err != nil || got != nil {
		t.Errorf("of no directory: %q, %v", got, err)
	}
}

func TestOnlyTimeUp(t *testing.T) {
	const began = "fuzz: elapsed: 0s, gathering baseline coverage: 22/22 completed, now fuzzing with 1 workers\nfuzz: elapsed: 2s, execs: 28760 (12161/sec), new interesting: 3 (total: 25)\n"
	for _, test := range []struct {
		out  string
		want bool
	}{
		{began + "--- FAIL: FuzzParse (2.37s)\n    context deadline exceeded\nFAIL\n", true},
		{began + "--- FAIL: FuzzParse (2.37s)\n    --- FAIL: FuzzParse (0.00s)\n        x_test.go:9: context deadline exceeded\n    \n    Failing input written to testdata/fuzz/FuzzParse/8ec86a9b\nFAIL\n", false},
		{began + "--- FAIL: FuzzParse (2.37s)\n    context deadline exceeded\n    Failing input written to testdata/fuzz/FuzzParse/8ec86a9b\nFAIL\n", false},
		{began + "panic: context deadline exceeded\n--- FAIL: FuzzParse (2.37s)\n    context deadline exceeded\nFAIL\n", false},
		{began + "PASS\n", false},
	} {
		if got := onlyTimeUp([]byte(test.out)); got != test.want {
			t.Errorf("%v, want %v, of\n%s", got, test.want, test.out)
		}
	}
}
