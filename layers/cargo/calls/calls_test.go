package calls

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
)

func TestSubject(t *testing.T) {
	compile := func(args string) *Call { return &Call{Args: append([]string{"rustc"}, strings.Fields(args)...)} }
	script := func(out string) *Call { return &Call{Args: []string{"script"}, Env: []string{"A=b", "OUT_DIR=" + out}} }
	for _, tt := range []struct {
		name string
		call *Call
		want *Subject // nil: none of this build directory
	}{
		{"classic", compile("--crate-name a --out-dir /t/debug/deps -C extra-filename=-0123456789abcdef"), &Subject{Profile: "debug", ID: "0123456789abcdef", Crate: "a"}},
		{"options joined", compile("--crate-name=a --out-dir=/t/debug/examples -Cextra-filename=-0123456789abcdef"), &Subject{Profile: "debug", ID: "0123456789abcdef", Crate: "a"}},
		{"the last counts", compile("--out-dir /x --out-dir /t/debug/deps -C extra-filename=-0 -C extra-filename=-1"), &Subject{Profile: "debug", ID: "1"}},
		{"without an id", compile("--crate-name a --out-dir /t/release/deps"), &Subject{Profile: "release", Crate: "a"}},
		{"script, classic", compile("--crate-name build_script_build --out-dir /t/debug/build/a-b-0123456789abcdef"), &Subject{Profile: "debug", ID: "0123456789abcdef", Crate: "build_script_build"}},
		{"units", compile("--crate-name a --out-dir /t/x86_64-unknown-linux-gnu/debug/build/a-b/0123456789abcdef/out"), &Subject{Profile: "x86_64-unknown-linux-gnu/debug", ID: "0123456789abcdef", Crate: "a"}},
		{"run, classic", script("/t/debug/build/a-b-0123456789abcdef/out"), &Subject{Profile: "debug", ID: "0123456789abcdef", Run: true}},
		{"run, units", script("/t/debug/build/a-b/0123456789abcdef/out"), &Subject{Profile: "debug", ID: "0123456789abcdef", Run: true}},
		{"elsewhere", compile("--crate-name a --out-dir /target/debug/deps"), nil},
		{"nowhere", compile("--crate-name a"), nil},
		{"the directory itself", compile("--out-dir /t"), nil},
	} {
		got, ok := tt.call.Subject("/t")
		if ok != (tt.want != nil) || ok && got != *tt.want {
			t.Errorf("%s: %+v, %v; want %+v", tt.name, got, ok, tt.want)
		}
	}
}

func TestSearches(t *testing.T) {
	for args, want := range map[string]bool{
		"-L dependency=/t/deps": true, "-Ldependency=/t/deps": true, "-L /t/deps": true, "-L all=/t/deps": true,
		"-L dependency=/t/deps/x": false, "-L native=/t/deps": false, "--out-dir /t/deps": false, "-L": false,
	} {
		if got := (&Call{Args: strings.Fields(args)}).Searches("/t/deps"); got != want {
			t.Errorf("%s: %v", args, got)
		}
	}
}

// Calls come back as they were noted, whatever bytes they are of and however many note at once, and once.
func TestNotedCallsComeBack(t *testing.T) {
	dir := t.TempDir()
	var want []*Call
	var noting sync.WaitGroup
	for i := range 20 {
		c := &Call{Args: []string{fmt.Sprint(i), "\xff\n", ""}, Env: []string{"A=\xfe"}, Dir: "/\xfd"}
		want = append(want, c)
		noting.Go(func() {
			if err := Note(dir, c); err != nil {
				t.Error(err)
			}
		})
	}
	noting.Wait()
	got, err := Take(dir)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got, func(a, b *Call) int { return slices.IndexFunc(want, same(a)) - slices.IndexFunc(want, same(b)) })
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
	if again, err := Take(dir); err != nil || len(again) > 0 {
		t.Errorf("a second time: %v, %v", again, err)
	}
}

func same(a *Call) func(*Call) bool {
	return func(b *Call) bool { return a.Args[0] == b.Args[0] }
}

func TestBuilds(t *testing.T) {
	const triple = "x86_64-unknown-linux-gnu"
	usual := Usual([]string{"debug", "release", triple + "/debug"}, []string{"debug"})
	for args, want := range map[string]bool{
		"build --quiet --keep-going --frozen --profile dev":                                         true,
		"check --workspace --all-targets --quiet --keep-going --frozen --profile dev":               true,
		"build --quiet --keep-going --frozen --profile dev --target " + triple:                      true, // made scripts there
		"build --quiet --keep-going --frozen --profile release":                                     false,
		"build --workspace --all-targets --quiet --keep-going --frozen --profile dev --target none": false,
	} {
		if got := slices.ContainsFunc(usual, func(b []string) bool { return strings.Join(b, " ") == args }); got != want {
			t.Errorf("%s is asked for: %v", args, got)
		}
	}
}

func TestFeatures(t *testing.T) {
	for text, want := range map[string][]string{`[]`: nil, ``: nil, `["a"]`: {"a"}, `["a", "b/c"]`: {"a", "b/c"}} {
		if got := features(text); !slices.Equal(got, want) {
			t.Errorf("%s: %q", text, got)
		}
	}
}

// A unit that no member's unit depends on is asked for by no member.
func TestForNobody(t *testing.T) {
	u := &builddir.Unit{UnitName: builddir.UnitName{Package: "a", Kind: "lib"}, Source: builddir.SourceRegistry}
	u.Dependents = []*builddir.Unit{{UnitName: builddir.UnitName{Package: "b"}, Dependents: []*builddir.Unit{u}}}
	if got := For(u, &project.Workspace{}); got != nil {
		t.Errorf("got %q", got)
	}
}

// The kernel must find the program by the first line of a file.
func TestStandInOfNoUse(t *testing.T) {
	for _, name := range []string{"/a b", "/" + strings.Repeat("x", 300)} {
		dir := filepath.Join(t.TempDir(), "hollow")
		err := (Hollow{From: &builddir.Dir{Path: t.TempDir()}, At: "/t", StandIn: name}).Make(dir)
		if err == nil {
			t.Errorf("%s was taken", name)
		}
		if _, err := os.Lstat(dir); err == nil {
			t.Errorf("%s: something was made", name)
		}
	}
}
