package rustc

import (
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/internal/words"
)

// sample is a record with something in each of its fields, and what is hard to
// write down in some.
func sample() *Record {
	rec := &Record{
		Unit: "lib_a-0123456789abcdef",
		Ingredients: []Ingredient{
			{"form", requestForm}, {"argument", `-C=metadata=0123`}, {"environment ODD", "a\nb\t\"c\" \\ \x00 \xff é"}, {"", ""},
		},
		Dir: "/src/a b", OutDir: "/src/a b/target/debug/deps", OutEnv: "/src/a b/target/debug/build/x/out", Portability: SameOutDir,
		Inputs:        []Input{{"src/lib.rs", digest.OfText("1")}, {"{cwd}/é\xff.rs", digest.OfText("2")}, {"src/m/mod.rs", Absent}},
		Natives:       []ResolvedNative{{Native{Kind: "static", Name: "z"}, "libz.a " + digest.OfText("z")}, {Native{Kind: "", Name: "m"}, "not found"}},
		DepFile:       "{out-dir}/lib_a-4567.d: src/lib.rs\n\nsrc/lib.rs:\n\n# env-dep:A=b\n# env-dep:UNSET\n",
		MessageFormat: "--error-format=json --json=artifacts",
		Messages:      []string{`{"$message_type":"diagnostic","message":"é"}`, ""},
		Files: []File{
			{"liblib_a-4567.rlib", "link", digest.OfText("rlib"), 1 << 40, 0o644},
			{"liblib_a-4567.rmeta", "metadata", digest.OfText("rmeta"), 0, 0o755},
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
		Unit: "a-0", Dir: "/a", OutDir: "/a/t", Portability: Anywhere, Ingredients: []Ingredient{{"form", requestForm}},
		Files: []File{{"liba.rmeta", "metadata", digest.OfText(""), 0, 0o644}},
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
		"key of another":       sealed(func(r *Record) { r.Key = digest.OfText("other") }),
		"inputs of another":    sealed(func(r *Record) { r.Inputs = r.Inputs[1:] }),
		"natives of another":   sealed(func(r *Record) { r.Natives = nil }),
		"variables of another": sealed(func(r *Record) { r.DepFile = "x:\n" }),
		"place of another":     sealed(func(r *Record) { r.Dir = "/b" }),
		"request of another":   sealed(func(r *Record) { r.Request = digest.OfText("other"); r.Key = r.key() }),
		"an ingredient more":   sealed(func(r *Record) { r.Ingredients = append(r.Ingredients, Ingredient{"a", "b"}) }),
		"no files":             sealed(func(r *Record) { r.Files = nil }),
		"file elsewhere":       sealed(func(r *Record) { r.Files[0].Name = "../x" }),
		"file of no digest":    sealed(func(r *Record) { r.Files[0].Digest = "xyz" }),
		"layer elsewhere":      sealed(func(r *Record) { r.Layers[0].Layer = "../x" }),
		"layer's parent":       sealed(func(r *Record) { r.Layers[0].Dir = "../../x" }),
		"unit elsewhere":       sealed(func(r *Record) { r.Unit = "../a-0" }),
		"bound to nothing":     sealed(func(r *Record) { r.Portability = "moon"; r.Key = r.key() }),
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
	f.Add(recordHeader)
	f.Fuzz(func(t *testing.T, text string) {
		// What arrives has no digest that fits: it gets one, so that more than the
		// digest is tried.
		for _, text := range []string{text, recordHeader + strings.TrimPrefix(text, recordHeader) + words.Line("sum", digest.OfText(recordHeader+strings.TrimPrefix(text, recordHeader)))} {
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
