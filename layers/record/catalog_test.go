package record

import "testing"

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
