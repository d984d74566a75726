package fingerprint

import (
	"bytes"
	"errors"
	"testing"
)

const known = `{"rustc":1,"features":"[\"a\"]","declared_features":"[]","target":18446744073709551615,"profile":3,"path":4,` +
	`"deps":[[5,"dep",false,6],[7,"build_script_build",true,8]],` +
	`"local":[{"Precalculated":"1.2.3"},{"CheckDepInfo":{"dep_info":"debug/x","checksum":true}},` +
	`{"RerunIfChanged":{"output":"debug/o","paths":["a","/b"]}},{"RerunIfEnvChanged":{"var":"V","val":null}},` +
	`{"RerunIfEnvChanged":{"var":"W","val":"` + "\u2028" + `<\u0001\b"}}],"rustflags":["-g"],"config":9,"compile_kind":10}`

func TestParseReadsEveryField(t *testing.T) {
	f, err := Parse([]byte(known))
	if err != nil {
		t.Fatal(err)
	}
	if !f.Reproducible() {
		t.Error("not reproducible")
	}
	if got := string(f.Encode()); got != known {
		t.Errorf("Encode = %s\nwant     %s", got, known)
	}
	if f.Target != 1<<64-1 || f.CompileKind != 10 || f.Features != `["a"]` || f.Rustflags[0] != "-g" {
		t.Errorf("fields misread: %+v", f)
	}
	if d := f.Deps[1]; d != (Dep{PkgID: 7, Name: "build_script_build", Public: true, Hash: 8}) {
		t.Errorf("dependency misread: %+v", d)
	}
	if l := f.Local[3]; l.Kind != RerunIfEnvChanged || l.Var != "V" || l.ValSet {
		t.Errorf("unset variable misread: %+v", l)
	}
}

// Retagging rests on this: a change of any field changes the hash.
func TestHashCoversEveryField(t *testing.T) {
	f, err := Parse([]byte(known))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[uint64]string{f.Hash(): "unchanged"}
	for name, change := range map[string]func(*Fingerprint){
		"rustc":        func(f *Fingerprint) { f.Rustc++ },
		"features":     func(f *Fingerprint) { f.Features += "x" },
		"declared":     func(f *Fingerprint) { f.DeclaredFeatures += "x" },
		"target":       func(f *Fingerprint) { f.Target++ },
		"profile":      func(f *Fingerprint) { f.Profile++ },
		"path":         func(f *Fingerprint) { f.Path++ },
		"config":       func(f *Fingerprint) { f.Config++ },
		"kind":         func(f *Fingerprint) { f.CompileKind++ },
		"rustflags":    func(f *Fingerprint) { f.Rustflags = append(f.Rustflags, "") },
		"dep id":       func(f *Fingerprint) { f.Deps[0].PkgID++ },
		"dep name":     func(f *Fingerprint) { f.Deps[0].Name += "x" },
		"dep public":   func(f *Fingerprint) { f.Deps[0].Public = true },
		"dep hash":     func(f *Fingerprint) { f.Deps[0].Hash++ },
		"text":         func(f *Fingerprint) { f.Local[0].Text += "x" },
		"dep-info":     func(f *Fingerprint) { f.Local[1].DepInfo += "x" },
		"checksum":     func(f *Fingerprint) { f.Local[1].Checksum = false },
		"output":       func(f *Fingerprint) { f.Local[2].Output += "x" },
		"paths":        func(f *Fingerprint) { f.Local[2].Paths[0] = "c" },
		"path split":   func(f *Fingerprint) { f.Local[2].Paths = []string{"a", "b/c"} },
		"path joined":  func(f *Fingerprint) { f.Local[2].Paths = []string{"a", "bc"} },
		"variable":     func(f *Fingerprint) { f.Local[3].Var += "x" },
		"value":        func(f *Fingerprint) { f.Local[4].Val += "x" },
		"empty value":  func(f *Fingerprint) { f.Local[3].ValSet = true },
		"local count":  func(f *Fingerprint) { f.Local = f.Local[:4] },
		"local kind":   func(f *Fingerprint) { f.Local[0] = Local{Kind: RerunIfEnvChanged, Var: "1.2.3"} },
		"dependencies": func(f *Fingerprint) { f.Deps = f.Deps[:1] },
	} {
		f, _ := Parse([]byte(known))
		change(f)
		if other, dup := seen[f.Hash()]; dup {
			t.Errorf("%s: same hash as %s", name, other)
		}
		seen[f.Hash()] = name
	}
}

// Cargo 1.100 writes a word where a flag was before, and hashes what it hashed.
func TestWordsForFlags(t *testing.T) {
	old := map[string]string{"mtime": "false", "content": "true"}
	for word, flag := range old {
		parse := func(text string) *Fingerprint {
			f, err := Parse(bytes.Replace([]byte(known), []byte(`"checksum":true`), []byte(text), 1))
			if err != nil || !f.Reproducible() {
				t.Fatalf("%s: reproducible %v, %v", text, f.Reproducible(), err)
			}
			return f
		}
		if a, b := parse(`"fingerprint":"`+word+`"`), parse(`"checksum":`+flag); a.Hash() != b.Hash() {
			t.Errorf("%s and %s have different hashes", word, flag)
		}
	}
}

func TestUnknownIsNotReproducible(t *testing.T) {
	for name, data := range map[string][]byte{
		"new field":     bytes.Replace([]byte(known), []byte(`"config":9`), []byte(`"config":9,"fresh":true`), 1),
		"new variant":   bytes.Replace([]byte(known), []byte(`{"Precalculated":"1.2.3"}`), []byte(`{"CheckGit":"1.2.3"}`), 1),
		"plain variant": bytes.Replace([]byte(known), []byte(`{"Precalculated":"1.2.3"}`), []byte(`"Nothing"`), 1),
		"unknown word":  bytes.Replace([]byte(known), []byte(`"checksum":true`), []byte(`"fingerprint":"size"`), 1),
		"flag and word": bytes.Replace([]byte(known), []byte(`"checksum":true`), []byte(`"checksum":false,"fingerprint":"mtime"`), 1),
		"lost field":    bytes.Replace([]byte(known), []byte(`"config":9,`), nil, 1),
		"other order":   bytes.Replace([]byte(known), []byte(`"config":9,"compile_kind":10`), []byte(`"compile_kind":10,"config":9`), 1),
		"field case":    bytes.Replace([]byte(known), []byte(`"config":9`), []byte(`"Config":9`), 1),
		"twice":         bytes.Replace([]byte(known), []byte(`"config":9`), []byte(`"config":8,"config":9`), 1),

		"null":  []byte(`null`),
		"empty": []byte(`{}`),
	} {
		f, err := Parse(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if f.Reproducible() {
			t.Errorf("%s: reproducible", name)
		}
	}
	for _, data := range []string{"", "[]", "{", known + "x", `{"rustc":-1}`, `{"rustc":1e3}`, `{"rustc":18446744073709551616}`, `{"deps":[5]}`} {
		if _, err := Parse([]byte(data)); !errors.Is(err, ErrFormat) {
			t.Errorf("Parse(%q) = %v, want ErrFormat", data, err)
		}
	}
}

func TestHashText(t *testing.T) {
	const hash, text = 7134125577191974942, "1e688e0b6a810163"
	if got := FormatHash(hash); got != text {
		t.Errorf("FormatHash = %s, want %s", got, text)
	}
	if got, err := ParseHash([]byte(text)); got != hash || err != nil {
		t.Errorf("ParseHash = %d, %v", got, err)
	}
	// The empty file is what an interrupted build leaves.
	for _, bad := range []string{"", "1e688e0b6a81016", "1e688e0b6a8101633", "1E688e0b6a810163", "1e688e0b6a81016\n", "xe688e0b6a810163"} {
		if _, err := ParseHash([]byte(bad)); !errors.Is(err, ErrFormat) {
			t.Errorf("ParseHash(%q) = %v, want ErrFormat", bad, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(known))
	f.Add([]byte(`{"local":[null,{}]}`))
	f.Add([]byte(`{"features":"\ud800"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		fp, err := Parse(data)
		if err != nil {
			return
		}
		fp.Hash()
		if !fp.Reproducible() {
			return
		}
		again, err := Parse(fp.Encode())
		if err != nil || !again.Reproducible() || again.Hash() != fp.Hash() {
			t.Fatalf("encoding of %q does not read back: %v", data, err)
		}
	})
}
