package paths

import "testing"

func TestUnder(t *testing.T) {
	for _, tt := range []struct {
		path, dir, rel string
		ok             bool
	}{
		{"/a/b", "/a", "b", true},
		{"/a", "/a", "", true},
		{"/ab", "/a", "", false},
		{"/a", "/a/b", "", false},
		{"/", "/a", "", false},
		{"/a", "", "", false},
	} {
		if rel, ok := Under(tt.path, tt.dir); rel != tt.rel || ok != tt.ok {
			t.Errorf("Under(%q, %q) = %q, %v", tt.path, tt.dir, rel, ok)
		}
	}
}

func TestIsClean(t *testing.T) {
	for path, want := range map[string]bool{
		"/a/b": true, "/a b/ä\xff": true, "/": false, "": false, "a": false, "/a/": false, "/a/../b": false, "/a//b": false, "/a\nb": false, "/a\x00": false,
	} {
		if IsClean(path) != want {
			t.Errorf("%q is clean: %v", path, !want)
		}
	}
}

func TestWhereAPathEnds(t *testing.T) {
	const dir = "/w/a"
	for _, tt := range []struct {
		text             string
		may, seems, must bool
	}{
		{"/w/a", true, true, true},
		{"/w/a/src", true, true, true},
		{"/w/a:/w/b", true, true, true},
		{`"/w/a"`[1:], true, true, true},
		{"/w/a)", true, true, false},
		{"/w/a\n", true, true, false},
		{`/w/a\`, true, true, false},
		{"/w/a`", true, true, false},
		{"/w/a.git", true, false, false},
		{"/w/a@2", true, false, false},
		{"/w/a+x", true, false, false},
		{"/w/a~", true, false, false},
		{"/w/a-fix", false, false, false},
		{"/w/a_1", false, false, false},
		{"/w/ab", false, false, false},
		{"/w/a1", false, false, false},
		{"/w/aä", false, false, false},
	} {
		n := len(dir)
		if may, seems, must := MayEnd(tt.text, n), SeemsToEnd(tt.text, n), MustEnd(tt.text, n); may != tt.may || seems != tt.seems || must != tt.must {
			t.Errorf("%q: may %v, seems %v, must %v", tt.text, may, seems, must)
		}
	}
}

// What must end seems to, and what seems to may.
func TestTheRulesAreOrdered(t *testing.T) {
	for c := range 256 {
		text := string([]byte{byte(c)})
		may, seems, must := MayEnd(text, 0), SeemsToEnd(text, 0), MustEnd(text, 0)
		if must && !seems || seems && !may {
			t.Errorf("%q: may %v, seems %v, must %v", text, may, seems, must)
		}
	}
}
