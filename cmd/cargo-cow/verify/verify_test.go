package verify

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// Units of the workspace after `cargo build`, and how many more with their tests.
const (
	built  = 6 // app, liba, its script and that's run, mac, published
	tested = built + 4
)

// What cargo has built is equal, on each kind of file system, whether a clone is a snapshot, or made of clones or copies.
func TestEqual(t *testing.T) {
	t.Parallel()
	for _, fs := range []struct {
		name  string
		mount func(testing.TB, ...loopfs.Option) string
	}{{"btrfs", loopfs.Btrfs}, {"xfs", loopfs.XFS}, {"ext4", loopfs.Ext4}} {
		t.Run(fs.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, fs.mount(t, loopfs.Size(8<<30)))
			w.a.Cow("init")
			w.a.Build("build")
			allEqual(t, verify(w.a, 0), built)
		})
	}
}

// So are tests, what cargo check has made and what is optimized, in both layouts of a build directory.
func TestProfiles(t *testing.T) {
	t.Parallel()
	if len(fixture.More()) > 0 {
		return // then a toolchain is set for the whole run
	}
	for _, v := range fixture.Toolchains(t) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, btrfs(t), v.Env...)
			w.a.Cow("init")
			w.a.Build("test", "--workspace", "--no-run")
			w.a.Build("build", "--release", "-p", "app")
			w.a.Build("check", "-p", "liba")
			allEqual(t, verify(w.a, 0), tested+built+1)
		})
	}
}

// A restored unit is equal at its origin's path, and at no other; the origin may be gone, and what lies beside it not.
func TestRestored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, btrfs(t))
	w.a.Cow("init")
	w.a.Build("test", "--workspace", "--no-run")
	w.a.Cow("snapshot")
	b := w.a.Worktree("b")
	b.Cow("restore")
	b.Build("test", "--workspace", "--no-run")
	all := verify(b, 0)
	allEqual(t, all, tested)
	if v := of(t, all, "liba", "lib"); v.at != w.a.Dir {
		t.Errorf("liba was compiled at %q, want its origin's path %s", v.at, w.a.Dir)
	}
	// What is built here is verified here.
	b.Write("liba/src/lib.rs", b.Read("liba/src/lib.rs")+"pub fn more() {}\n")
	b.Build("test", "--workspace", "--no-run")
	all = verify(b, 0)
	allEqual(t, all, tested)
	if v := of(t, all, "liba", "lib"); v.at != "" {
		t.Errorf("liba, built here, was compiled at %q", v.at)
	}
	if v := of(t, all, "mac", "proc-macro"); v.at != w.a.Dir {
		t.Errorf("mac was compiled at %q, want its origin's path %s", v.at, w.a.Dir)
	}
	// Without the repository b is no checkout any more: a clone of it is.
	w.Must(".", nil, "git", "clone", "--quiet", w.a.Dir, w.Path("c"))
	c := w.At("c")
	c.Cow("restore")
	c.Build("test", "--workspace", "--no-run")
	w.Remove("a")
	allEqual(t, verify(c, 0), tested)
	if fixture.Exists(w.a.Dir) {
		t.Error("the origin's directory has come back")
	}
}

// Each of these is fresh for cargo and wrong. The unit is named, and what of it, and no other unit is.
func TestPlanted(t *testing.T) {
	t.Parallel()
	dir := btrfs(t)
	last := func(n int) int { return n - 1 }
	for _, tt := range []struct {
		name       string
		unit, kind string
		plant      func(t *testing.T, c *fixture.Checkout)
		differs    string   // begins the name of a part that differs
		also       []string // units that are made from it
	}{
		{
			name: "library from other sources", unit: "liba", kind: "lib", differs: "libliba",
			plant: func(t *testing.T, c *fixture.Checkout) {
				other := c.World.At("other")
				c.Must("cp", "-a", c.Dir, other.Dir)
				other.Edit("liba/src/lib.rs", "[1, 2, 3]", "[1, 2, 4]")
				other.Build("build")
				for _, ext := range []string{"rlib", "rmeta"} {
					from, err := os.ReadFile(one(other, "debug/deps/libliba-*."+ext))
					if err != nil {
						t.Fatal(err)
					}
					replace(t, one(c, "debug/deps/libliba-*."+ext), func([]byte) []byte { return from })
				}
			},
			also: []string{"app"},
		},
		{
			name: "bit in metadata", unit: "liba", kind: "lib", differs: "libliba",
			plant: func(t *testing.T, c *fixture.Checkout) {
				replace(t, one(c, "debug/deps/libliba-*.rmeta"), flip(func(n int) int { return n / 2 }))
			},
			also: []string{"app"},
		},
		{
			name: "bit in a registry's library", unit: "published", kind: "lib", differs: "libpublished",
			plant: func(t *testing.T, c *fixture.Checkout) {
				replace(t, one(c, "debug/deps/libpublished-*.rlib"), flip(last))
			},
			also: []string{"app"},
		},
		{
			name: "bit in a program", unit: "app", kind: "bin", differs: "app-",
			plant: func(t *testing.T, c *fixture.Checkout) {
				programs, _ := os.ReadDir(c.Target("debug/deps"))
				for _, e := range programs {
					if strings.HasPrefix(e.Name(), "app-") && !strings.HasSuffix(e.Name(), ".d") {
						replace(t, c.Target("debug/deps", e.Name()), flip(last))
					}
				}
			},
		},
		{
			name: "generated source", unit: "liba", kind: "run-build-script", differs: "out/gen.rs",
			plant: func(t *testing.T, c *fixture.Checkout) {
				replace(t, one(c, "debug/build/liba-*/out/gen.rs"), func([]byte) []byte { return []byte(`pub const WORD: &str = "two";`) })
			},
			also: []string{"liba"},
		},
		{
			name: "instruction of a script", unit: "liba", kind: "run-build-script", differs: "",
			plant: func(t *testing.T, c *fixture.Checkout) {
				replace(t, one(c, "debug/build/liba-*/output"), func(b []byte) []byte { return append(b, "cargo:rustc-cfg=planted\n"...) })
			},
			also: []string{"liba"},
		},
	} {
		t.Run(strings.ReplaceAll(tt.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, dir+"/"+strings.ReplaceAll(tt.name, " ", "-"))
			w.a.Cow("init")
			w.a.Build("build")
			tt.plant(t, w.a)
			if ran := w.a.Build("build").Ran(); len(ran) > 0 {
				t.Fatalf("cargo has noticed, and built %q: this shows nothing", ran)
			}
			r := w.a.TryCow("verify")
			if r.Code != 1 || !strings.Contains(r.Stdout, "-p "+tt.unit) {
				t.Fatalf("verify: %v", r)
			}
			all := verify(w.a, 1)
			v := of(t, all, tt.unit, tt.kind)
			if v.verdict != "different" || !slices.ContainsFunc(v.differs, func(d string) bool { return strings.HasPrefix(d, tt.differs) }) {
				t.Errorf("%s is %+v, want it different in %s", tt.unit, v, tt.differs)
			}
			for _, other := range all {
				touched := other.unit == tt.unit || slices.Contains(tt.also, other.unit)
				if !touched && other.verdict != "equal" && other.verdict != "equal-but" {
					t.Errorf("nothing was planted in %+v", other)
				}
			}
		})
	}
}

// Chance and the clock make a unit one of which nothing can be said, which is said. What else is wrong in it is seen.
func TestNotReproducible(t *testing.T) {
	t.Parallel()
	w := newWorld(t, btrfs(t))
	w.a.Edit("liba/build.rs", `"pub const WORD: &str = \"one\";"`,
		`format!("pub const WORD: &str = \"one\";\npub const WHEN: u128 = {};", std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos())`)
	w.a.Edit("mac/src/lib.rs", `"7".parse()`, `format!("{{ const _WHEN: u128 = {}; 7 }}", std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos()).parse()`)
	w.a.Edit("app/src/main.rs", "fn main() {", "pub const SEVEN: u8 = mac::seven!();\nfn main() {")
	w.a.Cow("init")
	w.a.Build("build")
	all := verify(w.a, 0)
	if v := of(t, all, "liba", "run-build-script"); v.verdict != "not-reproducible" || !slices.Equal(v.differs, []string{"out/gen.rs: line 2"}) {
		t.Errorf("the script's run is %+v", v)
	}
	if v := of(t, all, "liba", "lib"); v.verdict != "equal" && v.verdict != "equal-but" {
		t.Errorf("what includes chance is compiled from what chance has left: %+v", v)
	}
	replace(t, one(w.a, "debug/build/liba-*/out/gen.rs"), func(b []byte) []byte { return []byte(strings.Replace(string(b), "one", "two", 1)) })
	all = verify(w.a, 1, "liba")
	if v := of(t, all, "liba", "run-build-script"); v.verdict != "different" || !slices.Equal(v.differs, []string{"out/gen.rs: line 1"}) {
		t.Errorf("the script's run, with another word planted, is %+v", v)
	}
}

// Nothing is changed: not the build directory, not the sources, not the store; a script that writes into its sources
// cannot, and is told of.
func TestChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, btrfs(t))
	w.a.Edit("liba/build.rs", "let out =", "std::fs::write(\"src/made.txt\", format!(\"{:?}\", std::time::SystemTime::now())).unwrap();\n    let out =")
	w.a.Cow("init")
	w.a.Build("build")
	w.a.Cow("snapshot")
	sources, store := snapshotOf(t, w.a.Dir), snapshotOf(t, w.Path("store"), "/leases")
	all := verify(w.a, 3)
	unchanged(t, "checkout", sources, snapshotOf(t, w.a.Dir))
	after := snapshotOf(t, w.Path("store"), "/leases")
	for _, dir := range []string{"", "/layers"} { // where the clone was
		delete(store, dir)
		delete(after, dir)
	}
	unchanged(t, "store", store, after)
	if v := of(t, all, "liba", "run-build-script"); v.verdict != "failed" || !strings.Contains(v.why, "Read-only file system") {
		t.Errorf("the script's run is %+v", v)
	}
	if ran := w.a.Build("build").Ran(); len(ran) > 0 {
		t.Errorf("cargo builds %q after a verification", ran)
	}
}

// With the wrapper on, units are compiled truly: not answered from the warehouse, where the wrong file is.
func TestWrapper(t *testing.T) {
	t.Parallel()
	w := newWorld(t, btrfs(t))
	w.a = w.a.With("RUSTC_WRAPPER=" + fixture.Wrapper(t))
	w.a.Cow("init")
	w.a.Build("build")
	w.Must(".", nil, "git", "clone", "--quiet", w.a.Dir, w.Path("c"))
	c := w.At("c").With("RUSTC_WRAPPER=" + fixture.Wrapper(t))
	c.Build("build")
	allEqual(t, verify(c, 0), built)
	replace(t, one(w.a, "debug/deps/libpublished-*.rlib"), flip(func(n int) int { return n - 1 }))
	if v := of(t, verify(w.a, 1, "published"), "published", "lib"); v.verdict != "different" {
		t.Errorf("published is %+v", v)
	}
}

// A first edit in a worktree is compiled by the wrapper at the origin's path, with variables that name the worktree: so
// it is verified, without the warehouse, recorded in it, and taken from it inside of the origin.
func TestViewed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, btrfs(t))
	wrapper := "RUSTC_WRAPPER=" + fixture.Wrapper(t)
	w.a = w.a.With(wrapper)
	w.a.Cow("init")
	w.a.Build("build")
	w.a.Cow("snapshot")
	for _, name := range []string{"off", "b", "a/.worktrees/n"} {
		b := w.a.Worktree(name).With(wrapper)
		if name == "off" {
			b = b.With("CARGO_COW_WAREHOUSE=off")
		}
		b.Cow("restore")
		b.Write("liba/src/lib.rs", b.Read("liba/src/lib.rs")+"pub fn edited() {}\n")
		time.Sleep(20 * time.Millisecond) // what is written while it is compiled is not recorded, and clocks of files are coarse
		b.Build("build")
		if !strings.Contains(b.Read(one(b, "debug/deps/liba-*.d")), "# cargo-cow-state ") {
			t.Fatalf("liba was not compiled in a view in %s: this shows nothing", name)
		}
		all := verify(b, 0)
		allEqual(t, all, built)
		if v := of(t, all, "liba", "lib"); v.at != w.a.Dir {
			t.Errorf("liba was compiled at %q, want the path that the wrapper showed, %s", v.at, w.a.Dir)
		}
	}
}

// An ordinary user, too, can ask.
func TestAsUser(t *testing.T) {
	t.Parallel()
	const uid = 31001
	w := newWorldAs(t, &syscall.Credential{Uid: uid, Gid: uid}, loopfs.Btrfs(t, loopfs.Size(8<<30), loopfs.Owner(uid)), userEnv(t, uid)...)
	w.a.Cow("init")
	w.a.Must("cargo", "build", "--quiet")
	w.a.Cow("snapshot")
	allEqual(t, verify(w.a, 0), built)
	b := w.a.Worktree("b")
	b.Cow("restore")
	b.Must("cargo", "build", "--quiet")
	allEqual(t, verify(b, 0), built)
}

// A sample has members and others, and the seed that is printed gives it again.
func TestSample(t *testing.T) {
	t.Parallel()
	w := newWorld(t, btrfs(t))
	w.a.Cow("init")
	w.a.Build("build")
	names := func(all []verdict) (list []string) {
		for _, v := range all {
			list = append(list, v.unit+"/"+v.kind)
		}
		slices.Sort(list)
		return list
	}
	first := names(verify(w.a, 0, "--sample", "2", "--seed", "7"))
	if again := names(verify(w.a, 0, "--sample", "2", "--seed", "7")); !slices.Equal(first, again) || len(first) != 2 {
		t.Errorf("one seed gave %q and %q", first, again)
	}
	if !slices.Contains(first, "published/lib") {
		t.Errorf("%q has none of the registry's", first)
	}
	allEqual(t, verify(w.a, 0, "--sample", "100"), built)
}
