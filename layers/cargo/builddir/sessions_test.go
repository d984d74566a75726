package builddir

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Of a crate's sessions the newest finished one stays, whole, with its lock.
func TestOldSessions(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	const many, one, none = "debug/incremental/many-1/", "debug/incremental/one-2/", "debug/incremental/none-3/"
	for _, session := range []string{
		many + "s-hcyv000001-1aaaaaa-0hash", many + "s-hcyv000003-1cccccc-0hash", many + "s-hcyv000002-1bbbbbb-0hash", many + "s-hcyv000004-1dddddd-working",
		one + "s-hcyv000001-1aaaaaa-0hash", none + "s-hcyv000001-1aaaaaa-working",
	} {
		file(session + "/dep-graph.bin")
		file(filepath.Dir(session) + "/" + filepath.Base(session)[:20] + ".lock")
	}
	got, err := OldSessions(dir, []string{"debug", "release"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		many + "s-hcyv000001-1aaaaaa-0hash", many + "s-hcyv000002-1bbbbbb-0hash", many + "s-hcyv000004-1dddddd-working",
		many + "s-hcyv000001-1aaaaaa.lock", many + "s-hcyv000002-1bbbbbb.lock", many + "s-hcyv000004-1dddddd.lock",
		none + "s-hcyv000001-1aaaaaa-working", none + "s-hcyv000001-1aaaaaa.lock",
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("old sessions\n%v, want\n%v", got, want)
	}
}
