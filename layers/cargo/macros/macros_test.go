package macros

import "testing"

// Each entry is one that a version can be in, and names a macro once a range.
func TestKnown(t *testing.T) {
	for i, r := range known {
		if r.From == "" || r.Below == "" || compareVersions(r.From, r.Below) >= 0 {
			t.Errorf("%s: nothing was read from %q to %q", r.Name, r.From, r.Below)
		}
		if !r.covers(r.Name, r.From) || r.covers(r.Name, r.Below) || r.covers(r.Name+"x", r.From) {
			t.Errorf("%s: the range does not end where it says", r.Name)
		}
		if i > 0 && known[i-1].Name > r.Name {
			t.Errorf("%s stands after %s", r.Name, known[i-1].Name)
		}
	}
}

func TestCompareVersions(t *testing.T) {
	ordered := []string{"", "0.0.1", "0.9.10", "0.10.0", "1.0.0", "1.0.9", "1.0.10", "1.0.100", "2.0.0", "99999999.0.0"}
	for i, a := range ordered {
		for j, b := range ordered {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := compareVersions(a, b); got != want {
				t.Errorf("compareVersions(%q, %q) = %d; want %d", a, b, got, want)
			}
		}
	}
	for _, same := range []string{"1.2.3", "1.2.3-rc.1", "1.2.3+9.9", "1.2.3-a+b"} {
		if compareVersions(same, "1.2.3") != 0 {
			t.Errorf("%s is not of release 1.2.3", same)
		}
	}
}

func FuzzVersionNumbers(f *testing.F) {
	for _, s := range []string{"1.2.3", "1.0.0-rc.1+x", "99999999999999999999999.1", "a.b.c", "1..2", "-", ""} {
		f.Add(s, "1.0.0")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, n := range versionNumbers(a) {
			if n < 0 {
				t.Fatalf("versionNumbers(%q) = %v", a, versionNumbers(a))
			}
		}
		if compareVersions(a, b) != -compareVersions(b, a) || compareVersions(a, a) != 0 {
			t.Fatalf("no order: %q, %q", a, b)
		}
	})
}
