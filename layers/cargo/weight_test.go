package cargo

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/lockfile"
)

func TestLockedSources(t *testing.T) {
	lock, err := lockfile.Parse([]byte(`version = 4

[[package]]
name = "own"
version = "0.1.0"

[[package]]
name = "a"
version = "1.0.0+meta"
source = "registry+https://registry.example/index"

[[package]]
name = "g"
version = "0.2.0"
source = "git+https://git.example/g?branch=main#1a2b3c4d5e6f708090a0b0c0d0e0f00112233445"
`))
	if err != nil {
		t.Fatal(err)
	}
	k := lockedSources(lock)
	for from, want := range map[string]bool{
		"registry/src/index-1/a-1.0.0+meta": true,
		"registry/src/index-1/a-1.0.1":      false,
		"registry/src/index-1/own-0.1.0":    false,
		"git/checkouts/g-1234/1a2b3c4":      true,
		"git/checkouts/g-1234/9a2b3c4":      false,
	} {
		if got := k.have(from); got != want {
			t.Errorf("%s: in the lockfile %v, want %v", from, got, want)
		}
	}
}

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
	got, err := oldSessions(dir, []string{"debug", "release"})
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

func TestRecordDir(t *testing.T) {
	for record, want := range map[string]unitDir{
		"debug/.fingerprint/a-b-0123456789abcdef":          {"debug", LayoutClassic, "a-b", "0123456789abcdef", ""},
		"t/release/build/a-b/0123456789abcdef/fingerprint": {"t/release", LayoutUnits, "a-b", "0123456789abcdef", ""},
	} {
		want.record = record
		if got := recordDir(record); got != want {
			t.Errorf("%s: %+v, want %+v", record, got, want)
		}
	}
}
