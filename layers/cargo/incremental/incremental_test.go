package incremental

import (
	"os"
	"path/filepath"
	"testing"
)

func TestNewest(t *testing.T) {
	tests := []struct {
		sessions []string
		want     string
	}{
		{nil, ""},
		{[]string{"s-hcyv000001-1aaaaaa-working"}, ""},
		{[]string{"s-hcyv000001-1aaaaaa-0hash", "s-hcyv000003-1cccccc-0hash", "s-hcyv000002-1bbbbbb-0hash", "s-hcyv000004-1dddddd-working"}, "s-hcyv000003-1cccccc-0hash"},
		{[]string{"other"}, ""},
	}
	for _, tt := range tests {
		if got := Newest(tt.sessions); got != tt.want {
			t.Errorf("Newest(%q) = %q, want %q", tt.sessions, got, tt.want)
		}
	}
}

func TestIsLockOf(t *testing.T) {
	const s = "s-hcyv000001-1aaaaaa-0hash"
	for lock, want := range map[string]bool{"s-hcyv000001-1aaaaaa.lock": true, "s-hcyv000001-1bbbbbb.lock": false, "s-hcyv000001-1aaaa.lock": false} {
		if got := IsLockOf(lock, s); got != want {
			t.Errorf("%s: lock of %s: %v", lock, s, got)
		}
	}
	if IsLockOf("s-hcyv000001-1aaaaaa.lock", "") {
		t.Error("a lock belongs to no session at all")
	}
}

func TestAny(t *testing.T) {
	dir := t.TempDir()
	for _, session := range []string{"one-1abc/s-1-1-hash", "unfinished-1abc/s-1-1-working", "empty-1abc", "long_name-1abc/s-1-1-hash"} {
		if err := os.MkdirAll(filepath.Join(dir, session), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for crate, want := range map[string]bool{"one": true, "unfinished": false, "empty": false, "long": false, "long_name": true, "on": false} {
		if got := Any(dir, crate); got != want {
			t.Errorf("%s has a session: %v", crate, got)
		}
	}
	if Any(filepath.Join(dir, "absent"), "one") {
		t.Error("a session in no directory")
	}
}

// A directory may have any names in it.
func FuzzNewest(f *testing.F) {
	f.Add("s-a-b-c", "s-a-b.lock", "s-z-working")
	f.Add("", "-", "s-")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		newest := Newest([]string{a, b, c})
		if newest == "" {
			return
		}
		if !IsSession(newest) || !isFinished(newest) || newest != a && newest != b && newest != c {
			t.Errorf("of %q, %q and %q the newest is %q", a, b, c, newest)
		}
		if IsLockOf(newest, newest) {
			t.Errorf("%q is its own lock", newest)
		}
	})
}
