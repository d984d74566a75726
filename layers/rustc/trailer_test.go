package rustc

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/internal/words"
)

// marked is a .d file of rustc's with a trailer that has something in each of its
// fields.
func marked() (string, Trailer) {
	m := Trailer{
		Key: digest.OfText("key"), Unit: "lib_a-0123", Request: digest.OfText("request"), Files: sample().Files,
		Macros:  append(readsAnything("mac"), Macro{"odd \"one\"\n", rustsrc.Reach{Files: "fs", Variables: []string{"A", "B"}}, true}),
		Reach:   rustsrc.Reach{Environment: "env", Quotes: "quote!"},
		Natives: []Native{{Kind: "static:+bundle", Name: "z"}, {Kind: "", Name: "m"}},
	}
	return m.AppendTo("/t/liblib_a-4567.rlib: src/lib.rs src/#cow.rs\n\nsrc/lib.rs:\n\n# env-dep:A=#cow unit\n"), m
}

func TestTrailerComesBack(t *testing.T) {
	text, want := marked()
	got, err := ParseTrailer(text)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v: came back as\n%+v\nwant\n%+v", err, got, want)
	}
	// The note of where the unit's state was made stands behind it.
	if got, err := ParseTrailer(text + "# cargo-cow-state \"/a\" \"/a/target\"\n"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v: came back as\n%+v\nwant\n%+v", err, got, want)
	}
	plain := WithoutTrailer(text)
	if strings.Contains(plain, "\n"+trailerPrefix) || !strings.HasSuffix(plain, "# env-dep:A=#cow unit\n") {
		t.Errorf("without its trailer it is\n%s", plain)
	}
	if again := got.AppendTo(text); again != text {
		t.Errorf("marked twice it is\n%s\nwant\n%s", again, text)
	}
	if _, err := ParseTrailer(plain); err == nil {
		t.Error("without its trailer it still has one")
	}
	early := Trailer{Files: want.Files[1:], Macros: want.Macros}
	if got, err := ParseTrailer(early.AppendTo("a: b\n")); err != nil || !reflect.DeepEqual(got, early) {
		t.Errorf("%v: without a key it came back as\n%+v\nwant\n%+v", err, got, early)
	}
	for name, torn := range map[string]string{
		"in a line":  text[:len(text)-1],
		"two keys":   text + trailerPrefix + words.Line("unit", want.Key, want.Unit, want.Request),
		"unknown":    text + trailerPrefix + words.Line("later", "x"),
		"unquoted":   text + trailerPrefix + "macro x\n",
		"elsewhere":  text + trailerPrefix + words.Line("file", "../x", "link", want.Key, "1", "644"),
		"no digests": strings.ReplaceAll(text, want.Key, "xyz"),
	} {
		if m, err := ParseTrailer(torn); err == nil {
			t.Errorf("%s: %+v, want an error", name, m)
		}
	}
}

func TestReadTrailer(t *testing.T) {
	dir := t.TempDir()
	text, want := marked()
	if err := os.WriteFile(dir+"/lib_a-4567.d", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, output := range []string{"liblib_a-4567.rlib", "liblib_a-4567.rmeta", "liblib_a-4567.so"} {
		if m, err := ReadTrailer(dir + "/" + output); err != nil || m.Key != want.Key {
			t.Errorf("%s: %+v, %v", output, m, err)
		}
	}
	if _, err := ReadTrailer(dir + "/libb-4567.rlib"); err == nil {
		t.Error("a unit without a list of inputs has a trailer")
	}
	if err := os.WriteFile(dir+"/liblib_a-4567.rmeta", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if d := want.Digest(dir + "/liblib_a-4567.rmeta"); d != want.Files[1].Digest {
		t.Errorf("its digest is %q, want %q", d, want.Files[1].Digest)
	}
	if err := os.WriteFile(dir+"/liblib_a-4567.rmeta", []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if d := want.Digest(dir + "/liblib_a-4567.rmeta"); d != "" {
		t.Errorf("one of another size has the digest %q", d)
	}
}

func FuzzParseTrailer(f *testing.F) {
	text, _ := marked()
	f.Add(text)
	f.Add("a: b\n")
	f.Add(trailerPrefix + "unit \"\" \"\" \"\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseTrailer(text)
		if err != nil {
			return
		}
		again, err := ParseTrailer(m.AppendTo("a: b\n"))
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Fatalf("%v: came back as\n%+v\nwant\n%+v", err, again, m)
		}
		if _, err := ParseTrailer(WithoutTrailer(text)); err == nil {
			t.Fatal("without its trailer it still has one")
		}
		for _, file := range m.Files {
			if filepath.Join("/dir", file.Name) != "/dir/"+file.Name {
				t.Fatalf("the name %q leads elsewhere", file.Name)
			}
		}
	})
}

// A trailer that has lost its last lines says less than what counts.
func TestTornTrailer(t *testing.T) {
	m := Trailer{
		Key: strings.Repeat("a", 32), Unit: "x-1", Request: strings.Repeat("b", 32),
		Files: []File{{"libx-1.rlib", "link", strings.Repeat("c", 32), 1, 0o644}},
		Deps:  []string{"liby-2.rmeta"}, Macros: readsAnything("m"), Natives: []Native{{Kind: "static", Name: "z"}},
	}
	const list = "x: a.rs\n\na.rs:\n"
	whole := m.AppendTo(list)
	if got, err := ParseTrailer(whole); err != nil || !reflect.DeepEqual(got, m) {
		t.Fatalf("%+v, %v", got, err)
	}
	for n := len(list); n < len(whole); n++ {
		if got, err := ParseTrailer(whole[:n]); err == nil {
			t.Errorf("torn at %d: %+v", n, got)
		}
	}
	if got, err := ParseTrailer(whole + "#cow macro \"late\"\n"); err == nil {
		t.Errorf("with a line behind its end: %+v", got)
	}
}
