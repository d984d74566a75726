package lockfile_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/lockfile"
)

// A workspace with packages from a registry (a directory that replaces it, in
// two versions), from a Git repository and from paths.
func TestParseAgreesWithCargoMetadata(t *testing.T) {
	t.Log(cargotest.Require(t, ""))
	for name, tc := range map[string]struct {
		rust    string
		version int
	}{
		"newest":   {"", 4},
		"old rust": {"rust-version = \"1.70\"\n", 3},
	} {
		t.Run(name, func(t *testing.T) {
			top := t.TempDir()
			manifest := func(name, version, rest string) string {
				return "[package]\nname = \"" + name + "\"\nversion = \"" + version + "\"\nedition = \"2021\"\n" + tc.rust + rest
			}
			sum := `{"files":{},"package":"` + strings.Repeat("5a", 32) + `"}`
			cargotest.Write(t, top, map[string]string{
				"git/Cargo.toml":                        manifest("ingit", "0.3.0", "[dependencies]\nreg = \"1\"\n"),
				"git/src/lib.rs":                        "",
				"vendor/reg-1.0.0/Cargo.toml":           manifest("reg", "1.0.0", ""),
				"vendor/reg-1.0.0/src/lib.rs":           "",
				"vendor/reg-1.0.0/.cargo-checksum.json": sum,
				"vendor/reg-2/Cargo.toml":               manifest("reg", "2.0.1+meta", ""),
				"vendor/reg-2/src/lib.rs":               "",
				"vendor/reg-2/.cargo-checksum.json":     sum,
				"ws/Cargo.toml":                         "[workspace]\nmembers = [\"app\", \"lib\"]\nresolver = \"2\"\n",
				"ws/.cargo/config.toml":                 "[source.crates-io]\nreplace-with = \"v\"\n[source.v]\ndirectory = \"../vendor\"\n",
				"ws/app/Cargo.toml": manifest("app", "0.1.0", "[dependencies]\nlib = { path = \"../lib\" }\nreg = \"2\"\n"+
					"[target.'cfg(windows)'.dependencies]\nreg1 = { package = \"reg\", version = \"1\" }\n"),
				"ws/app/src/lib.rs": "",
				"ws/lib/Cargo.toml": manifest("lib", "0.1.0", "[dev-dependencies]\ningit = { git = \"file://"+top+"/git\" }\n"),
				"ws/lib/src/lib.rs": "",
			})
			for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"-c", "user.name=n", "-c", "user.email=e", "commit", "-qm", "c"}} {
				cmd := exec.Command("git", args...)
				cmd.Dir = filepath.Join(top, "git")
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("git %q: %v: %s", args, err, out)
				}
			}
			// Cargo keeps clones of Git dependencies in its home.
			env := []string{"CARGO_HOME=" + filepath.Join(top, "home"), "CARGO_NET_OFFLINE=false"}
			out := cargotest.Run(t, filepath.Join(top, "ws"), "", env, "metadata", "--format-version", "1")

			data, err := os.ReadFile(filepath.Join(top, "ws/Cargo.lock"))
			if err != nil {
				t.Fatal(err)
			}
			l, err := lockfile.Parse(data)
			if err != nil {
				t.Fatal(err)
			}
			if l.Version != tc.version {
				t.Errorf("version %d, want %d", l.Version, tc.version)
			}
			compare(t, l, out)
			for _, p := range l.Packages {
				if (p.Name == "reg") != (p.Checksum == strings.Repeat("5a", 32)) {
					t.Errorf("%s has the checksum %q", p.Name, p.Checksum)
				}
			}
		})
	}
}

func compare(t *testing.T, l *lockfile.Lockfile, metadata []byte) {
	t.Helper()
	var m struct {
		Packages []struct{ ID, Name, Version, Source string }
		Resolve  struct {
			Nodes []struct {
				ID           string
				Dependencies []string
			}
		}
	}
	if err := json.NewDecoder(bytes.NewReader(metadata)).Decode(&m); err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{}
	text := func(name, version, source string) string { return name + " " + version + " " + source }
	for _, p := range m.Packages {
		ids[p.ID] = text(p.Name, p.Version, p.Source)
	}
	var want, got []string
	for _, n := range m.Resolve.Nodes {
		line := ids[n.ID] + ":"
		var deps []string
		for _, d := range n.Dependencies {
			deps = append(deps, ids[d])
		}
		slices.Sort(deps)
		want = append(want, line+strings.Join(deps, ","))
	}
	for _, p := range l.Packages {
		var deps []string
		for _, d := range p.Dependencies {
			deps = append(deps, text(d.Name, d.Version, d.Source))
		}
		got = append(got, text(p.Name, p.Version, p.Source)+":"+strings.Join(deps, ","))
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("lockfile:\n%s\ncargo metadata:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(got) != 5 {
		t.Errorf("%d packages, want 5", len(got))
	}
}

// The same dependencies, as cargo writes them down in two versions of the format.
func TestPlainSourceOfRealLockfiles(t *testing.T) {
	t.Log(cargotest.Require(t, ""))
	top := t.TempDir()
	cargotest.Write(t, top, map[string]string{
		"git/Cargo.toml": "[package]\nname = \"ingit\"\nversion = \"0.3.0\"\nedition = \"2021\"\n",
		"git/src/lib.rs": "",
		"ws/src/lib.rs":  "",
	})
	for _, args := range [][]string{{"init", "-q"}, {"checkout", "-q", "-b", "feature/a=b"}, {"add", "-A"}, {"-c", "user.name=n", "-c", "user.email=e", "commit", "-qm", "c"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = filepath.Join(top, "git")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v: %s", args, err, out)
		}
	}
	env := []string{"CARGO_HOME=" + filepath.Join(top, "home"), "CARGO_NET_OFFLINE=false"}
	written, plain := map[string]int{}, map[string]int{}
	for version, rust := range map[int]string{3: "rust-version = \"1.70\"\n", 4: ""} {
		cargotest.Write(t, top, map[string]string{
			"ws/Cargo.toml": "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n" + rust +
				"[dependencies]\ningit = { git = \"file://" + top + "/git\", branch = \"feature/a=b\" }\n",
		})
		if err := os.RemoveAll(filepath.Join(top, "ws/Cargo.lock")); err != nil {
			t.Fatal(err)
		}
		cargotest.Run(t, filepath.Join(top, "ws"), "", env, "generate-lockfile")
		data, err := os.ReadFile(filepath.Join(top, "ws/Cargo.lock"))
		if err != nil {
			t.Fatal(err)
		}
		l, err := lockfile.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		if l.Version != version {
			t.Errorf("version %d, want %d", l.Version, version)
		}
		for i := range l.Packages {
			if p := &l.Packages[i]; p.Source != "" {
				written[p.Source]++
				plain[l.PlainSource(p)]++
			}
		}
	}
	if len(written) != 2 {
		t.Errorf("both versions write %v: this shows nothing", written)
	}
	if len(plain) != 1 {
		t.Errorf("PlainSource makes of them %v", plain)
	}
}
