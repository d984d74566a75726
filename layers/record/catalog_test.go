package record

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func FuzzDecodeCatalog(f *testing.F) {
	f.Add([]byte(catalogHeader + `{"layer":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","fingerprint":"x"}` + "\n"))
	f.Add([]byte(catalogHeader + `{"layer":"`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := decodeCatalog(b)
		for id := range c {
			if r := c.record(id); r != nil && r.ID != id {
				t.Errorf("the line of %s is about %s", id, r.ID)
			}
		}
		if c == nil {
			return
		}
		if again := decodeCatalog(c.encode()); len(again) != len(c) {
			t.Errorf("%d lines read, %d written and read again", len(c), len(again))
		}
	})
}

// A record may be anything; one that is about the layer comes back as it was written.
func FuzzRecord(f *testing.F) {
	const id = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	f.Add([]byte(`{"layer":"` + id + `","sealed":"2026-01-02T03:04:05Z","fingerprint":"x","units":3,"profiles":["debug"]}`))
	f.Add([]byte(`{"layer":"` + id + `","origin":"../../etc","label":"\u001b[2J"}`))
	f.Add([]byte(`{"layer":7,"units":"many"}`))
	f.Add([]byte("[" + `{"layer":`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := parse(text, id)
		if err != nil {
			return
		}
		rs := In(t.TempDir())
		if err := os.Mkdir(filepath.Dir(rs.Path(id)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := rs.Write(*r); err != nil {
			return // a time that JSON cannot write
		}
		again, err := rs.Read(id)
		if err != nil {
			t.Fatal(err)
		}
		if want, got := fmt.Sprintf("%+v", *r), fmt.Sprintf("%+v", *again); want != got {
			t.Errorf("wrote %s, read %s", want, got)
		}
	})
}
