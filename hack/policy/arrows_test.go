package policy

import (
	"slices"
	"strings"
	"testing"
)

// An arrow rule says what the packages at or below From may import besides the standard library. "x" stands for that
// package alone, "x/..." for it and everything below it. The rule with the longest From is the one that counts.
type rule struct {
	From   string
	May    []string
	Reason string
}

const (
	xsys   = "golang.org/x/sys/unix"
	blake3 = "github.com/zeebo/blake3"
	toml   = "github.com/pelletier/go-toml/v2"
	yaml   = "gopkg.in/yaml.v3"
	sqlite = "modernc.org/sqlite"
)

var rules = []rule{
	{"cmd", []string{"cmd/internal/...", "layers/...", "driver", "driver/btrfs", "driver/plain", "driver/pool", "reflink", "reflink/mounts", "github.com/spf13/cobra", "github.com/spf13/pflag", yaml, xsys},
		"cmd is where everything meets, and nothing imports it"},
	{"cmd/internal/fixture", []string{"github.com/rogpeppe/go-internal/txtar", xsys},
		"the tests of the whole programs see them as a user does, and nothing that they are made of"},
	{"cmd/cargo-cow-rustc", []string{"layers/alias", "layers/cargo/chain", "layers/cargo/depfile", "layers/cargo/extent", "layers/cargo/handoff", "layers/cargo/incremental", "layers/justintime", "layers/locate", "layers/lowpriority", "layers/paths", "layers/regular", "layers/rustc", "layers/warehouse", xsys},
		"what starts for each unit of a build imports next to nothing"},
	{"layers", []string{"driver", "layers/active", "layers/cargo/...", "layers/foreign", "layers/holdings", "layers/index", "layers/internal/...", "layers/justintime", "layers/lastuse", "layers/lease", "layers/locate", "layers/paths", "layers/recompile", "layers/record", "layers/regular", "layers/rollback", "layers/space", "layers/warehouse", "layers/whereabouts", "layers/workspace", "reflink"},
		"layers do not know which driver they stand on; what they believe about Cargo is layers/cargo's business"},
	{"layers/active", []string{"driver", "layers/cargo/...", "layers/foreign", "layers/internal/...", "layers/justintime", "layers/locate", "layers/paths", "layers/regular", "layers/rollback", xsys},
		"how a build directory is replaced does not depend on what layers there are"},
	{"layers/recompile", []string{"layers/alias", "layers/cargo/...", "layers/internal/help", "layers/paths", "layers/rustc"},
		"a unit is made again in a copy of its build directory, wherever that copy came from and whatever layers there are"},
	{"layers/whereabouts", []string{"driver", "layers/active", "layers/cargo/handoff", "layers/cargo/manifest", "layers/cargo/rooted", "layers/internal/ls", "layers/locate", "layers/paths", "layers/record", "layers/regular", xsys},
		"where build directories are is told by them, by the driver and by who claimed them"},
	{"layers/workspace", []string{"layers/active", "layers/cargo", "layers/cargo/checkout", "layers/cargo/depset", "layers/cargo/handoff", "layers/cargo/lockfile", "layers/cargo/project", "layers/cargo/rule", "layers/git", "layers/internal/digest", "layers/internal/help", "layers/regular"},
		"what a checkout is does not depend on what is done with it"},
	{"layers/dedupe", []string{"layers/internal/digest", "reflink", xsys}, "equal is what the kernel finds equal, whatever it is for"},
	{"layers/holdings", []string{"driver", "layers/cargo/contents", "layers/index", "layers/paths", "layers/prune", "layers/space", "layers/whereabouts"},
		"what takes room is found by where it is, and measured without a look at what it is for, which contents tells of units"},
	{"layers/record", []string{"layers/cargo/manifest", "layers/internal/atomicfile", "layers/internal/digest", "layers/internal/ls", "layers/internal/parallel", "layers/internal/removal", "layers/paths", "layers/regular"},
		"what is said of a layer is read and written without a look at it"},
	{"layers/index", []string{"layers/cargo/manifest", "layers/internal/atomicfile", "layers/internal/bitset", "layers/internal/digest", "layers/regular"},
		"an index is made from what is in layers, not from how they are kept"},
	{"layers/space", []string{"layers/internal/atomicfile", "layers/internal/bitset", "layers/internal/digest", "layers/regular", "reflink", xsys},
		"what trees take is told by their extents, whatever they hold"},
	{"layers/foreign", []string{"layers/cargo/builddir", "layers/internal/help"},
		"who owns a file is told by the file; what cargo may lock, by cargo's locks"},
	{"layers/rollback", []string{"driver", "layers/internal/help"}, "what a roll-back leaves is the same everywhere"},
	{"layers/cargo", []string{"layers/cargo/...", "layers/internal/atomicfile", "layers/internal/removal", "layers/paths", "layers/regular", xsys},
		"what is believed about Cargo does not depend on how states are stored"},
	{"layers/cargo/graft", []string{"layers/cargo", "layers/cargo/builddir", "layers/cargo/manifest", "layers/internal/parallel", "layers/internal/removal", "layers/paths", xsys},
		"a graft serves what a plan has found: nothing below looks at it"},
	{"layers/cargo/freshness", []string{"layers/cargo/builddir", "layers/cargo/checkout", "layers/cargo/depinfo", "layers/cargo/fingerprint", "layers/cargo/inputs", "layers/cargo/manifest", "layers/cargo/project", "layers/cargo/rule", "layers/paths"},
		"Cargo's verdict is foreseen for a build directory as it lies, whatever is planned with it"},
	{"layers/cargo/contents", []string{"layers/cargo/builddir", "layers/cargo/depset", "layers/cargo/manifest", "layers/cargo/rooted", "layers/internal/parallel", xsys},
		"what is in a layer is told by its files and its manifest"},
	{"layers/cargo/inputs", []string{"layers/cargo/checkout", "layers/cargo/extent", "layers/cargo/linking", "layers/cargo/manifest", "layers/cargo/project", "layers/cargo/rooted", "layers/cargo/rule", "layers/cargo/sourcelist", "layers/internal/digest", "layers/internal/parallel", "layers/paths", "layers/regular"},
		"what is read of a checkout is the same for who records it and for who compares it"},
	{"layers/cargo/embeds", []string{"layers/cargo/builddir", "layers/cargo/checkout", "layers/cargo/depfile", "layers/cargo/embedded", "layers/cargo/handoff", "layers/cargo/rooted", "layers/cargo/rule", "layers/cargo/rustsrc", "layers/paths"},
		"whether an output names its origin is told by the output, the origin and the sources"},
	{"layers/cargo/reach", []string{"layers/cargo/builddir", "layers/cargo/macros", "layers/cargo/rule", "layers/cargo/rustsrc", "layers/paths", "layers/regular"},
		"what a macro gets at is told by its sources, and by those of the macros it is made with"},
	{"layers/cargo/linkage", []string{"layers/cargo/builddir", "layers/cargo/checkout", "layers/cargo/depset", "layers/cargo/linking", "layers/cargo/project", "layers/cargo/script", "layers/paths", "layers/regular"},
		"what a linker was told is put together from flags and scripts, not from what it wrote"},
	{"layers/cargo/manifest", []string{"layers/cargo/builddir", "layers/cargo/checkout", "layers/cargo/depset", "layers/cargo/rooted", "layers/cargo/rule", "layers/internal/digest", "layers/paths"},
		"a manifest is a form: it knows no way of finding out what stands in it"},
	{"layers/cargo/checkout", []string{"layers/cargo/builddir", "layers/cargo/depfile", "layers/cargo/depset", "layers/cargo/project", "layers/cargo/rooted", "layers/cargo/rustsrc", "layers/paths", "layers/regular"},
		"a checkout has names and units, whatever they are compared for"},
	{"layers/cargo/builddir", []string{"layers/cargo/depfile", "layers/cargo/depinfo", "layers/cargo/fingerprint", "layers/cargo/handoff", "layers/cargo/incremental", "layers/cargo/rule", "layers/internal/flock", "layers/internal/parallel", "layers/paths", "layers/regular", xsys},
		"a build directory is read as Cargo has left it, without the checkout it was built in"},
	{"layers/cargo/planner", []string{"layers/cargo/depset", "layers/cargo/project", "layers/internal/atomicfile", "layers/internal/digest", "layers/paths", "layers/regular"},
		"which units a build needs is asked of cargo alone"},
	{"layers/cargo/leftover", []string{"layers/cargo/builddir", "layers/cargo/depset", "layers/cargo/fingerprint", "layers/cargo/incremental", "layers/cargo/lockfile", "layers/cargo/project", "layers/internal/flock", "layers/internal/removal", "layers/paths", "layers/regular"},
		"what no build can use is told by the build directory, lockfiles and compilers, whatever layers there are"},
	{"layers/cargo/calls", []string{"layers/cargo/builddir", "layers/cargo/project", "layers/paths"},
		"how units are made is asked of cargo alone"},
	{"layers/cargo/depset", []string{"layers/cargo/config", "layers/cargo/lockfile", "layers/cargo/project", "layers/cargo/rule", "layers/internal/digest", "layers/paths", "layers/regular", toml},
		"what a layer is filed under is computed from answers, files and configuration"},
	{"layers/cargo/project", []string{"layers/cargo/config", "layers/cargo/lockfile", "layers/internal/atomicfile", "layers/internal/digest", "layers/paths", "layers/regular", toml},
		"what cargo says of a workspace is asked and kept, and nothing is concluded from it"},
	{"layers/cargo/project/projecttest", []string{"layers/cargo/internal/cargotest", "layers/cargo/project"},
		"who asks cargo is tested with a cargo that counts"},
	{"layers/cargo/rooted", []string{"layers/paths"}, "a path that is found again in another checkout is a text"},
	{"layers/cargo/rule", []string{"layers/cargo/macros"}, "a rule is a name, and what a user adds to the rules"},
	{"layers/cargo/handoff", []string{"layers/cargo/depfile", "layers/internal/atomicfile", "layers/internal/words", "layers/paths", "layers/regular"},
		"what is left for the wrapper lies in a file of our own, and in rustc's lists of inputs"},
	{"layers/cargo/depfile", []string{"layers/internal/atomicfile", "layers/paths"}, "what rustc has written is read as text, and put back in one step"},
	{"layers/cargo/accesstime", []string{"layers/cargo/builddir", xsys}, "what cargo asked for is told by the times of its files alone"},
	{"layers/cargo/targets", []string{"layers/cargo/depfile", "layers/paths", "layers/regular", xsys},
		"whose a target directory is, it tells itself"},
	{"layers/cargo/home", []string{"layers/cargo/project", "layers/regular"},
		"what is installed is asked of rustup and of the compilers, whatever was built by them"},
	{"layers/cargo/extent", []string{"layers/paths", "layers/regular"}, "what of a directory is a checkout is told by its files"},
	{"layers/cargo/chain", []string{"layers/paths"}, "a link to the wrapper is a name and a note"},
	{"layers/cargo/", []string{"layers/regular", toml + "/..."}, "formats are leaves: each can be read, tested and fuzzed alone"},
	{"layers/rustc", []string{"layers/cargo/depfile", "layers/cargo/embedded", "layers/cargo/extent", "layers/cargo/handoff", "layers/cargo/linking", "layers/cargo/macros", "layers/cargo/rustsrc", "layers/internal/atomicfile", "layers/internal/digest", "layers/internal/words", "layers/paths", "layers/regular", xsys},
		"what decides an output is told by files and arguments, not by where outputs are kept"},
	{"layers/warehouse", []string{"layers/internal/atomicfile", "layers/internal/digest", "layers/paths", "layers/regular", "layers/rustc", "reflink"},
		"what is kept by key is kept for the wrapper as well: it knows no layers, only where their files lie"},
	{"layers/git", []string{"layers/paths", "layers/regular"}, "git is a program that is run; asking it needs nothing but names"},
	{"layers/forks", []string{"layers/internal/...", "layers/paths", "layers/regular", xsys},
		"which working trees are forks is noted and read; git is asked elsewhere"},
	{"layers/lease", []string{"layers/internal/flock", "layers/paths"}, "a claim knows nothing of what is claimed"},
	{"layers/lastuse", nil, "when something was used is told by its name alone"},
	{"layers/usage", []string{"layers/cargo/accesstime", "layers/cargo/targets", "layers/internal/flock", "layers/internal/ls", "layers/lastuse", "layers/paths", "layers/regular", "layers/warehouse", xsys, sqlite + "/..."},
		"what was used is told by stamps; whoever leaves them does not know of the database"},
	{"layers/background", []string{"layers/internal/flock", "layers/paths", "layers/regular"}, "how a snapshot went is told by a file: what a snapshot is does not matter"},
	{"layers/unasked", []string{"layers/internal/atomicfile", "layers/internal/digest", "layers/paths", "layers/regular"}, "what was done is told by a file, whoever did it"},
	{"layers/autoprune", []string{"layers/internal/flock", "layers/paths", "layers/regular", xsys}, "when something was last removed, and what, is told by a file"},
	{"layers/locate", []string{"layers/internal/atomicfile", "layers/paths", "layers/regular", xsys},
		"where a store is must be the same for all who ask, and each start of our wrapper pays for every import"},
	{"layers/justintime", []string{"layers/internal/digest", "layers/internal/ls", "layers/lastuse", "layers/locate", "layers/paths", "layers/regular", xsys},
		"whether there is something to restore is found by names of files, before anything that could do it is started"},
	{"layers/relocate", []string{"driver", "layers/internal/...", "layers/lease", "layers/locate", "layers/paths", "layers/record", "layers/regular", "reflink"},
		"a store is moved as files and trees, whatever is in its layers"},
	{"layers/regular", nil, "a file is read, whatever is in it"},
	{"layers/paths", nil, "names of files are compared as text, and nothing is looked up for it"},
	{"layers/prune", nil, "a choice that looks at nothing but its input can be printed and tested before it is carried out"},
	{"layers/wrapper", []string{"layers/cargo/chain", "layers/cargo/config", "layers/cargo/handoff", "layers/internal/atomicfile", "layers/locate"},
		"what is switched on is a matter of Cargo's configuration, not of layers"},
	{"layers/enabling", []string{"layers/cargo/chain", "layers/internal/atomicfile", "layers/internal/digest", "layers/locate", "layers/paths", "layers/regular", "layers/wrapper", xsys},
		"what is enabled for a user are files of the user's, whatever layers there are"},
	{"layers/lowpriority", []string{xsys}, "priorities are the kernel's"},
	{"layers/warm", []string{"layers/cargo/builddir", "layers/cargo/incremental", "layers/lowpriority", xsys},
		"reading ahead is about files; where they came from does not matter"},
	{"layers/alias", []string{xsys},
		"how a command sees its directories is between it and the kernel, and each start of our wrapper pays for every import"},
	{"layers/internal", []string{"layers/paths", blake3, xsys}, "tools under everything in layers know nothing of it but what files are called"},
	{"driver", []string{"reflink/mounts", xsys}, "the contract knows neither its drivers nor its users"},
	{"driver/btrfs", []string{"driver", "reflink", "reflink/mounts", xsys}, "a driver does not know what is stored in its trees"},
	{"driver/pool", []string{"driver", "reflink/mounts", xsys}, "what a pool holds is its users' business"},
	{"driver/plain", []string{"driver", "reflink"}, "a driver does not know what is stored in its trees"},
	{"driver/drivertest", []string{"driver", "driver/drivertest/...", "reflink", xsys},
		"the suite is told what a driver can do, never which driver it is"},
	{"driver/drivertest/faultdisk", []string{"driver/drivertest/loopfs", "github.com/hanwen/go-fuse/v2/...", xsys},
		"a disk knows no drivers; and what serves one in user space is for tests alone"},
	{"reflink", []string{"reflink/mounts", xsys}, "cloning files is the lowest floor"},
	{"reflink/mounts", []string{xsys}, "what is mounted the kernel says"},
	{"hack", []string{"hack/...", xsys}, "the house's own tools drive the program from outside, as a user does"},
	{"hack/differential", []string{"hack/...", "github.com/rogpeppe/go-internal/txtar", xsys}, "histories are text; the programs in them are called as a user calls them"},
	{"hack/macros", []string{"layers/cargo/macros", "layers/cargo/rustsrc"},
		"what reading decides of macros is asked of what reads them: no command prints it"},
	{"hack/bench", []string{"driver/pool", "hack/...", "layers/cargo/planner", "layers/cargo/project", "layers/space", xsys},
		"what a planning run takes shows in no command of its own, nor in how many pieces a tree lies at a moment; a pool is made without a line in this machine's /etc"},
	{"hack/bench/clonetree", []string{"driver", "driver/btrfs", "driver/plain"},
		"what a driver takes for a clone shows in no command alone, each of which does more"},
	{"hack/bench/bulk", []string{"layers/cargo/fingerprint"}, "made-up units need fingerprints that hash right; nothing else of the program's"},
}

// ruleFor finds the rule for a package; a From that ends in a slash speaks of what is below it only.
func ruleFor(name string) (rule, bool) {
	var best rule
	found := false
	for _, r := range rules {
		applies := under(name, strings.TrimSuffix(r.From, "/"))
		if strings.HasSuffix(r.From, "/") {
			applies = strings.HasPrefix(name, r.From)
		}
		if applies && (!found || len(r.From) > len(best.From)) {
			best, found = r, true
		}
	}
	return best, found
}

func (r rule) allows(path string) bool {
	return slices.ContainsFunc(r.May, func(may string) bool {
		if tree, ok := strings.CutSuffix(may, "/..."); ok {
			return under(path, tree)
		}
		return path == may
	})
}

// Only what is shipped is bound: a test may drive whatever shows its point.
func TestImportArrows(t *testing.T) {
	for _, p := range packages(t) {
		name := p.name()
		r, ok := ruleFor(name)
		if !ok {
			t.Errorf("%s has no rule: top-level folders are fixed, give a new one its arrows here", name)
			continue
		}
		for _, path := range p.Imports {
			inside := under(path, module)
			first, _, _ := strings.Cut(path, "/")
			if !inside && !strings.Contains(first, ".") {
				continue // the standard library
			}
			if inside {
				path = strings.TrimPrefix(path, module+"/")
			}
			if !r.allows(path) {
				t.Errorf("%s imports %s: %s", name, path, r.Reason)
			}
		}
	}
}

// Each rule stands once and for a package that exists: one that never counts would be believed all the same.
func TestRulesCount(t *testing.T) {
	counts := map[string]bool{}
	for _, p := range packages(t) {
		if r, ok := ruleFor(p.name()); ok {
			counts[r.From] = true
		}
	}
	seen := map[string]bool{}
	for _, r := range rules {
		if seen[r.From] {
			t.Errorf("%s has two rules", r.From)
		}
		seen[r.From] = true
		if !counts[r.From] {
			t.Errorf("the rule for %s is that of no package", r.From)
		}
	}
}

// What may be imported is imported by somebody: an arrow that nobody needs is there for the next to follow unseen.
func TestArrowsAreUsed(t *testing.T) {
	imports := map[string][]string{}
	for _, p := range packages(t) {
		if r, ok := ruleFor(p.name()); ok {
			imports[r.From] = append(imports[r.From], p.Imports...)
		}
	}
	for _, r := range rules {
		for _, may := range r.May {
			one := rule{May: []string{may}}
			used := slices.ContainsFunc(imports[r.From], func(path string) bool { return one.allows(strings.TrimPrefix(path, module+"/")) })
			if !used {
				t.Errorf("%s never imports %s: take it from its rule", r.From, may)
			}
		}
	}
}

func TestRuleFor(t *testing.T) {
	tests := []struct {
		name, from, path string
		allowed          bool
	}{
		{"layers", "layers", "driver", true},
		{"layers", "layers", "driver/btrfs", false},
		{"layers/cargo", "layers/cargo", "layers/cargo/depinfo", true},
		{"layers/cargo", "layers/cargo", "layers", false},
		{"layers/cargo/depinfo", "layers/cargo/", "layers/cargo/lockfile", false},
		{"layers/cargo/builddir", "layers/cargo/builddir", "layers/cargo/checkout", false},
		{"driver/drivertest/loopfs", "driver/drivertest", "driver/btrfs", false},
		{"cmd/cargo-cow", "cmd", "layers/cargo", true},
		{"reflink", "reflink", "driver", false},
	}
	for _, test := range tests {
		r, ok := ruleFor(test.name)
		if !ok || r.From != test.from {
			t.Errorf("ruleFor(%s) is the rule of %q, want %q", test.name, r.From, test.from)
		}
		if got := r.allows(test.path); got != test.allowed {
			t.Errorf("%s may import %s: %v, want %v", test.name, test.path, got, test.allowed)
		}
	}
	if _, ok := ruleFor("pkg/util"); ok {
		t.Error("ruleFor(pkg/util) found a rule")
	}
}
