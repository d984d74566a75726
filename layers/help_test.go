package layers

import "testing"

func TestUserName(t *testing.T) {
	if got := UserName(0); got != "root" {
		t.Errorf("got %q", got)
	}
	if got := UserName(31007); got != "31007" {
		t.Errorf("a user without a name: got %q", got)
	}
}

func TestShellWord(t *testing.T) {
	for text, want := range map[string]string{"/a/b-c_1.d": "/a/b-c_1.d", "/a b": "'/a b'", "/it's": `'/it'\''s'`, "": "''", "/ä": "/ä", "/$x": "'/$x'"} {
		if got := shellWord(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
