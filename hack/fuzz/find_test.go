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
