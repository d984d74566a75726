package locate

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

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
	if chosen("") != "" || made("") != nil || AddMade("", "/s") != nil {
		t.Error("there is data of nobody's")
	}
}

// Who runs below Cargo knows a directory in the build directory, and finds the rest.
func TestWithin(t *testing.T) {
	top := t.TempDir()
	app, out := top+"/app", top+"/app/target/debug/deps"
	if err := os.MkdirAll(out, 0o777); err != nil {
		t.Fatal(err)
	}
	want := Question{
		BuildDir: out, Remembered: []Remembered{{"/s/one", true}, {"/s/two", false}}, Noted: Remembered{"/s/noted", false},
		Configured: "/s/configured", Data: top + "/data/cargo-cow", Cache: top + "/cache/cargo-cow",
	}
	memory, err := json.Marshal(map[string]any{"version": 2, "stores": want.Remembered})
	if err != nil {
		t.Fatal(err)
	}
	write(t, app+"/.git/"+paths.RepositoryMemory, string(memory))
	write(t, top+"/config/cargo-cow/"+paths.UserConfig, "store: /s/configured\n")
	if err := Note(app+"/target", want.Noted); err != nil {
		t.Fatal(err)
	}
	// What lies above the repository is of others.
	write(t, top+"/.git/"+paths.RepositoryMemory, `{"stores":[{"dir":"/s/other"}]}`)
	env := map[string]string{"XDG_CONFIG_HOME": top + "/config", "XDG_DATA_HOME": top + "/data", "XDG_CACHE_HOME": top + "/cache"}
	got := Within(out, UserOf(func(name string) string { return env[name] }))
	if got.BuildDir != want.BuildDir || !slices.Equal(got.Remembered, want.Remembered) || got.Noted != want.Noted ||
		got.Configured != want.Configured || got.Data != want.Data || got.Cache != want.Cache {
		t.Errorf("asks %+v, want %+v", *got, want)
	}
	if nobody := Within("/", User{}); nobody.Configured != "" || nobody.Remembered != nil {
		t.Errorf("of nobody: %+v", *nobody)
	}
}
