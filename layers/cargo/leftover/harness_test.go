package leftover

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
)

// A site is a workspace with a registry of its own.
type site struct {
	dir, toolchain string
	env            []string
	after          func() // states calls it, if it is set
}

// layouts are toolchains that arrange build directories in different ways: the default one,
// and one with a directory for each unit.
var layouts = []string{"", "beta"}

// newSite makes a workspace of these files.
func newSite(t *testing.T, toolchain string, files map[string]string) *site {
	t.Helper()
	cargotest.Require(t, toolchain)
	top := cargotest.RealTempDir(t)
	for _, version := range []string{"1.0.0", "1.0.1"} {
		cargotest.Publish(t, top+"/registry", "regdep", version, map[string]string{
			"Cargo.toml": strings.Replace(cargotest.Manifest("regdep"), "0.1.0", version, 1),
			"src/lib.rs": "pub const V: &str = env!(\"FROM_SCRIPT\");\n",
			"build.rs":   "fn main() { println!(\"cargo:rerun-if-changed=build.rs\"); println!(\"cargo:rustc-env=FROM_SCRIPT=" + version + "\"); }\n",
		})
	}
	cargotest.Write(t, top+"/a", files)
	cargotest.Write(t, top+"/home", map[string]string{
		"config.toml": fmt.Sprintf("[source.crates-io]\nreplace-with = \"local\"\n[source.local]\nlocal-registry = %q\n", top+"/registry"),
	})
	// With CI set, Cargo since 1.99 keeps no incremental state by itself.
	env := []string{"CARGO_HOME=" + top + "/home", "CARGO_NET_OFFLINE=false", "CARGO_INCREMENTAL=1"}
	if os.Getenv("RUSTUP_HOME") == "" {
		env = append(env, "RUSTUP_HOME="+filepath.Join(os.Getenv("HOME"), ".rustup"))
	}
	return &site{dir: top + "/a", toolchain: toolchain, env: env}
}

func (s *site) target() string { return s.dir + "/target" }

func (s *site) run(t testing.TB, args ...string) []byte {
	t.Helper()
	return cargotest.Run(t, s.dir, s.toolchain, s.env, args...)
}

// commands are what people give: each has units of its own.
var commands = [][]string{
	{"build", "--workspace"}, {"test", "--workspace", "--no-run"}, {"check", "--workspace", "--all-targets"},
	{"build", "--workspace", "--release"}, {"build", "--workspace", "--all-targets", "--no-default-features"},
}

// states runs a command and returns what cargo says of each unit: whether it was fresh.
func (s *site) states(t testing.TB, command []string) map[string]bool {
	t.Helper()
	if s.after != nil {
		defer s.after()
	}
	fresh := map[string]bool{}
	for line := range bytes.Lines(s.run(t, append(slices.Clone(command), "--message-format=json")...)) {
		var m struct {
			Reason string `json:"reason"`
			ID     string `json:"package_id"`
			Target struct {
				Name string   `json:"name"`
				Kind []string `json:"kind"`
			} `json:"target"`
			Profile   json.RawMessage `json:"profile"`
			Features  []string        `json:"features"`
			Filenames []string        `json:"filenames"`
			Fresh     bool            `json:"fresh"`
		}
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if m.Reason == "compiler-artifact" {
			fresh[fmt.Sprint(m.ID, m.Target, string(m.Profile), m.Features, m.Filenames)] = m.Fresh
		}
	}
	if len(fresh) == 0 {
		t.Fatalf("cargo %s speaks of no unit", strings.Join(command, " "))
	}
	return fresh
}

// build runs all commands.
func (s *site) build(t testing.TB) {
	t.Helper()
	for _, c := range commands {
		s.run(t, c...)
	}
}

// wantFresh: no command has anything to build.
func (s *site) wantFresh(t testing.TB) {
	t.Helper()
	for _, c := range commands {
		for unit, fresh := range s.states(t, c) {
			if !fresh {
				t.Errorf("cargo %s: rebuilt %s", strings.Join(c, " "), unit)
			}
		}
	}
}

// environ is what else is run with.
func (s *site) environ() []string {
	env := append(os.Environ(), s.env...)
	if s.toolchain != "" {
		env = append(env, "RUSTUP_TOOLCHAIN="+s.toolchain)
	}
	return env
}

// learn asks for what is known of the workspace.
func (s *site) learn(t testing.TB) Known {
	t.Helper()
	tool := project.Tool{Cargo: "cargo", Dir: s.dir, Environ: s.environ()}
	answers, err := tool.Ask(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	known, err := Learn(t.Context(), tool, answers)
	if err != nil {
		t.Fatal(err)
	}
	if len(known.Doubts) > 0 {
		t.Fatalf("doubts: %q", known.Doubts)
	}
	return known
}

func (s *site) find(t testing.TB, known Known) *Plan {
	t.Helper()
	plan, err := Find(s.target(), known)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// prune finds and removes what is of no use, and holds that nothing else was.
func (s *site) prune(t testing.TB, known Known) *Plan {
	t.Helper()
	locks, err := builddir.Lock(t.Context(), nil, s.target())
	if err != nil {
		t.Fatal(err)
	}
	defer locks.Unlock()
	before := list(t, s.target())
	plan := s.find(t, known)
	gone := 0
	if err := plan.Remove(t.Context(), func(*Item) { gone++ }); err != nil {
		t.Fatal(err)
	}
	if gone != len(plan.Items) {
		t.Errorf("%d of %d items are gone", gone, len(plan.Items))
	}
	after := list(t, s.target())
	for path := range before {
		planned := newPlan("")
		planned.taken = plan.taken
		if !after[path] && !planned.has(path) && !isCrateOrPackage(path) {
			t.Errorf("%s is gone, and was not in the plan", path)
		}
	}
	if again := s.find(t, known); len(again.Items) > 0 {
		t.Errorf("after it there is more: %s", describe(again))
	}
	return plan
}

// list has everything in a directory.
func list(t testing.TB, dir string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		found[rel] = true
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func describe(p *Plan) string {
	var b strings.Builder
	for _, it := range p.Items {
		fmt.Fprintf(&b, "\n%s %s (%s) %s: %d bytes\n\t%s", it.Reason, it.Unit, it.Detail, it.Profile, it.Bytes, strings.Join(it.Paths, "\n\t"))
	}
	return b.String()
}

// reasons counts the items by reason.
func reasons(p *Plan) map[Reason]int {
	n := map[Reason]int{}
	for _, it := range p.Items {
		n[it.Reason]++
	}
	return n
}

// seeded gives the same choices again where a test that failed says its seed.
func seeded(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	if text := os.Getenv("CARGO_COW_TEST_SEED"); text != "" {
		fmt.Sscan(text, &seed)
	}
	t.Logf("CARGO_COW_TEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// number is a hidden input: how much is to be done; 0 if nothing is said.
func number(t *testing.T, name string) (n int) {
	t.Helper()
	if text := os.Getenv(name); text != "" {
		if _, err := fmt.Sscan(text, &n); err != nil {
			t.Fatalf("%s=%s: %v", name, text, err)
		}
	}
	return n
}
