package unasked

import (
	"os"
	"testing"
	"time"
)

func TestAccount(t *testing.T) {
	store := t.TempDir()
	if o := Read(store, "/a/target"); o != nil {
		t.Fatalf("before anything was noted: %+v", o)
	}
	want := Outcome{BuildDir: "/a/target", At: time.Unix(5, 0).UTC(), Took: 7, Restored: "x", Sealed: "y", Of: "/b", Why: "z"}
	Note(store, want)
	if got := Read(store, "/a/target"); got == nil || *got != want {
		t.Fatalf("%+v, want %+v", got, want)
	}
	if o := Read(store, "/b/target"); o != nil {
		t.Fatalf("of another one: %+v", o)
	}
	if err := os.WriteFile(file(store, "/b/target"), []byte(`{"build_dir":"/a/target"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if o := Read(store, "/b/target"); o != nil {
		t.Fatalf("an account of another one: %+v", o)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"build_dir":"/a","at":"2026-01-01T00:00:00Z","took_ms":3}`))
	f.Add([]byte(`{"build_dir":`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if o := parse(text, "/a"); o != nil && o.BuildDir != "/a" {
			t.Errorf("%q: %+v", text, o)
		}
	})
}
