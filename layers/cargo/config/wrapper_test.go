package config

import (
	"path/filepath"
	"testing"
)

func TestWrappers(t *testing.T) {
	top := write(t, map[string]string{
		"a/b/.cargo/config.toml": "[build]\nrustc-wrapper = \"tools/wrap\"\n",
		"a/.cargo/config":        "include = ['more.toml']\n",
		"a/.cargo/more.toml":     "build.rustc-wrapper = 'sccache'\n",
		"home/config.toml":       "\ufeffbuild = { rustc-wrapper = '' }\n",
	})
	path := func(p string) string { return filepath.Join(top, p) }
	files := []Setting{
		{File: path("a/b/.cargo/config.toml"), In: path("a/b/.cargo/config.toml"), Value: path("a/b/tools/wrap")},
		{File: path("a/.cargo/config"), In: path("a/.cargo/more.toml"), Value: "sccache"},
		{File: path("home/config.toml"), In: path("home/config.toml")},
	}
	for _, test := range []struct {
		environ []string
		want    []Setting
	}{
		{nil, files},
		{[]string{"CARGO_BUILD_RUSTC_WRAPPER=x", "RUSTC_WRAPPER="}, append([]Setting{{Variable: "RUSTC_WRAPPER"}, {Variable: "CARGO_BUILD_RUSTC_WRAPPER", Value: "x"}}, files...)},
		{[]string{"RUSTC_WRAPPER=./y"}, append([]Setting{{Variable: "RUSTC_WRAPPER", Value: path("a/b/y")}}, files...)},
	} {
		got, err := Wrappers(path("a/b"), path("home"), test.environ)
		if err != nil {
			t.Fatal(err)
		}
		check(t, "Wrappers", got, test.want)
		c, err := Load(path("a/b"), path("home"), test.environ)
		if err != nil {
			t.Fatal(err)
		}
		check(t, "RustcWrapper", c.RustcWrapper, got[0].Value)
	}
}

func TestFileIn(t *testing.T) {
	top := write(t, map[string]string{"old/config": "", "old/config.toml": "", "new/config.toml": "", "none/x": ""})
	for dir, want := range map[string]string{"old": "config", "new": "config.toml", "none": "config.toml", "gone": "config.toml"} {
		check(t, dir, FileIn(filepath.Join(top, dir)), filepath.Join(top, dir, want))
	}
}
