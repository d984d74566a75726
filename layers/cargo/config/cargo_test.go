package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
)

// The package lies in p, two directories below the configuration of top; home
// is Cargo's home. TOP stands for the directory of all.
var tree = map[string]string{
	"top/p/Cargo.toml": "[package]\nname = \"p\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
	"top/p/src/lib.rs": "",
	"top/p/build.rs": `fn main() {
	for name in ["REL", "ABS", "UP", "TAKEN", "FORCED"] {
		println!("{name}={}", std::env::var(name).unwrap());
	}
}
`,
	"top/p/.cargo/config.toml": `include = ["first.toml", { path = "../../second.toml" }, { path = "absent.toml", optional = true }]
[build]
rustflags = ["--cfg", "near"]
[profile.dev]
opt-level = 1
[profile.dev.package."*"]
debug = false
[env]
REL = { value = "a/../b", relative = true }
ABS = "near"
TAKEN = "file"
FORCED = { value = "file", force = true }
`,
	"top/p/.cargo/first.toml": "[build]\nrustflags = [\"--cfg\", \"first\"]\n[profile.dev]\nopt-level = 2\ndebug = 1\nlto = \"off\"\n[env]\nABS = \"first\"\n",
	"top/second.toml":         "[build]\nrustflags = [\"--cfg\", \"second\"]\n[profile.dev]\ndebug = 2\n[target.'cfg(unix)']\nrustflags = \"--cfg  unix_flag\"\n",
	"top/.cargo/config":       "[build]\nrustflags = [\"--cfg\", \"far\"]\njobs = 1\n[profile.release]\npanic = \"abort\"\n[env]\nUP = { value = \"u\", relative = true }\n[profile.dev]\nopt-level = 3\n",
	"top/.cargo/config.toml":  "[build]\nrustflags = [\"--cfg\", \"never_read\"]\n",
	"home/config.toml":        "[build]\nrustflags = [\"--cfg\", \"home\"]\n[profile.dev]\ncodegen-units = 3\n[unstable]\nbuild-std = [\"core\"]\n",
}

func TestLoadAgreesWithCargo(t *testing.T) {
	t.Log(cargotest.Require(t, ""))
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cargotest.Write(t, top, tree)
	dir, home := filepath.Join(top, "top/p"), filepath.Join(top, "home")
	// The bootstrap variable opens "cargo config", which is unstable.
	environ := []string{"CARGO_HOME=" + home, "RUSTC_BOOTSTRAP=1", "TAKEN=caller", "FORCED=caller"}

	out := cargotest.Run(t, dir, "", environ, "-Zunstable-options", "config", "get", "--format", "json")
	want := map[string]any{}
	if err := json.NewDecoder(strings.NewReader(string(out))).Decode(&want); err != nil {
		t.Fatal(err)
	}
	l := &loader{dir: dir}
	root, err := l.files(home)
	if err != nil {
		t.Fatal(err)
	}
	// Through JSON, so that numbers have one type.
	text, err := json.Marshal(root.plain())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]any{}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("merged %s\ncargo  %s", text, out)
	}

	c, err := Load(dir, home, environ)
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(filepath.Join(home, "config.toml")) // build-std is not for stable
	cargotest.Run(t, dir, "", environ, "check", "-q")
	files, err := filepath.Glob(filepath.Join(dir, "target/debug/build/p-*/output"))
	if err != nil || len(files) != 1 {
		t.Fatalf("script outputs %q, %v", files, err)
	}
	output, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	caller := map[string]string{"TAKEN": "caller"}
	for line := range strings.Lines(string(output)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		got := c.Env[name].resolve()
		if v, ok := caller[name]; ok && !c.Env[name].Force {
			got = v
		}
		if got != value {
			t.Errorf("%s is %q, the script saw %q", name, got, value)
		}
	}
}
