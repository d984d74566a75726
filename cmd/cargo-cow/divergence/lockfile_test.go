package divergence

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/hack/project"
)

// A subject is a published program, which is changed and built.
type subject struct {
	project.Crate
	program string
	// edit is a text in a source file that the program's -h shows, and another
	// one as long.
	file, edit, edited string
	// say are the program's arguments in some runs, $W in them the world. What
	// they print depends on no path of the checkout.
	say [][]string
}

var hyperfine = subject{
	Crate: project.Crate{Name: "hyperfine", Version: "1.20.0"}, program: "hyperfine",
	file: "src/cli.rs", edit: "A command-line benchmarking tool.", edited: "A command-line weighing machines.",
	say: [][]string{{"--version"}, {"-h"}, {"--runs=2", "--style=none", "--shell=none", "--export-json=$W/result", "true"}},
}

// sister is another program with most of its packages from hyperfine's lockfile,
// and some with the same features.
var sister = subject{
	Crate: project.Crate{Name: "sister"}, program: "sister",
	say: [][]string{{"--version"}, {"-h"}, {"--name=x"}},
}

const sisterFiles = `
-- .gitignore --
/target
-- Cargo.toml --
[package]
name = "sister"
version = "0.1.0"
edition = "2018"
[dependencies]
clap = { version = "4", features = ["cargo", "wrap_help"] }
colored = "2"
csv = "1"
indicatif = "0.17"
semver = "=1.0.23"
serde = { version = "1", features = ["derive"] }
serde_json = "1"
thiserror = "2"
-- src/main.rs --
use colored::Colorize;
#[derive(serde::Serialize)]
struct Row { name: String, version: String }
#[derive(Debug, thiserror::Error)]
enum Error { #[error("version: {0}")] Version(#[from] semver::Error) }
fn main() -> Result<(), Error> {
    let name = clap::Arg::new("name").long("name").default_value("nobody");
    let matches = clap::Command::new("sister").version("0.1.0").arg(name).get_matches();
    let name = matches.get_one::<String>("name").unwrap().clone();
    let row = Row { name, version: semver::Version::parse("1.2.3")?.to_string() };
    println!("{}", serde_json::to_string(&row).unwrap().red());
    csv::Writer::from_writer(std::io::stdout()).serialize(&row).unwrap();
    indicatif::ProgressBar::hidden().finish();
    Ok(())
}
`

// cousin is a small one, with macros, scripts and libraries from hyperfine's lockfile.
var cousin = subject{Crate: project.Crate{Name: "cousin"}, program: "cousin", say: [][]string{{"--name=x"}}}

const cousinFiles = `
-- .gitignore --
/target
-- Cargo.toml --
[package]
name = "cousin"
version = "0.1.0"
edition = "2021"
[dependencies]
serde_json = "1"
thiserror = "2"
-- src/main.rs --
#[derive(Debug, thiserror::Error)]
enum Error { #[error("json: {0}")] Json(#[from] serde_json::Error) }
fn main() -> Result<(), Error> {
    let names: Vec<_> = std::env::args().skip(1).collect();
    println!("{}", serde_json::to_string(&names)?);
    Ok(())
}
`

// A change makes a checkout's dependencies differ.
type change func(p *checkout)

// bump gives a package of the lockfile another version.
func bump(spec, version string) change {
	return func(p *checkout) {
		p.T.Helper()
		p.fetch() // which may be what puts the package there
		args := []string{"update", "--quiet", "--package=" + spec, "--precise=" + version}
		// Without the network where all is there.
		if p.Run("cargo", append(args, "--offline")...).Code != 0 {
			p.Must("cargo", args...)
		}
	}
}

// manifest adds text to the package's manifest below a table's name.
func manifest(table, text string) change {
	return func(p *checkout) {
		p.T.Helper()
		toml := p.Read("Cargo.toml")
		if !strings.Contains(toml, "\n"+table+"\n") {
			toml += "\n" + table + "\n"
		}
		p.Write("Cargo.toml", strings.Replace(toml, "\n"+table+"\n", "\n"+table+"\n"+text+"\n", 1))
	}
}

var (
	leafBumped   = []change{bump("itoa", "1.0.11")}
	rootBumped   = []change{bump("syn@2.0.110", "2.0.87")}
	packageAdded = []change{manifest("[dependencies.itertools]", `version = "=0.14.0"`), bump("either", "1.13.0")}
	featureOn    = []change{manifest("[dependencies.serde_json]", `features = ["preserve_order"]`)}
	// Macros and scripts, which run on the host, do not abort.
	profileOther = []change{manifest("[profile.dev]", `panic = "abort"`)}
	// sister's package
	shared = []change{manifest("[dependencies.semver]", `version = "=1.0.23"`)}
)

const nightly = "RUSTUP_TOOLCHAIN=nightly"

// TestLockfiles: checkouts of a published program whose lockfiles have diverged,
// one after the other with one store. Each compiles what no layer has by then,
// and the last ones, whose differences single layers have each a part of, graft.
// What has the whole program compiled again, another profile or toolchain, is done
// with a small one, and with the whole one where CARGO_COW_TEST_EVERY_CARGO is set.
func TestLockfiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t, filepath.Join(loopfs.Btrfs(t, loopfs.Size(16<<30)), "w"), "CARGO_PROFILE_DEV_DEBUG=0")
	origin, second, third := w.at("origin"), w.at("sister"), w.at("cousin")
	if err := project.Fetch(t.Context(), hyperfine.Crate, origin.Dir); err != nil {
		t.Fatal(err)
	}
	origin.fetch()
	b := origin.build("")
	if packages := origin.packages(); len(packages) <= 100 || len(b.needs) <= 100 {
		t.Errorf("%s has %d packages and %d registry units, which shows little", hyperfine.Crate, len(packages), len(b.needs))
	}
	origin.keepClean()
	origin.Cow("init")
	origin.Cow("snapshot")

	begin := func(p *checkout, files string) {
		p.Lay(files)
		p.Write("Cargo.lock", origin.Read("Cargo.lock"))
		p.fetch()
		if err := project.Commit(t.Context(), p.Dir, "Begin"); err != nil {
			t.Fatal(err)
		}
		p.Cow("init")
	}
	begin(second, sisterFiles)
	begin(third, cousinFiles)
	if own, both := second.packages(), common(origin.packages(), second.packages()); 2*both < len(own) {
		t.Errorf("%d of sister's %d packages are hyperfine's too", both, len(own))
	}
	again, small := third, cousin
	if fixture.EveryCargo() {
		again, small = origin, hyperfine
	}

	for _, tt := range []struct {
		name    string
		origin  *checkout
		subject subject
		changes [][]change
		env     []string
		grafts  bool // no single layer has all that some layer has
	}{
		{name: "leaf-bumped", changes: [][]change{leafBumped}},
		{name: "package-added", changes: [][]change{packageAdded}},
		{name: "leaf-and-package", changes: [][]change{leafBumped, packageAdded}, grafts: true},
		{name: "root-bumped", changes: [][]change{rootBumped}},
		{name: "feature-on", changes: [][]change{featureOn}},
		{name: "root-and-feature", changes: [][]change{rootBumped, featureOn, packageAdded}, grafts: true},
		// The leaf's layer has all the packages, in the same versions.
		{name: "leaf-and-feature", changes: [][]change{leafBumped, featureOn}, grafts: true},
		{name: "project-small", origin: third, subject: cousin},
		{name: "profile-other", origin: again, subject: small, changes: [][]change{profileOther}},
		{name: "profile-and-package", origin: again, subject: small, changes: [][]change{profileOther, packageAdded}},
		{name: "toolchain-other", origin: again, subject: small, env: []string{nightly}},
		{name: "toolchain-and-leaf", origin: again, subject: small, changes: [][]change{leafBumped}, env: []string{nightly}},
		{name: "project-other", origin: second, subject: sister},
		{name: "package-of-other-project", changes: [][]change{shared}, grafts: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			from, s := tt.origin, tt.subject
			if from == nil {
				from, s = origin, hyperfine
			}
			p := from.in(t).checkout(tt.name).with(tt.env...)
			p.change(tt.changes...)
			g, restored := p.restore()
			before := p.state()
			b := p.build("")
			clean := b
			if restored {
				clean = p.cleanBuild(s.Name)
			} else {
				p.keepClean()
			}
			available, missing := p.judge(b, clean, before)
			t.Logf("%d registry units are in layers, %d in none; %d grafted from %d layers", available, missing, g.Grafted, len(g.From))
			if available > 0 && !restored {
				t.Errorf("no layer was restored, though layers have %d units", available)
			}
			if tt.grafts && (g.Grafted == 0 || len(g.From) == 0) {
				t.Errorf("grafted %d units from %q", g.Grafted, g.From)
			}
			p.behaves(s, b, clean)
			p.Cow("snapshot", "--label="+tt.name)
			if tt.grafts {
				p.editShows(s, b)
			}
		})
	}
	t.Run("by-hand", func(t *testing.T) { graftByHand(t, origin.in(t)) })
}

// change applies changes and commits them.
func (c *checkout) change(groups ...[]change) {
	c.T.Helper()
	if len(groups) == 0 {
		return
	}
	for _, changes := range groups {
		for _, apply := range changes {
			apply(c)
		}
	}
	c.fetch()
	c.Commit("diverge")
}

// fetch makes the lockfile fit the manifest and has all its packages there.
func (c *checkout) fetch() {
	c.T.Helper()
	if c.Run("cargo", "fetch", "--quiet", "--offline").Code != 0 {
		c.Must("cargo", "fetch", "--quiet")
	}
}

// packages are the lockfile's, with their versions.
func (c *checkout) packages() []string {
	c.T.Helper()
	return lockedVersion.FindAllString(c.Read("Cargo.lock"), -1)
}

// common counts the elements of one list that are in the other.
func common(list, other []string) (n int) {
	for _, e := range list {
		if slices.Contains(other, e) {
			n++
		}
	}
	return n
}

// says is what the program of a build prints.
func (c *checkout) says(s subject, b *build) string {
	c.T.Helper()
	var all string
	for _, args := range s.say {
		line := strings.ReplaceAll(strings.Join(args, "\n"), "$W", c.w.Dir)
		all += c.Must(b.programs[s.program], strings.Split(line, "\n")...).Stdout
	}
	return all
}

// behaves compares the program of b with that of a clean build.
func (c *checkout) behaves(s subject, b, clean *build) {
	c.T.Helper()
	if diff := cmp.Diff(c.says(s, clean), c.says(s, b)); diff != "" {
		c.T.Errorf("%s: the program says (-clean +restored):\n%s", c.Name(), diff)
	}
}

// editShows edits and builds once more: rustc then loads what was grafted.
func (c *checkout) editShows(s subject, b *build) {
	c.T.Helper()
	want := strings.Replace(c.says(s, b), s.edit, s.edited, 1)
	c.Edit(s.file, s.edit, s.edited)
	edited := c.build("")
	for id, ran := range edited.needs {
		if ran {
			c.T.Errorf("an edit of %s compiled %s", s.file, edited.title(id))
		}
	}
	if diff := cmp.Diff(want, c.says(s, edited)); diff != "" {
		c.T.Errorf("%s: after an edit the program says (-want +got):\n%s", c.Name(), diff)
	}
}

// graftByHand: what restore was told not to graft, the command grafts later, and
// the disk then holds no more data than before.
func graftByHand(t *testing.T, origin *checkout) {
	p := origin.checkout("by-hand")
	p.change(rootBumped, packageAdded)
	// The other project's layer lacks most.
	if g, ok := p.restore("--from=project-other", "--no-graft"); !ok || g.Grafted != 0 {
		t.Fatalf("restore --no-graft restored: %t, grafted %d units", ok, g.Grafted)
	}
	size, before := p.used()
	g := p.answer(p.TryCow("graft"), "graft")
	grown, after := p.used()
	size, after.data, after.metadata = grown-size, after.data-before.data, after.metadata-before.metadata
	t.Logf("grafted %d units, %d MiB of files: %+d bytes of data, %+d of metadata", g.Grafted, size>>20, after.data, after.metadata)
	if g.Grafted < 50 || size < 50<<20 {
		t.Errorf("grafted %d units with %d bytes of files, which shows little", g.Grafted, size)
	}
	// What is written anew is small files, which mostly fit into metadata.
	if after.data > size/100 || after.metadata > size/20 {
		t.Errorf("grafting %d bytes of files took %d bytes of data and %d of metadata", size, after.data, after.metadata)
	}
	s := p.state()
	b := p.build("")
	clean := p.cleanBuild(hyperfine.Name)
	p.judge(b, clean, s)
	p.behaves(hyperfine, b, clean)
	p.editShows(hyperfine, b)
}

type figures struct{ data, metadata int64 }

// used returns the apparent size of the build directory's files and what the
// whole file system has in use.
func (c *checkout) used() (files int64, f figures) {
	c.T.Helper()
	err := filepath.WalkDir(c.Path("target"), func(_ string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			files += info.Size()
		}
		return err
	})
	if err != nil {
		c.T.Fatal(err)
	}
	// Figures are of the last commit.
	c.Must("btrfs", "filesystem", "sync", c.w.Dir)
	out := c.Must("btrfs", "filesystem", "df", "--raw", c.w.Dir).Stdout
	for line := range strings.Lines(out) {
		kind, _, _ := strings.Cut(line, ",")
		_, text, _ := strings.Cut(line, "used=")
		n, _ := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		switch kind {
		case "Data":
			f.data += n
		case "Metadata":
			f.metadata += n
		}
	}
	if f.data == 0 || f.metadata == 0 {
		c.T.Fatalf("btrfs filesystem df says\n%s", out)
	}
	return files, f
}
