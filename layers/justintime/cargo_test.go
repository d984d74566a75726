package justintime

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestParseLine(t *testing.T) {
	for _, c := range []struct {
		args string
		want line
		ok   bool
	}{
		{"build", line{command: "build"}, true},
		{"b -p x --features y", line{command: "b"}, true},
		{"--color never check", line{command: "check"}, true},
		{"-C dir test", line{command: "test"}, true},
		{"-v --locked xtask build -- --config x", line{command: "xtask"}, true},
		{"build -r", line{command: "build", profile: "release"}, true},
		{"test --profile x y", line{command: "test", profile: "x"}, true},
		{"run -- --release", line{command: "run"}, true},
		{"run --target-dir t -- --target-dir u", line{command: "run", target: "t"}, true},
		{"run --target-dir=t --manifest-path=m/Cargo.toml", line{command: "run", target: "t", manifest: "m/Cargo.toml"}, true},
		{"--manifest-path m/Cargo.toml rustc", line{command: "rustc", manifest: "m/Cargo.toml"}, true},
		{"build --config a=b", line{}, false},
		{"build --config=a=b", line{}, false},
		{"-Zunstable-options build", line{}, false},
		{"build -Z build-dir-new-layout", line{}, false},
		{"build --lockfile-path x/Cargo.lock", line{}, false},
		{"--version", line{}, false},
		{"", line{}, false},
	} {
		got, ok := parseLine(strings.Fields(c.args))
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%q: %+v, %v", c.args, got, ok)
		}
	}
}

func FuzzParseLine(f *testing.F) {
	f.Add("build\x00--target-dir\x00x\x00--\x00y")
	f.Add("--color\x00never\x00-C")
	f.Fuzz(func(t *testing.T, text string) {
		args := strings.Split(text, "\x00")
		l, ok := parseLine(args)
		if ok && (l.command == "" || !slices.Contains(args, l.command) || strings.HasPrefix(l.command, "-")) {
			t.Errorf("%q: %+v", args, l)
		}
	})
}

// What keeps a request from being made, and what one is told.
func TestRequest(t *testing.T) {
	dir := t.TempDir()
	base := cargo{exe: "/toolchain/bin/cargo", cwd: dir, args: []string{"build"}, caching: func() bool { return false }}
	for name, c := range map[string]struct {
		change func(c *cargo)
		env    []string
		want   []string // variables; nil for no request
	}{
		"usual":             {want: []string{"CARGO_COW=off", "CARGO=/toolchain/bin/cargo"}},
		"another program":   {change: func(c *cargo) { c.exe = "/bin/rust-analyzer" }},
		"package cache":     {change: func(c *cargo) { c.caching = func() bool { return true } }},
		"off":               {env: []string{"CARGO_COW=off"}},
		"on":                {env: []string{"CARGO_COW=on"}, want: []string{"CARGO_COW=off", "CARGO=/toolchain/bin/cargo"}},
		"in a script":       {env: []string{"OUT_DIR=/out"}},
		"clean":             {change: func(c *cargo) { c.args = []string{"clean"} }},
		"script":            {change: func(c *cargo) { c.args = []string{"run", "--manifest-path", "x.rs"} }},
		"a relative target": {env: []string{"CARGO_TARGET_DIR=t"}, want: []string{"CARGO_TARGET_DIR=" + filepath.Join(dir, "t"), "CARGO_COW=off", "CARGO=/toolchain/bin/cargo"}},
		"the flag goes first": {
			change: func(c *cargo) { c.args = []string{"build", "--target-dir", "/f"} }, env: []string{"CARGO_TARGET_DIR=t"},
			want: []string{"CARGO_TARGET_DIR=/f", "CARGO_COW=off", "CARGO=/toolchain/bin/cargo"},
		},
		"clippy": {env: []string{"RUSTC_WORKSPACE_WRAPPER=/x/clippy-driver"}, want: []string{"CARGO_COW=off", "CARGO=/toolchain/bin/cargo"}},
		"another wrapper": {
			env: []string{"RUSTC_WORKSPACE_WRAPPER=/x/mine"}, want: []string{"RUSTC_WORKSPACE_WRAPPER=/x/mine", "CARGO_COW=off", "CARGO=/toolchain/bin/cargo"},
		},
	} {
		call := base
		if c.change != nil {
			c.change(&call)
		}
		r := call.request(c.env)
		if (r != nil) != (c.want != nil) {
			t.Errorf("%s: %+v", name, r)
			continue
		}
		if r == nil {
			continue
		}
		got := slices.Clone(r.env)
		slices.Sort(got)
		slices.Sort(c.want)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// What is preferred follows from words of cargo's own alone, and comes across as it is.
func TestCommandOf(t *testing.T) {
	for args, want := range map[string]Command{
		"build":               {Profile: "debug"},
		"b --release":         {Profile: "release"},
		"run -r -- --profile": {Profile: "release"},
		"build --profile=dev": {Profile: "debug"},
		"test":                {Profile: "debug"},
		"bench":               {Profile: "release"},
		"check --profile x":   {Profile: "x", Check: true},
		"xtask --release":     {},
		"doc":                 {},
	} {
		l, ok := parseLine(strings.Fields(args))
		got := commandOf(l.command, l.profile)
		if !ok || got != want {
			t.Errorf("%s: %+v, want %+v", args, got, want)
		}
		if back := ParseCommand(got.String()); back != got || got.String() == "" {
			t.Errorf("%s: %q comes back as %+v", args, got, back)
		}
	}
	for _, text := range []string{"", "true", "other:debug", ":a/b", "check:"} {
		if got := ParseCommand(text); got != (Command{}) {
			t.Errorf("%q: %+v", text, got)
		}
	}
}
