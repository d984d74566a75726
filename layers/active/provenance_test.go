package active

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
)

// What a build directory says of itself may be anything, and is then nothing; what was
// written comes back.
func FuzzProvenance(f *testing.F) {
	f.Add([]byte(`{"layer":"0123456789abcdef0123456789abcdef","restored":7,"placed":9,"lacked":["/a"]}`))
	f.Add([]byte(`{"layer":7,"restored":[],"lacked":"x"}`))
	f.Add([]byte(`{"noted":[{"unit":"x","reason":null}],"lacked":[""]}`))
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p := parseProvenance(text)
		if p.OfLayer() != digest.Is(p.Layer) {
			t.Errorf("%q is taken for a layer", p.Layer)
		}
		dir := t.TempDir()
		if err := p.Write(dir); err != nil {
			t.Fatal(err)
		}
		if got := ReadProvenance(dir); !reflect.DeepEqual(normal(got), normal(p)) {
			t.Errorf("wrote %+v, read %+v", p, got)
		}
	})
}

// normal makes lists of nothing none, as JSON does.
func normal(p Provenance) Provenance {
	if len(p.Lacked) == 0 {
		p.Lacked = nil
	}
	if len(p.Noted) == 0 {
		p.Noted = nil
	}
	return p
}

// A commit may bring links under all names that this program writes to in a build
// directory. Nothing is written where they lead.
func TestOwnFilesAreNotFollowed(t *testing.T) {
	for _, name := range []string{MetaDir, ManifestFile, ManifestFile + ".new", provenanceFile, provenanceFile + ".new", preparedFile, UnitCacheFile} {
		t.Run(name, func(t *testing.T) {
			dir, outside := t.TempDir(), t.TempDir()
			precious := filepath.Join(outside, "precious")
			if err := os.WriteFile(precious, []byte("precious"), 0o600); err != nil {
				t.Fatal(err)
			}
			to := precious
			if name == MetaDir {
				to = outside
			} else if err := os.Mkdir(filepath.Join(dir, MetaDir), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			if err := markPrepared(dir); err != nil {
				t.Error(err)
			}
			if err := (Provenance{Layer: "x"}).Write(dir); err != nil {
				t.Error(err)
			}
			if err := WriteFile(dir, ManifestFile, []byte("manifest")); err != nil {
				t.Error(err)
			}
			_ = AppendFile(dir, UnitCacheFile, []byte("more")) // may fail
			if b, err := os.ReadFile(precious); err != nil || string(b) != "precious" {
				t.Errorf("what a link leads to is now %q, %v", b, err)
			}
			if list, err := os.ReadDir(outside); err != nil || len(list) != 1 {
				t.Errorf("outside lies %v, %v", list, err)
			}
		})
	}
}

// The mark in a tree that was set aside is no way out of it, either.
func TestHidingIsNotFollowed(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(filepath.Join(outside, "made"), filepath.Join(dir, ignoreFile)); err != nil {
		t.Fatal(err)
	}
	if err := hideFromGit(dir); err != nil {
		t.Fatal(err)
	}
	if list, err := os.ReadDir(outside); err != nil || len(list) != 0 {
		t.Errorf("outside lies %v, %v", list, err)
	}
}
