package survival

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// What lies in a store is run. One of another user is used by nobody, whoever of both is
// root, whether it is named or lies where one is looked for.
func TestStoreOfAnotherUser(t *testing.T) {
	t.Parallel()
	const uid = 31000
	top := loopfs.Btrfs(t, loopfs.Owner(uid))
	w := newWorldAs(t, &syscall.Credential{Uid: uid, Gid: uid}, top, append(userEnv(t, uid), "CARGO_COW_STORE=")...).sealed()
	theirs := filepath.Join(top, ".cargo-cow-"+strconv.Itoa(uid))
	if !fixture.Exists(filepath.Join(theirs, "version")) {
		t.Fatalf("the user's store is not %s", theirs)
	}
	before := w.origin.TryCow("list").Stdout

	// Root, in a checkout of root's, beside it.
	root := newWorld(t, filepath.Join(top, "root"), "CARGO_COW_STORE=", "XDG_DATA_HOME="+filepath.Join(top, "data"), "XDG_CACHE_HOME="+filepath.Join(top, "cache"))
	for _, args := range [][]string{{"init"}, {"list"}, {"restore"}, {"check", "--repair"}, {"store", "remove", "--force"}, {"prune", "--max-age", "1d"}} {
		r := root.origin.TryCow(append([]string{"--store", theirs}, args...)...)
		fails(t, r, 1, "belongs to user", "without sudo")
	}
	// Under the name that root's would have, theirs is none.
	if err := os.Rename(theirs, filepath.Join(top, ".cargo-cow-0")); err != nil {
		t.Fatal(err)
	}
	if r := root.origin.TryCow("restore"); r.Code == 0 || strings.Contains(r.Stdout, `"reason":"restore"`) {
		t.Errorf("root restored from a user's store: %v", r)
	}
	if err := os.Rename(filepath.Join(top, ".cargo-cow-0"), theirs); err != nil {
		t.Fatal(err)
	}
	if after := w.origin.TryCow("list").Stdout; after != before {
		t.Errorf("the user's store has\n%s, had\n%s", after, before)
	}

	// The user, with one of root's.
	roots := filepath.Join(top, "roots")
	if r := root.origin.TryCow("--store", roots, "init"); r.Code != 0 {
		t.Fatal(r)
	}
	for _, mode := range []os.FileMode{0o700, 0o755, 0o777} {
		if err := os.Chmod(roots, mode); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"init"}, {"list"}, {"restore"}, {"snapshot"}} {
			fails(t, w.origin.TryCow(append([]string{"--store", roots}, args...)...), 1, "belongs to user root")
		}
	}
	w.origin.cow("restore")
	w.origin.builds(nil, "first")
}

// A store that others may write to is as good as theirs.
func TestStoreOfSeveral(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t)).sealed()
	for _, mode := range []os.FileMode{0o770, 0o702, 0o777} {
		if err := os.Chmod(w.store, mode); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"restore"}, {"snapshot"}, {"list"}, {"init"}} {
			fails(t, w.origin.TryCow(args...), 1, "others may write to it", "chmod go-w "+w.store)
		}
	}
	if err := os.Chmod(w.store, 0o700); err != nil {
		t.Fatal(err)
	}
	w.origin.cow("restore")
}

// Where everybody may make entries, with the sticky bit or without, no store is made
// above a checkout: somebody else could have the name first.
func TestWorldWritableParents(t *testing.T) {
	t.Parallel()
	const uid = 31000
	for _, mode := range []os.FileMode{0o777, 0o777 | os.ModeSticky} {
		top := loopfs.Btrfs(t, loopfs.Owner(uid))
		w := newWorldAs(t, &syscall.Credential{Uid: uid, Gid: uid}, filepath.Join(top, "tmp", "mine"), append(userEnv(t, uid), "CARGO_COW_STORE=")...)
		for _, dir := range []string{top, filepath.Join(top, "tmp")} {
			if err := os.Chmod(dir, mode); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chown(w.Dir, uid, uid); err != nil {
			t.Fatal(err)
		}
		// Somebody has been quicker, and has put there what would serve.
		for _, dir := range []string{top, filepath.Join(top, "tmp")} {
			theirs := filepath.Join(dir, ".cargo-cow-"+strconv.Itoa(uid))
			for name, text := range map[string]string{"version": "cargo-cow store 1\n", "driver": "btrfs\n"} {
				if err := os.MkdirAll(theirs, 0o777); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(theirs, name), []byte(text), 0o666); err != nil {
					t.Fatal(err)
				}
			}
		}
		w.sealed()
		if store := w.origin.cow("status")["store"]; store != filepath.Join(w.Dir, ".cargo-cow-"+strconv.Itoa(uid)) {
			t.Errorf("mode %v: the store is %v", mode, store)
		}
		w.origin.cow("restore")
		w.origin.builds(nil, "first")
	}
}

// A commit can bring all that a store is made of, and a build directory that names it.
// Nothing in it was compiled here, so nothing of it is restored, not by init either.
func TestStoreOfACommit(t *testing.T) {
	t.Parallel()
	top := loopfs.XFS(t)
	w := newWorld(t, top, "CARGO_COW_STORE=", "XDG_DATA_HOME="+filepath.Join(top, "data"), "XDG_CACHE_HOME="+filepath.Join(top, "cache"))
	own := ".cargo-cow-" + strconv.Itoa(os.Geteuid())
	made := w.Path("made")
	w.origin.cow("--store", made, "init")
	w.origin.Must("cargo", "build", "--quiet", "--offline")
	w.origin.cow("--store", made, "snapshot")

	victim := w.at("victim")
	for name, text := range project {
		victim.Write(name, text)
	}
	victim.Must("cargo", "generate-lockfile", "--offline", "--quiet")
	victim.Must("cp", "-a", made, own)
	victim.Must("rm", "-f", own+"/.gitignore", own+"/CACHEDIR.TAG")
	victim.Write("target/.cargo-cow/store", victim.Path(own)+"\nnamed\n")
	victim.Must("git", "init", "--quiet")
	victim.Must("git", "add", "--force", own+"/version", own+"/driver", own+"/records", "target/.cargo-cow/store")
	victim.Commit("all of it")
	for _, args := range [][]string{{"restore"}, {"list"}, {"snapshot"}, {"graft"}} {
		r := victim.TryCow(args...)
		if r.Code == 0 {
			t.Errorf("%q used the store that a commit brought: %v", args, r)
		}
	}
	fails(t, victim.TryCow("--store", victim.Path(own), "init"), 1, "part of the repository")
	if fixture.Exists(victim.Target("debug")) {
		t.Error("something was restored")
	}
	// Whoever names it by hand has it.
	victim.cow("--store", victim.Path(own), "restore")
}

// Which directory is built in a project can say, in its configuration: any of the
// user's. One that holds somebody's files, or the checkout, is not touched.
func TestBuildDirectoryOfSomebody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t)).sealed()
	w.Write("documents/letter", "of somebody")
	w.Write("documents/tmp/x", "of somebody")
	for _, dir := range []string{"../documents", ".", "..", "../..", "/", "app", "../a/.git", w.Dir, "liba/../.."} {
		p := w.checkout("b")
		p.Write(".cargo/config.toml", "[build]\ntarget-dir = \""+dir+"\"\n")
		for _, args := range [][]string{{"init"}, {"snapshot"}, {"restore"}, {"undo"}, {"graft"}, {"switch", "--detach", "HEAD"}} {
			r := p.TryCow(args...)
			if r.Code == 0 || r.Line(t, args[0])["created"] == true {
				t.Errorf("target-dir = %q: %q succeeded: %v", dir, args, r)
			}
		}
		if w.Read("documents/letter") != "of somebody" || w.Read("documents/tmp/x") != "of somebody" || p.Read("app/src/main.rs") != mainRS("first") ||
			fixture.Exists(w.Path("documents.cargo-cow-undo")) || fixture.Exists(w.Path("documents/.cargo-cow")) {
			t.Fatalf("target-dir = %q: somebody's files were touched", dir)
		}
		w.origin.Must("git", "worktree", "remove", "--force", p.Dir)
	}
	w.origin.checks()
}

// Our own configuration of a project says nothing of where things are kept or what is
// run, and is no file that is read without end.
func TestHostileProjectFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t)).sealed()
	p := w.checkout("b")
	elsewhere := w.Path("elsewhere")
	for text, says := range map[string]string{
		"store: " + elsewhere + "\n":                     "only the user's own configuration may name a store",
		"warm: true\n":                                   "unknown key warm",
		"wrapper: /bin/sh\n":                             "unknown key wrapper",
		"inputs: [\"/**\"]\nhook: x\n":                   "unknown key hook",
		"a: &a [x,x,x,x,x,x,x,x,x]\n" + bombs:            ".cargo-cow.yaml",
		strings.Repeat("[", 100_000):                     ".cargo-cow.yaml",
		"strict: \x1b[2J\n":                              ".cargo-cow.yaml",
		"pure_macros: [{name: x, version: '*'}]\n---\n1": ".cargo-cow.yaml",
	} {
		p.Write(".cargo-cow.yaml", text)
		fails(t, p.TryCow("restore"), 1, says)
	}
	for _, to := range []string{"/dev/zero", "/dev/stdin", "/proc/kmsg", "."} {
		p.Symlink(to, ".cargo-cow.yaml")
		fails(t, p.TryCow("restore"), 1, ".cargo-cow.yaml")
	}
	if fixture.Exists(elsewhere) || fixture.Exists(p.Target()) {
		t.Error("something was made")
	}
	// Globs of inputs stay in the checkout.
	w.Write("outside/file", "x")
	p.Remove(".cargo-cow.yaml")
	p.Write(".cargo-cow.yaml", "inputs: [\"../**\", \"/**\", \"../outside/*\", \"/dev/*\"]\n")
	p.cow("restore")
	if _, says := p.build(); says != "first cow" {
		t.Errorf("the program says %q", says)
	}
}

const bombs = "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n" +
	"f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n"
