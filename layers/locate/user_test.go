package locate

import "testing"

func TestUserOf(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  map[string]string
		want User
	}{
		{"home", map[string]string{"HOME": "/h"}, User{"/h/.config/cargo-cow", "/h/.local/share/cargo-cow", "/h/.cache/cargo-cow"}},
		{"own", map[string]string{"HOME": "/h", "XDG_DATA_HOME": "/d/", "XDG_CACHE_HOME": "/c"}, User{"/h/.config/cargo-cow", "/d/cargo-cow", "/c/cargo-cow"}},
		{"relative", map[string]string{"HOME": "/h", "XDG_CONFIG_HOME": "c"}, User{"/h/.config/cargo-cow", "/h/.local/share/cargo-cow", "/h/.cache/cargo-cow"}},
		{"no home", map[string]string{"XDG_CACHE_HOME": "/c"}, User{"", "", "/c/cargo-cow"}},
		{"relative home", map[string]string{"HOME": "h"}, User{}},
		{"home at the top", map[string]string{"HOME": "/"}, User{"/.config/cargo-cow", "/.local/share/cargo-cow", "/.cache/cargo-cow"}},
		{"nothing", nil, User{}},
	} {
		u := UserOf(func(name string) string { return tt.env[name] })
		if u != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, u, tt.want)
		}
		if (u.ConfigFile() == "") != (u.Config == "") || (u.Answers() == "") != (u.Cache == "") || (u.Wrappers() == "") != (u.Data == "") {
			t.Errorf("%s: what is below nothing: %q, %q, %q", tt.name, u.ConfigFile(), u.Answers(), u.Wrappers())
		}
	}
	u := User{"/h/.config/cargo-cow", "/d/cargo-cow", "/c/cargo-cow"}
	if u.ConfigFile() != "/h/.config/cargo-cow/config.yaml" || u.Answers() != "/c/cargo-cow-answers" || u.Wrappers() != "/d/cargo-cow/wrappers" {
		t.Errorf("%q, %q, %q", u.ConfigFile(), u.Answers(), u.Wrappers())
	}
}

// Nothing is read in the root of the file system where a user has no data.
func TestNoData(t *testing.T) {
	if Chosen("") != "" || Made("") != nil || AddMade("", "/s") != nil {
		t.Error("there is data of nobody's")
	}
}
