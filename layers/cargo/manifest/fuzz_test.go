package manifest

import (
	"bytes"
	"os"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// A manifest may be anything. What is read from one leads nowhere out of the build
// directory, and comes back as it was written.
func FuzzDecode(f *testing.F) {
	good, err := os.ReadFile("testdata/sample.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add(bytes.ReplaceAll(good, []byte("debug"), []byte("..")))
	f.Add([]byte(`{"format":`))
	f.Add(bytes.Repeat([]byte(`{"nested":[{"path":"a","manifest":`), 100))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := Decode(text)
		if err != nil {
			return
		}
		for _, u := range m.Units {
			for _, p := range append([]paths.Path{u.Record}, u.Stamp...) {
				if !paths.IsLocal(string(p)) {
					t.Errorf("%q leads out of the build directory", p)
				}
			}
			if !paths.IsLocal(u.DepFile()) {
				t.Errorf("%q leads out of the build directory", u.DepFile())
			}
		}
		once, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Decode(once)
		if err != nil {
			t.Fatal(err)
		}
		if twice, err := again.Encode(); err != nil || !bytes.Equal(once, twice) {
			t.Errorf("written %s, and then %s (%v)", once, twice, err)
		}
	})
}
