package bulk

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cargo-cow/cargo-cow/hack/project"
	"github.com/cargo-cow/cargo-cow/layers/cargo/fingerprint"
)

func TestFill(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a workspace")
	}
	dir := filepath.Join(t.TempDir(), "workspace")
	if err := project.Workspace(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	built, err := project.Cargo(t.Context(), dir, nil, "build", "--locked")
	if err != nil {
		t.Fatal(err)
	}
	profile := filepath.Join(dir, "target", "debug")
	before, err := Count(profile)
	if err != nil {
		t.Fatal(err)
	}
	const want = 100
	added, err := Fill(profile, want)
	if err != nil {
		t.Fatal(err)
	}
	after, err := Count(profile)
	if err != nil {
		t.Fatal(err)
	}
	if after-before != added || added < want || added >= want+FilesPerUnit {
		t.Errorf("Fill says %d files, there are %d more; want %d in whole units", added, after-before, want)
	}

	files, err := filepath.Glob(filepath.Join(profile, ".fingerprint", "*", "lib-*.json"))
	if err != nil {
		t.Fatal(err)
	}
	hashes := map[string]string{}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := fingerprint.Parse(data)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		hash, err := os.ReadFile(path[:len(path)-len(".json")])
		if err != nil {
			t.Fatal(err)
		}
		if want := fingerprint.FormatHash(f.Hash()); string(hash) != want {
			t.Errorf("%s: hash file says %s, the fingerprint hashes to %s", path, hash, want)
		}
		if other, ok := hashes[string(hash)]; ok {
			t.Errorf("%s and %s have one hash", path, other)
		}
		hashes[string(hash)] = path
	}

	again, err := project.Cargo(t.Context(), dir, nil, "build", "--locked")
	if err != nil {
		t.Fatal(err)
	}
	if len(again.Compiled()) != 0 || len(again.Units) != len(built.Units) {
		t.Errorf("after Fill cargo compiled %v", again.Compiled())
	}
}

func TestFillWithoutTemplate(t *testing.T) {
	if _, err := Fill(t.TempDir(), 7); err == nil {
		t.Error("Fill of an empty directory succeeded")
	}
}
