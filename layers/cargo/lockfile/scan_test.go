package lockfile

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
)

// What cargo writes is read the fast way.
func TestScanReadsWhatCargoWrites(t *testing.T) {
	t.Log(cargotest.Require(t, ""))
	for _, rust := range []string{"", "rust-version = \"1.70\"\n"} {
		top := t.TempDir()
		cargotest.Write(t, top, map[string]string{
			"Cargo.toml":                    "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n" + rust + "[dependencies]\nreg = \"1\"\nlib = { path = \"lib\" }\n",
			"src/lib.rs":                    "",
			"lib/Cargo.toml":                "[package]\nname = \"lib\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
			"lib/src/lib.rs":                "",
			".cargo/config.toml":            "[source.crates-io]\nreplace-with = \"v\"\n[source.v]\ndirectory = \"vendor\"\n",
			"vendor/r/Cargo.toml":           "[package]\nname = \"reg\"\nversion = \"1.0.0\"\nedition = \"2021\"\n",
			"vendor/r/src/lib.rs":           "",
			"vendor/r/.cargo-checksum.json": `{"files":{},"package":"` + strings.Repeat("5a", 32) + `"}`,
		})
		cargotest.Run(t, top, "", []string{"CARGO_HOME=" + filepath.Join(top, "home")}, "generate-lockfile")
		text, err := os.ReadFile(filepath.Join(top, "Cargo.lock"))
		if err != nil {
			t.Fatal(err)
		}
		if r, ok := scan(string(text)); !ok || len(r.Package) != 3 {
			t.Errorf("read as TOML at large (%+v):\n%s", r, text)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range samples {
		f.Add([]byte(text))
	}
	for _, line := range []string{"#\n", " \n", "version = 4\n", "[[package]]\r\n", "dependencies = []\n", "dependencies = [\n \"a\",\n]\n", "name = 'b'\n", "name = \"\\u0062\"\n", "#\x00\n", " b\",\n"} {
		f.Add([]byte("version = 4\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n" + line))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if fast, ok := scan(string(data)); ok {
			var slow rawLockfile
			if err := toml.Unmarshal(data, &slow); err != nil {
				t.Fatalf("read though it is no TOML: %v", err)
			}
			for i := range slow.Package {
				if p := &slow.Package[i]; p.Dependencies == nil && fast.Package[i].Dependencies != nil {
					p.Dependencies = []string{}
				}
			}
			if !reflect.DeepEqual(fast, slow) {
				t.Fatalf("read as %+v; TOML says %+v", fast, slow)
			}
		}
		l, err := Parse(data)
		if err != nil {
			return
		}
		known := map[ID]bool{}
		for _, p := range l.Packages {
			known[p.ID] = true
		}
		for _, p := range l.Packages {
			for _, d := range p.Dependencies {
				if !known[d] {
					t.Fatalf("%s depends on %+v, which is not there", p.Name, d)
				}
			}
		}
	})
}
