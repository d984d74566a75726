package leftover

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
)

// rootPackage is a package in the root of its workspace, with a target of each kind.
var rootPackage = map[string]string{
	"Cargo.toml":     "[package]\nname = \"root\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[features]\ndefault = [\"loud\"]\nloud = []\n",
	"src/lib.rs":     "pub fn word() -> &'static str { if cfg!(feature = \"loud\") { \"LOUD\" } else { \"low\" } }\n#[test]\nfn t() {}\n",
	"src/main.rs":    "fn main() { println!(\"{}\", root::word()) }\n",
	"tests/it.rs":    "#[test]\nfn it() { root::word(); }\n",
	"examples/ex.rs": "fn main() { root::word(); }\n",
	"benches/be.rs":  "fn main() { root::word(); }\n",
}

// members is a workspace with features, a build script, a macro, a dynamic library and a
// program of a member that will be gone.
var members = map[string]string{
	"Cargo.toml":          "[workspace]\nresolver = \"2\"\nmembers = [\"liba\", \"mac\", \"scripted\", \"shared\", \"app\", \"gone\"]\n",
	"liba/Cargo.toml":     cargotest.Manifest("liba") + "[features]\ndefault = [\"fast\"]\nfast = []\n",
	"liba/src/lib.rs":     "pub fn a() -> u32 { if cfg!(feature = \"fast\") { 1 } else { 2 } }\n#[test]\nfn t() {}\n",
	"mac/Cargo.toml":      cargotest.Manifest("mac") + "[lib]\nproc-macro = true\n",
	"mac/src/lib.rs":      "#[proc_macro]\npub fn one(_: proc_macro::TokenStream) -> proc_macro::TokenStream { \"1u32\".parse().unwrap() }\n",
	"scripted/Cargo.toml": cargotest.Manifest("scripted"),
	"scripted/build.rs":   "fn main() { println!(\"cargo:rerun-if-changed=build.rs\"); std::fs::write(std::env::var(\"OUT_DIR\").unwrap() + \"/x.rs\", \"pub const X: u32 = 7;\").unwrap(); }\n",
	"scripted/src/lib.rs": "include!(concat!(env!(\"OUT_DIR\"), \"/x.rs\"));\n",
	"shared/Cargo.toml":   cargotest.Manifest("shared", "liba") + "[lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n",
	"shared/src/lib.rs":   "#[no_mangle]\npub extern \"C\" fn s() -> u32 { liba::a() }\n",
	"app/Cargo.toml":      cargotest.Manifest("app", "liba", "mac", "scripted"),
	"app/src/main.rs":     "fn main() { println!(\"{}\", liba::a() + mac::one!() + scripted::X) }\n",
	"app/tests/it.rs":     "#[test]\nfn it() { liba::a(); }\n",
	"gone/Cargo.toml":     cargotest.Manifest("gone", "liba"),
	"gone/build.rs":       "fn main() { println!(\"cargo:rerun-if-changed=build.rs\") }\n",
	"gone/src/main.rs":    "fn main() { println!(\"{}\", liba::a()) }\n",
	"gone/src/lib.rs":     "pub fn g() {}\n",
}

// bumped is a workspace with a dependency from a registry.
var bumped = map[string]string{
	"Cargo.toml":       "[workspace]\nresolver = \"2\"\nmembers = [\"mid\", \"app\", \"apart\"]\n",
	"mid/Cargo.toml":   cargotest.Manifest("mid") + "regdep = \"1\"\n",
	"mid/src/lib.rs":   "pub fn v() -> &'static str { regdep::V }\n",
	"app/Cargo.toml":   cargotest.Manifest("app", "mid"),
	"app/src/main.rs":  "fn main() { println!(\"{}\", mid::v()) }\n",
	"app/tests/it.rs":  "#[test]\nfn it() { mid::v(); }\n",
	"apart/Cargo.toml": cargotest.Manifest("apart"),
	"apart/src/lib.rs": "pub fn a() {}\n",
}

func newBumped(t *testing.T, toolchain string) *site {
	t.Helper()
	s := newSite(t, toolchain, bumped)
	s.run(t, "update", "-p", "regdep", "--precise", "1.0.0")
	return s
}

// What every build directory has, whatever was built in it, is never of no use.
func TestNothingIsLeftOver(t *testing.T) {
	toolchains := append(cargotest.Toolchains(t), "")
	if number(t, "CARGO_COW_TEST_ROUNDS") == 0 { // by default the oldest, and one of each layout
		toolchains = append(layouts[:len(layouts):len(layouts)], toolchains[0])
	}
	for _, toolchain := range toolchains {
		for shape, files := range map[string]map[string]string{"root": rootPackage, "members": members, "registry": bumped} {
			if shape != "members" && !slices.Contains(layouts, toolchain) {
				continue
			}
			t.Run("rust "+toolchain+"/"+shape, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, toolchain, files)
				for _, c := range append(slices.Clone(commands), []string{"doc", "--workspace"}) {
					s.run(t, c...)
					if plan := s.find(t, s.learn(t)); len(plan.Items) > 0 {
						t.Fatalf("after cargo %s:%s", strings.Join(c, " "), describe(plan))
					}
				}
				s.prune(t, s.learn(t))
				s.wantFresh(t)
			})
		}
	}
}

// Without the units of a member that is gone, and its program, all is as fresh as before.
func TestMemberGone(t *testing.T) {
	for _, toolchain := range layouts {
		t.Run("rust "+toolchain, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, toolchain, members)
			s.build(t)
			if err := os.RemoveAll(s.dir + "/gone"); err != nil {
				t.Fatal(err)
			}
			cargotest.Write(t, s.dir, map[string]string{"Cargo.toml": strings.Replace(members["Cargo.toml"], `, "gone"`, "", 1)})
			s.build(t)
			plan := s.prune(t, s.learn(t))
			for _, it := range plan.Items {
				if it.Reason == PackageGone && it.Detail != "gone" {
					t.Errorf("%s is of %s", it.Unit, it.Detail)
				}
			}
			if n := reasons(plan); n[PackageGone] == 0 || n[PackageGone] != len(plan.Items) {
				t.Errorf("found %v:%s", n, describe(plan))
			}
			for path := range list(t, s.target()) {
				base := filepath.Base(path)
				if (strings.HasPrefix(base, "gone") || strings.HasPrefix(base, "libgone")) && holdsFile(s.target()+"/"+path) {
					t.Errorf("%s is still there", path)
				}
			}
			s.wantFresh(t)
		})
	}
}

// A dependency that the lockfile has in another version goes, and what was built with it.
func TestDependencyBumped(t *testing.T) {
	for _, toolchain := range layouts {
		t.Run("rust "+toolchain, func(t *testing.T) {
			t.Parallel()
			s := newBumped(t, toolchain)
			s.build(t)
			s.run(t, "update", "-p", "regdep", "--precise", "1.0.1")
			known := s.learn(t)
			// Before the next build too: it could use nothing of that.
			before := s.find(t, known)
			if n := reasons(before); n[PackageGone] == 0 {
				t.Errorf("before the build: %v", n)
			}
			s.build(t)
			plan := s.prune(t, known)
			var outdated []string
			for _, it := range plan.Items {
				switch it.Reason {
				case PackageGone:
					if it.Detail != "regdep 1.0.0" {
						t.Errorf("%s is of %s", it.Unit, it.Detail)
					}
				case Outdated:
					pkg, _ := builddir.SplitID(it.Unit)
					outdated = append(outdated, pkg)
				default:
					t.Errorf("%s %s: %q", it.Reason, it.Unit, it.Paths)
				}
			}
			slices.Sort(outdated)
			if got := slices.Compact(outdated); !slices.Equal(got, []string{"app", "mid"}) {
				t.Errorf("outdated are %q", got)
			}
			s.wantFresh(t)
			if got := strings.TrimSpace(string(s.run(t, "run", "-q", "-p", "app"))); got != "1.0.1" {
				t.Errorf("the program prints %q", got)
			}
		})
	}
}

// Every compiler is recognised by the number in fingerprints and by its name in what it
// wrote.
func TestCompilerRecognised(t *testing.T) {
	for _, toolchain := range append(cargotest.Toolchains(t), "") {
		t.Run("rust "+toolchain, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, toolchain, rootPackage)
			s.run(t, "build")
			said := string(s.rustc(t, "-vV"))
			known := Known{Compilers: []string{said}}
			bd, err := builddir.Scan(s.target(), s.dir, nil)
			if err != nil || len(bd.Units) < 2 {
				t.Fatalf("%d units, %v", len(bd.Units), err)
			}
			for _, u := range bd.Units {
				if !known.compiles(u.Fingerprint.Rustc) {
					t.Errorf("%s: the number is not of the compiler", u.Unit)
				}
			}
			j := newJudge(bd, known, nil)
			if name := j.compilerOf(bd.Units); !known.named(name) {
				t.Errorf("metadata is of %q", name)
			}
			crates, err := crateDirs(s.target(), "debug")
			if err != nil || len(crates) == 0 {
				t.Fatalf("%q, %v", crates, err)
			}
			for _, c := range crates {
				if name := sessionCompiler(s.target(), c); !known.named(name) {
					t.Errorf("%s is of %q", c, name)
				}
			}
		})
	}
}

// What is of a compiler that is gone goes, with its incremental state, and the rest stays.
func TestCompilerGone(t *testing.T) {
	for i, toolchain := range layouts {
		other := layouts[len(layouts)-1-i]
		t.Run("rust "+toolchain, func(t *testing.T) {
			t.Parallel()
			cargotest.Require(t, other)
			s := newSite(t, toolchain, rootPackage)
			old := *s
			old.toolchain = other
			for _, c := range commands {
				old.run(t, c...)
			}
			s.build(t)
			known := s.learn(t)
			if plan := s.find(t, known); reasons(plan)[ToolchainGone] > 0 {
				t.Fatalf("all are installed:%s", describe(plan))
			}
			said := string(old.rustc(t, "-vV"))
			known.Compilers = slices.DeleteFunc(slices.Clone(known.Compilers), func(c string) bool { return c == said })
			plan := s.prune(t, known)
			if n := reasons(plan); n[ToolchainGone] == 0 {
				t.Errorf("nothing of %s was found: %v", other, n)
			}
			for _, it := range plan.Items {
				if it.Reason == ToolchainGone && !strings.HasPrefix(said, it.Detail+"\n") {
					t.Errorf("%s is of %s", it.Unit, it.Detail)
				}
			}
			bd, err := builddir.Scan(s.target(), known.CargoHome, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range bd.Units {
				if !known.compiles(u.Fingerprint.Rustc) {
					t.Errorf("%s of %s is still there", u.Unit, other)
				}
			}
			s.wantFresh(t)
		})
	}
}

// A unit whose dependency was built again in its place cannot be fresh again.
func TestOutdated(t *testing.T) {
	for _, toolchain := range layouts {
		t.Run("rust "+toolchain, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, toolchain, members)
			cargotest.Write(t, s.dir, map[string]string{
				"scripted/build.rs": "fn main() { println!(\"cargo:rerun-if-env-changed=WORD\"); std::fs::write(std::env::var(\"OUT_DIR\").unwrap() + \"/x.rs\", \"pub const X: u32 = 7;\").unwrap(); }\n",
			})
			s.env = append(s.env, "WORD=a")
			s.build(t)
			s.env[len(s.env)-1] = "WORD=b"
			s.run(t, "build", "--workspace")
			known := s.learn(t)
			plan := s.find(t, known)
			if reasons(plan)[Outdated] == 0 {
				t.Errorf("nothing is outdated:%s", describe(plan))
			}
			want := map[string]map[string]bool{}
			for _, c := range commands {
				want[strings.Join(c, " ")] = copied(t, s).states(t, c)
			}
			s.prune(t, known)
			for _, c := range commands {
				got := copied(t, s).states(t, c)
				for unit, fresh := range want[strings.Join(c, " ")] {
					if fresh && !got[unit] {
						t.Errorf("cargo %s: rebuilt %s", strings.Join(c, " "), unit)
					}
				}
			}
		})
	}
}

// Sessions go but for the newest of each crate, and all of them if that is asked for; one
// that a compiler has locked stays.
func TestSessions(t *testing.T) {
	s := newSite(t, "", rootPackage)
	s.build(t)
	known := s.learn(t)
	crates, err := crateDirs(s.target(), "debug")
	if err != nil || len(crates) == 0 {
		t.Fatalf("%q, %v", crates, err)
	}
	working := crates[0] + "/s-zzzzzzzzzz-0000000-working"
	older := crates[0] + "/s-0000000000-0000000-0123456789abc"
	cargotest.Write(t, s.target(), map[string]string{
		working + "/dep-graph.bin": "x", older + "/dep-graph.bin": "x", crates[0] + "/s-zzzzzzzzzz-0000000.lock": "", crates[0] + "/s-0000000000-0000000.lock": "",
	})
	unlock := locked(t, s.target()+"/"+crates[0]+"/s-zzzzzzzzzz-0000000.lock")
	plan := s.find(t, known)
	if len(plan.Items) != 1 || !slices.Contains(plan.Items[0].Paths, older) || slices.Contains(plan.Items[0].Paths, working) {
		t.Errorf("with a compiler at work:%s", describe(plan))
	}
	if all, err := Incremental(s.target()); err != nil || slices.ContainsFunc(all.Items, func(it Item) bool { return strings.HasPrefix(it.Paths[0], crates[0]) }) {
		t.Errorf("all, with a compiler at work: %v", err)
	}
	unlock()
	plan = s.prune(t, known)
	if len(plan.Items) != 1 || !slices.Contains(plan.Items[0].Paths, older) || !slices.Contains(plan.Items[0].Paths, working) {
		t.Errorf("sessions:%s", describe(plan))
	}
	s.wantFresh(t)
	all, err := Incremental(s.target())
	if err != nil || len(all.Items) == 0 {
		t.Fatalf("%v, %v", all, err)
	}
	if err := all.Remove(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(s.target() + "/*/incremental/*"); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	s.wantFresh(t)
}

// What people and other programs have put among Cargo's files stays, whatever it is.
func TestStrange(t *testing.T) {
	s := newSite(t, "", rootPackage)
	s.build(t)
	strange := map[string]string{
		"debug/deps/notes-0123456789abcdef.txt":         "mine",
		"debug/deps/tool-0123456789abcdef":              "a program, and no list of its inputs",
		"debug/deps/libhand.rlib":                       "mine",
		"debug/deps/rmeta-notes/x":                      "mine",
		"debug/build/own-0123456789abcdef/notes":        "mine",
		"debug/build/notes/x":                           "mine",
		"debug/.fingerprint/own-0123456789abcdef/sub/x": "mine",
		"debug/incremental/notes/readme":                "mine",
		"debug/examples/readme":                         "mine",
		"debug/my-program":                              "mine",
		"tmp/x":                                         "mine", "doc/x": "mine", "package/x": "mine", "notes": "mine",
	}
	cargotest.Write(t, s.target(), strange)
	// A profile behind a link is somebody's directory.
	elsewhere := t.TempDir()
	cargotest.Write(t, elsewhere, map[string]string{".cargo-lock": "", "deps/liba-0123456789abcdef.rlib": "mine"})
	if err := os.Symlink(elsewhere, s.target()+"/linked"); err != nil {
		t.Fatal(err)
	}
	certain := map[string]string{
		"debug/deps/libgone-0123456789abcded.rlib": "x", "debug/deps/gone-0123456789abcded.d": "x", "debug/deps/tool2-0123456789abcdee": "x",
		"debug/deps/tool2-0123456789abcdee.d": "x", "debug/deps/rmetaAbC123/full.rmeta": "x", "debug/deps/.tmpAbC123.temp-archive/x": "x",
		"debug/build/gone-0123456789abcdef/output": "x", "debug/.fingerprint/gone-0123456789abcde0/invoked.timestamp": "x",
	}
	cargotest.Write(t, s.target(), certain)
	plan := s.prune(t, s.learn(t))
	for path := range strange {
		if _, err := os.Lstat(filepath.Join(s.target(), path)); err != nil {
			t.Errorf("%v:%s", err, describe(plan))
		}
	}
	if _, err := os.Lstat(elsewhere + "/deps/liba-0123456789abcdef.rlib"); err != nil {
		t.Error(err)
	}
	for path := range certain {
		if _, err := os.Lstat(filepath.Join(s.target(), path)); err == nil {
			t.Errorf("%s is still there", path)
		}
	}
	s.wantFresh(t)
}

// Where others may build in the directory, what they have is not known.
func TestOwnedBy(t *testing.T) {
	for _, tt := range []struct {
		dir, root string
		want      bool
	}{
		{"/a/target", "/a", true}, {"/target", "/a", false}, {"/ab/target", "/a", false},
		{"/cache/01/8861e1113a6f30", "/a", true}, {"/cache/01/8861e1113a6f30/build", "/a", true}, {"/cache/01/8861e1113a6f3", "/a", false},
	} {
		if got := ownedBy(tt.dir, tt.root); got != tt.want {
			t.Errorf("%s is %s's: %t", tt.dir, tt.root, got)
		}
	}
}

// A workspace inside another has a lockfile of its own, and may build in the same
// directory.
func TestWorkspaceInside(t *testing.T) {
	s := newBumped(t, "")
	cargotest.Write(t, s.dir, map[string]string{
		".cargo/config.toml": "[build]\ntarget-dir = \"target\"\n",
		"inner/Cargo.toml":   "[workspace]\n" + cargotest.Manifest("inner") + "regdep = \"1\"\n",
		"inner/src/lib.rs":   "pub fn v() -> &'static str { regdep::V }\n",
		"Cargo.toml":         bumped["Cargo.toml"] + "exclude = [\"inner\"]\n",
	})
	inner := *s
	inner.dir += "/inner"
	inner.run(t, "update", "-p", "regdep", "--precise", "1.0.0")
	inner.run(t, "build")
	s.run(t, "update", "-p", "regdep", "--precise", "1.0.1")
	s.build(t)
	if plan := s.prune(t, s.learn(t)); len(plan.Items) > 0 {
		t.Errorf("found%s", describe(plan))
	}
	for unit, fresh := range inner.states(t, []string{"build"}) {
		if !fresh {
			t.Errorf("the inner workspace rebuilt %s", unit)
		}
	}
	s.wantFresh(t)
}
