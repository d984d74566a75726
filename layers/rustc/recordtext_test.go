package rustc

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
	"github.com/cargo-cow/cargo-cow/layers/internal/words"
)

// sample is a record with something in each of its fields, and what is hard to
// write down in some.
func sample() *Record {
	rec := &Record{
		Unit: "lib_a-0123456789abcdef",
		Ingredients: []Ingredient{
			{"form", form}, {"argument", `-C=metadata=0123`}, {"environment ODD", "a\nb\t\"c\" \\ \x00 \xff é"}, {"", ""},
		},
		Dir: "/src/a b", OutDir: "/src/a b/target/debug/deps", OutEnv: "/src/a b/target/debug/build/x/out", Bound: SamePlace,
		Inputs:   []Input{{"src/lib.rs", digestText("1")}, {"{cwd}/é\xff.rs", digestText("2")}, {"src/m/mod.rs", Absent}},
		Natives:  []Found{{Native{Kind: "static", Name: "z"}, "libz.a " + digestText("z")}, {Native{Kind: "", Name: "m"}, "not found"}},
		DepFile:  "{out-dir}/lib_a-4567.d: src/lib.rs\n\nsrc/lib.rs:\n\n# env-dep:A=b\n# env-dep:UNSET\n",
		Shown:    "--error-format=json --json=artifacts",
		Messages: []string{`{"$message_type":"diagnostic","message":"é"}`, ""},
		Files: []File{
			{"liblib_a-4567.rlib", "link", digestText("rlib"), 1 << 40, 0o644},
			{"liblib_a-4567.rmeta", "metadata", digestText("rmeta"), 0, 0o755},
		},
		Cost: 1234 * time.Millisecond, Incremental: true,
		Layers: []InLayer{{strings.Repeat("a", 32), "debug/deps"}, {strings.Repeat("b", 32), "."}},
	}
	rec.Request = digestOf(rec.Ingredients)
	rec.Key = rec.key()
	return rec
}

// small is a record with as little as there can be.
func small() *Record {
	rec := &Record{
		Unit: "a-0", Dir: "/a", OutDir: "/a/t", Bound: Anywhere, Ingredients: []Ingredient{{"form", form}},
		Files: []File{{"liba.rmeta", "metadata", digestText(""), 0, 0o644}},
	}
	rec.Request = digestOf(rec.Ingredients)
	rec.Key = rec.key()
	return rec
}

func TestRecordComesBack(t *testing.T) {
	for _, rec := range []*Record{sample(), small()} {
		got, err := ParseRecord(rec.Text())
		if err != nil {
			t.Fatalf("%v:\n%s", err, rec.Text())
		}
		if !reflect.DeepEqual(got, rec) {
			t.Errorf("came back as\n%+v\nwant\n%+v", got, rec)
		}
	}
}

// A record of which anything is missing is none: a list of inputs that ends too soon
// would hold where it must not.
func TestTornRecord(t *testing.T) {
	for _, rec := range []*Record{sample(), small()} {
		text := rec.Text()
		for n := range len(text) {
			if _, err := ParseRecord(text[:n]); !errors.Is(err, ErrFormat) {
				t.Fatalf("%d of %d bytes: %v, want %v", n, len(text), err, ErrFormat)
			}
			if _, err := ParseRecord(text[:n] + strings.Repeat("\x00", len(text)-n)); !errors.Is(err, ErrFormat) {
				t.Fatalf("%d of %d bytes, then zeros: %v, want %v", n, len(text), err, ErrFormat)
			}
		}
		for n := range len(text) {
			changed := []byte(text)
			changed[n] ^= 1
			if _, err := ParseRecord(string(changed)); !errors.Is(err, ErrFormat) {
				t.Fatalf("byte %d is another: %v, want %v", n, err, ErrFormat)
			}
		}
		if _, err := ParseRecord(text + text); !errors.Is(err, ErrFormat) {
			t.Errorf("twice: %v, want %v", err, ErrFormat)
		}
		if _, err := ParseRecord(text + "\n"); !errors.Is(err, ErrFormat) {
			t.Errorf("with a line more: %v, want %v", err, ErrFormat)
		}
	}
}

// What is written by another program of this form, whole and with its digest, may
// still be nothing that can be used.
func TestRecordWithoutSense(t *testing.T) {
	sealed := func(change func(*Record)) string {
		rec := sample()
		change(rec)
		return rec.Text()
	}
	for name, text := range map[string]string{
		"key of another":       sealed(func(r *Record) { r.Key = digestText("other") }),
		"inputs of another":    sealed(func(r *Record) { r.Inputs = r.Inputs[1:] }),
		"natives of another":   sealed(func(r *Record) { r.Natives = nil }),
		"variables of another": sealed(func(r *Record) { r.DepFile = "x:\n" }),
		"place of another":     sealed(func(r *Record) { r.Dir = "/b" }),
		"request of another":   sealed(func(r *Record) { r.Request = digestText("other"); r.Key = r.key() }),
		"an ingredient more":   sealed(func(r *Record) { r.Ingredients = append(r.Ingredients, Ingredient{"a", "b"}) }),
		"no files":             sealed(func(r *Record) { r.Files = nil }),
		"file elsewhere":       sealed(func(r *Record) { r.Files[0].Name = "../x" }),
		"file of no digest":    sealed(func(r *Record) { r.Files[0].Digest = "xyz" }),
		"layer elsewhere":      sealed(func(r *Record) { r.Layers[0].Layer = "../x" }),
		"layer's parent":       sealed(func(r *Record) { r.Layers[0].Dir = "../../x" }),
		"unit elsewhere":       sealed(func(r *Record) { r.Unit = "../a-0" }),
		"bound to nothing":     sealed(func(r *Record) { r.Bound = "moon"; r.Key = r.key() }),
		"input of no digest":   sealed(func(r *Record) { r.Inputs[0].Digest = "xyz"; r.Key = r.key() }),
	} {
		if _, err := ParseRecord(text); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v, want %v", name, err, ErrFormat)
		}
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add(sample().Text())
	f.Add(small().Text())
	f.Add(header)
	f.Fuzz(func(t *testing.T, text string) {
		// What arrives has no digest that fits: it gets one, so that more than the
		// digest is tried.
		for _, text := range []string{text, header + strings.TrimPrefix(text, header) + words.Line("sum", digestText(header+strings.TrimPrefix(text, header)))} {
			rec, err := ParseRecord(text)
			if err != nil {
				if !errors.Is(err, ErrFormat) {
					t.Fatalf("%v, want %v", err, ErrFormat)
				}
				continue
			}
			again, err := ParseRecord(rec.Text())
			if err != nil || !reflect.DeepEqual(again, rec) {
				t.Fatalf("%v: came back as\n%+v\nwant\n%+v", err, again, rec)
			}
			for _, file := range rec.Files {
				if filepath.Join("/dir", file.Name) != "/dir/"+file.Name {
					t.Fatalf("the name %q leads elsewhere", file.Name)
				}
			}
			for _, l := range rec.Layers {
				if path := filepath.Join("/store", "layers", l.Layer, l.Dir); !strings.HasPrefix(path, "/store/layers/") {
					t.Fatalf("layer %+v lies at %s", l, path)
				}
			}
			if strings.Contains(rec.Unit, "/") || strings.HasPrefix(rec.Unit, ".") {
				t.Fatalf("the unit %q leads elsewhere", rec.Unit)
			}
		}
	})
}

// marked is a .d file of rustc's with a mark that has something in each of its
// fields.
func marked() (string, Mark) {
	m := Mark{
		Key: digestText("key"), Unit: "lib_a-0123", Request: digestText("request"), Files: sample().Files,
		Macros:  append(readsAnything("mac"), Macro{"odd \"one\"\n", rustsrc.Reach{Files: "fs", Variables: []string{"A", "B"}}, true}),
		Code:    rustsrc.Reach{Environment: "env", Quotes: "quote!"},
		Natives: []Native{{Kind: "static:+bundle", Name: "z"}, {Kind: "", Name: "m"}},
	}
	return m.Text("/t/liblib_a-4567.rlib: src/lib.rs src/#cow.rs\n\nsrc/lib.rs:\n\n# env-dep:A=#cow unit\n"), m
}

func TestMarkComesBack(t *testing.T) {
	text, want := marked()
	got, err := ParseMark(text)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v: came back as\n%+v\nwant\n%+v", err, got, want)
	}
	// A place's own note stands behind it.
	if got, err := ParseMark(text + "# cargo-cow-state \"/a\" \"/a/target\"\n"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v: came back as\n%+v\nwant\n%+v", err, got, want)
	}
	plain := Unmarked(text)
	if strings.Contains(plain, "\n"+line) || !strings.HasSuffix(plain, "# env-dep:A=#cow unit\n") {
		t.Errorf("without its mark it is\n%s", plain)
	}
	if again := got.Text(text); again != text {
		t.Errorf("marked twice it is\n%s\nwant\n%s", again, text)
	}
	if _, err := ParseMark(plain); err == nil {
		t.Error("without its mark it still has one")
	}
	early := Mark{Files: want.Files[1:], Macros: want.Macros}
	if got, err := ParseMark(early.Text("a: b\n")); err != nil || !reflect.DeepEqual(got, early) {
		t.Errorf("%v: without a key it came back as\n%+v\nwant\n%+v", err, got, early)
	}
	for name, torn := range map[string]string{
		"in a line":  text[:len(text)-1],
		"two keys":   text + line + words.Line("unit", want.Key, want.Unit, want.Request),
		"unknown":    text + line + words.Line("later", "x"),
		"unquoted":   text + line + "macro x\n",
		"elsewhere":  text + line + words.Line("file", "../x", "link", want.Key, "1", "644"),
		"no digests": strings.ReplaceAll(text, want.Key, "xyz"),
	} {
		if m, err := ParseMark(torn); err == nil {
			t.Errorf("%s: %+v, want an error", name, m)
		}
	}
}

func TestReadMark(t *testing.T) {
	dir := t.TempDir()
	text, want := marked()
	if err := os.WriteFile(dir+"/lib_a-4567.d", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, output := range []string{"liblib_a-4567.rlib", "liblib_a-4567.rmeta", "liblib_a-4567.so"} {
		if m, err := ReadMark(dir + "/" + output); err != nil || m.Key != want.Key {
			t.Errorf("%s: %+v, %v", output, m, err)
		}
	}
	if _, err := ReadMark(dir + "/libb-4567.rlib"); err == nil {
		t.Error("a unit without a list of inputs has a mark")
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

func FuzzParseMark(f *testing.F) {
	text, _ := marked()
	f.Add(text)
	f.Add("a: b\n")
	f.Add(line + "unit \"\" \"\" \"\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseMark(text)
		if err != nil {
			return
		}
		again, err := ParseMark(m.Text("a: b\n"))
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Fatalf("%v: came back as\n%+v\nwant\n%+v", err, again, m)
		}
		if _, err := ParseMark(Unmarked(text)); err == nil {
			t.Fatal("without its mark it still has one")
		}
		for _, file := range m.Files {
			if filepath.Join("/dir", file.Name) != "/dir/"+file.Name {
				t.Fatalf("the name %q leads elsewhere", file.Name)
			}
		}
	})
}

// A mark that has lost its last lines says less than what counts.
func TestMarkTorn(t *testing.T) {
	m := Mark{
		Key: strings.Repeat("a", 32), Unit: "x-1", Request: strings.Repeat("b", 32),
		Files: []File{{"libx-1.rlib", "link", strings.Repeat("c", 32), 1, 0o644}},
		Deps:  []string{"liby-2.rmeta"}, Macros: readsAnything("m"), Natives: []Native{{Kind: "static", Name: "z"}},
	}
	const list = "x: a.rs\n\na.rs:\n"
	whole := m.Text(list)
	if got, err := ParseMark(whole); err != nil || !reflect.DeepEqual(got, m) {
		t.Fatalf("%+v, %v", got, err)
	}
	for n := len(list); n < len(whole); n++ {
		if got, err := ParseMark(whole[:n]); err == nil {
			t.Errorf("torn at %d: %+v", n, got)
		}
	}
	if got, err := ParseMark(whole + "#cow macro \"late\"\n"); err == nil {
		t.Errorf("with a line behind its end: %+v", got)
	}
}
