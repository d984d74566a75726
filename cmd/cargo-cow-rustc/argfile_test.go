package main

import (
	"os"
	"strings"
	"testing"
)

// A call whose arguments are in a file runs as it is, where it is.
func TestArgumentFile(t *testing.T) {
	s := newStand(t, `pwd; echo "$*"`)
	file := s.dir + "/cargo-argfile.1"
	if err := os.WriteFile(file, []byte(strings.Join(s.argv[1:], "\n")+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	s.argv = []string{s.argv[0], "@" + file}
	code, stdout, stderr := s.run()
	if want := s.dir + "/b\n@" + file + "\n"; code != 0 || stdout != want || stderr != "" {
		t.Errorf("exit status %d, standard output\n%s\nwant\n%s\nstandard error\n%s", code, stdout, want, stderr)
	}
	if s.marked() {
		t.Error("the state is noted as made elsewhere")
	}
}
