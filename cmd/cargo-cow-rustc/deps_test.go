package main

import (
	"flag"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite testdata/deps.txt")

// What the program imports is run through at each start, hundreds of times a
// build. Something new is to be a decision.
func TestDependencies(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Fields(string(out))
	// Which of these there are is Go's business, and its next version's.
	got = slices.DeleteFunc(got, func(p string) bool { return strings.Contains(p, "internal") && !strings.Contains(p, ".") })
	slices.Sort(got)
	const file = "testdata/deps.txt"
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(got, "\n")+"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(string(text))
	for _, p := range got {
		if !slices.Contains(want, p) {
			t.Errorf("%s is new; go test -run TestDependencies -update, if it is worth its start", p)
		}
		for _, heavy := range []string{"github.com/spf13", "encoding/json", "net", "os/exec", "database/sql", "runtime/cgo", "modernc.org", "regexp"} {
			if p == heavy || strings.HasPrefix(p, heavy+"/") {
				t.Errorf("%s is not for a program that starts for each unit", p)
			}
		}
	}
	for _, p := range want {
		if !slices.Contains(got, p) {
			t.Errorf("%s is gone; go test -run TestDependencies -update", p)
		}
	}
}
