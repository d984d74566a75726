package depset

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
)

func lockOf(packages ...string) string {
	text := "version = 4\n"
	for _, p := range packages {
		name, rest, _ := strings.Cut(p, " ")
		version, source, _ := strings.Cut(rest, " ")
		text += fmt.Sprintf("[[package]]\nname = %q\nversion = %q\n", name, version)
		switch source {
		case "":
			text += fmt.Sprintf("source = %q\nchecksum = %q\n", cratesIO, digest.OfText(p)+digest.OfText(p))
		case "local":
		default:
			text += fmt.Sprintf("source = %q\n", source)
		}
	}
	return text
}

func TestDiffPackages(t *testing.T) {
	const git = "git+https://git.example/a"
	for name, tc := range map[string]struct {
		before, after []string
		want          []string
	}{
		"a version":           {[]string{"a 1.0.0", "b 1.0.0"}, []string{"a 1.0.1", "b 1.0.0"}, []string{"changed a 1.0.0 > 1.0.1"}},
		"one more, one less":  {[]string{"a 1.0.0"}, []string{"b 1.0.0"}, []string{"removed a 1.0.0 > ", "added b  > 1.0.0"}},
		"to an older one":     {[]string{"a 2.0.0"}, []string{"a 1.0.0"}, []string{"changed a 2.0.0 > 1.0.0"}},
		"the compatible one":  {[]string{"a 1.0.0", "a 2.0.0"}, []string{"a 2.1.0"}, []string{"changed a 2.0.0 > 2.1.0", "removed a 1.0.0 > "}},
		"compatible below 1":  {[]string{"a 0.1.3", "a 0.2.0", "a 0.0.1"}, []string{"a 0.2.9", "a 0.1.0", "a 0.0.2"}, []string{"changed a 0.0.1 > 0.0.2", "changed a 0.1.3 > 0.1.0", "changed a 0.2.0 > 0.2.9"}},
		"a second version":    {[]string{"a 1.0.0"}, []string{"a 1.0.0", "a 2.0.0"}, []string{"added a  > 2.0.0"}},
		"patched":             {[]string{"a 1.0.0"}, []string{"a 1.2.0 local"}, []string{"changed a 1.0.0 > local"}},
		"another source":      {[]string{"a 1.0.0"}, []string{"a 1.0.0 " + git + "#0123"}, []string{"changed a 1.0.0 > 1.0.0 (" + git + "#0123)"}},
		"another commit":      {[]string{"a 1.0.0 " + git + "#0123"}, []string{"a 1.0.0 " + git + "#4567"}, []string{"changed a 1.0.0 (" + git + "#0123) > 1.0.0 (" + git + "#4567)"}},
		"a member":            {[]string{"a 1.0.0"}, []string{"a 1.0.0", "m 0.1.0 local"}, []string{"added m  > local"}},
		"a member's version":  {[]string{"m 0.1.0 local"}, []string{"m 0.2.0 local"}, nil},
		"an encoded branch":   {[]string{"a 1.0.0 " + git + "?branch=x%2Fy#01"}, []string{"a 1.0.0 " + git + "?branch=x%2Fz#01"}, []string{"changed a 1.0.0 (" + git + "?branch=x/y#01) > 1.0.0 (" + git + "?branch=x/z#01)"}},
		"a plus in a version": {[]string{"a 1.0.0+x"}, []string{"a 1.0.0+y"}, []string{"changed a 1.0.0+x > 1.0.0+y"}},
	} {
		f, g := new(Fingerprint), new(Fingerprint)
		for _, side := range []struct {
			*Fingerprint
			packages []string
		}{{f, tc.before}, {g, tc.after}} {
			side.Ingredients = []Ingredient{PackagesOf(parseLock(t, lockOf(side.packages...)))}
			side.seal()
		}
		if (f.ID == g.ID) != (tc.want == nil) {
			t.Errorf("%s: ids %s and %s", name, f.ID, g.ID)
		}
		var got []string
		for _, d := range f.Diff(g) {
			got = append(got, fmt.Sprintf("%s %s %s > %s", d.Kind, d.Key, d.Old, d.New))
		}
		slices.Sort(got)
		slices.Sort(tc.want)
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q; want %q", name, got, tc.want)
		}
	}
}

// A checksum that differs after its eighth digit shows in the id and not in the
// lines: something is said all the same.
func TestDiffOfDigestAlone(t *testing.T) {
	f := &Fingerprint{ID: "1", Ingredients: []Ingredient{{Name: IngredientPackages, Value: "1", Digest: "a", Lines: []string{"a 1.0.0 01234567"}}}}
	g := &Fingerprint{ID: "2", Ingredients: []Ingredient{{Name: IngredientPackages, Value: "1", Digest: "b", Lines: []string{"a 1.0.0 01234567"}}}}
	if got, want := f.Diff(g), []Difference{{Ingredient: IngredientPackages, Kind: Changed, Old: "1", New: "1"}}; !slices.Equal(got, want) {
		t.Errorf("%+v; want %+v", got, want)
	}
	g.Ingredients[0].Lines = []string{"a 1.0.0 89abcdef"}
	if got, want := f.Diff(g), []Difference{{Ingredient: IngredientPackages, Kind: Changed, Key: "a", Old: "1.0.0 (checksum 01234567)", New: "1.0.0 (checksum 89abcdef)"}}; !slices.Equal(got, want) {
		t.Errorf("%+v; want %+v", got, want)
	}
}

// A fingerprint of an earlier version has no lines.
func TestDiffWithoutLines(t *testing.T) {
	f := &Fingerprint{ID: "1", Ingredients: []Ingredient{{Name: ingVersion, Value: "1"}, {Name: "old", Value: "x"}, {Name: ingRustc, Value: "r", Digest: "a"}}}
	g := &Fingerprint{ID: "2", Ingredients: []Ingredient{{Name: ingVersion, Value: "2"}, {Name: ingRustc, Value: "r", Digest: "b"}, {Name: ingLibc, Value: "y"}}}
	want := []Difference{
		{Ingredient: ingVersion, Kind: Changed, Old: "1", New: "2"},
		{Ingredient: "old", Kind: Removed, Old: "x"},
		{Ingredient: ingRustc, Kind: Changed, Old: "r", New: "r"},
		{Ingredient: ingLibc, Kind: Added, New: "y", Unseen: true},
	}
	if got := f.Diff(g); !slices.Equal(got, want) {
		t.Errorf("%+v; want %+v", got, want)
	}
}

func TestDiffOfToolchainAndSettings(t *testing.T) {
	c := newCheckout(t)
	before := c.fingerprint(t, rule.Set{})
	c.program(t, "rustc", "rustc 1.96.0 (def 2026-05-01)\nhost: aarch64-unknown-linux-gnu\nLLVM version: 22")
	c.tool.Environ = append(c.tool.Environ, "RUSTFLAGS=-O", "CARGO_PROFILE_DEV_OPT_LEVEL=2", "CARGO_PROFILE_RELEASE_LTO=thin")
	var got []string
	for _, d := range before.Diff(c.fingerprint(t, rule.Set{})) {
		got = append(got, fmt.Sprintf("%s %s %s: %s > %s", d.Ingredient, d.Kind, d.Key, d.Old, d.New))
	}
	want := []string{
		"rustc changed : rustc 1.95.0 (abc 2026-03-21) > rustc 1.96.0 (def 2026-05-01)",
		"rustc changed host: x86_64-unknown-linux-gnu > aarch64-unknown-linux-gnu",
		"profiles changed dev.opt-level: 1 > 2",
		`profiles added release.lto:  > "thin"`,
		`settings changed rustflags: ["-Cprofile-use=mem.ld"] > ["-O"]`,
		"flag-files removed : mem.ld > ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What no hash of Cargo's covers is found, and nothing else.
func TestDiffersUnseen(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(t *testing.T, c *checkout)
		want   string
	}{
		"nothing":      {func(*testing.T, *checkout) {}, ""},
		"rustc":        {func(t *testing.T, c *checkout) { c.program(t, "rustc", "rustc 1.96.0") }, ""},
		"a dependency": {func(t *testing.T, c *checkout) { c.ws.Lock = parseLock(t, lockOf("a 1.0.0")) }, ""},
		"the linker":   {func(t *testing.T, c *checkout) { c.program(t, "cc", "another cc") }, ingLinker},
		"the processor": {func(t *testing.T, c *checkout) {
			c.tool.Environ = append(c.tool.Environ, "CARGO_PROFILE_DEV_RUSTFLAGS=-Ctarget-cpu=native")
		}, ingCPU},
		"the wrapper": {func(t *testing.T, c *checkout) {
			c.tool.Environ = append(c.tool.Environ, "RUSTC_WORKSPACE_WRAPPER="+c.dir+"/bin/other")
		}, ingWrapper},
	} {
		c := newCheckout(t)
		before := c.fingerprint(t, rule.Set{})
		tc.change(t, c)
		after := c.fingerprint(t, rule.Set{})
		if got := before.DiffersUnseen(after); got != tc.want {
			t.Errorf("%s: differs in %q; want %q", name, got, tc.want)
		}
		if got := after.DiffersUnseen(before); got != tc.want {
			t.Errorf("%s, the other way: differs in %q; want %q", name, got, tc.want)
		}
	}
}

// Of random lockfiles Diff tells exactly what turns one into the other.
func TestDiffPackagesAtRandom(t *testing.T) {
	random := func(r *rand.Rand) []string {
		var packages []string
		for name := 'a'; name <= 'f'; name++ {
			for _, version := range []string{"0.1.0", "0.1.1", "1.0.0", "1.0.1", "2.0.0"} {
				if r.IntN(3) == 0 {
					packages = append(packages, string(name)+" "+version)
				}
			}
		}
		return packages
	}
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		before, after := random(r), random(r)
		lines := func(packages []string) []string { return PackagesOf(parseLock(t, lockOf(packages...))).Lines }
		have := slices.Clone(before)
		for _, d := range diffPackages(lines(before), lines(after)) {
			if d.Old != "" {
				i := slices.Index(have, d.Key+" "+d.Old)
				if i < 0 {
					t.Fatalf("seed %d: %+v of %q", seed, d, have)
				}
				have = slices.Delete(have, i, i+1)
			}
			if d.New != "" {
				have = append(have, d.Key+" "+d.New)
			}
		}
		slices.Sort(have)
		if !slices.Equal(have, after) {
			t.Fatalf("seed %d: %q; want %q", seed, have, after)
		}
	}
}

// The lines lie in each manifest, which each restore reads.
func TestPackageLinesAreShort(t *testing.T) {
	var packages []string
	for n := range 150 {
		packages = append(packages, fmt.Sprintf("unicode-segmentation%d 12.%d.0", n, n))
	}
	b, err := json.Marshal(Fingerprint{Ingredients: []Ingredient{PackagesOf(parseLock(t, lockOf(packages...)))}})
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > 15000 {
		t.Errorf("150 packages take %d bytes", len(b))
	}
}
