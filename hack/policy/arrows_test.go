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
)

var rules = []rule{
	{"cmd", []string{"cmd/internal/...", "layers/...", "driver", "driver/btrfs", "driver/plain", "reflink", "github.com/spf13/cobra", "github.com/spf13/pflag", yaml, xsys},
		"cmd is where everything meets, and nothing imports it"},
	{"cmd/cargo-cow-rustc", []string{"layers/alias", "layers/cargo/chain", "layers/cargo/depfile", "layers/cargo/extent", "layers/cargo/handoff", "layers/cargo/incremental", "layers/locate", "layers/paths", "layers/rustc", "layers/warehouse", xsys}, "what starts for each unit of a build imports next to nothing"},
	{"layers", []string{"driver", "reflink", "layers/active", "layers/foreign", "layers/index", "layers/record", "layers/rollback", "layers/space", "layers/lease", "layers/lastuse", "layers/locate", "layers/paths", "layers/rustc", "layers/warehouse", "layers/cargo/...", "layers/git", "layers/internal/...", xsys},
		"layers do not know which driver they stand on; what they believe about Cargo is layers/cargo's business"},
	{"layers/cargo", []string{"layers/cargo/...", "layers/internal/flock", "layers/internal/atomicfile", "layers/internal/digest", "layers/paths", toml, xsys},
		"what is believed about Cargo does not depend on how states are stored"},
	{"layers/cargo/", []string{"layers/paths", toml + "/..."},
		"formats are leaves: each can be read, tested and fuzzed alone"},
	{"layers/cargo/depfile", []string{"layers/internal/atomicfile", "layers/paths"}, "what rustc has written is read as text, and put back in one step"},
	{"layers/cargo/handoff", []string{"layers/cargo/depfile", "layers/internal/atomicfile", "layers/internal/words", "layers/paths"},
		"what is left for the wrapper lies in a file of our own, and in rustc's lists of inputs"},
	{"layers/rustc", []string{"layers/cargo/depfile", "layers/cargo/embedded", "layers/cargo/extent", "layers/cargo/handoff", "layers/cargo/linking", "layers/cargo/macros", "layers/cargo/rustsrc", "layers/internal/digest", "layers/internal/words", "layers/paths", xsys}, "what decides an output is told by files and arguments, not by where outputs are kept"},
	{"layers/warehouse", []string{"layers/rustc", "layers/internal/atomicfile", "layers/internal/digest", "layers/paths", "reflink"}, "what is kept by key is kept for the wrapper as well: it knows no layers, only where their files lie"},
	{"layers/active", []string{"layers/paths", "driver", "layers/cargo/...", "layers/foreign", "layers/internal/...", "layers/locate", "layers/rollback", xsys}, "how a build directory is replaced does not depend on what layers there are"},
	{"layers/index", []string{"layers/cargo/...", "layers/internal/..."}, "an index is made from what is in layers, not from how they are kept"},
	{"layers/record", []string{"layers/paths", "layers/cargo/...", "layers/internal/..."}, "what is said of a layer is read and written without a look at it"},
	{"layers/space", []string{"layers/internal/...", "reflink", xsys}, "what trees take is told by their extents, whatever they hold"},
	{"layers/foreign", []string{"layers/cargo/...", "layers/internal/help"}, "who owns a file is told by the file; what cargo may lock, by cargo's locks"},
	{"layers/rollback", []string{"driver", "layers/internal/help"}, "what a roll-back leaves is the same everywhere"},
	{"layers/git", []string{"layers/paths"}, "git is a program that is run; of ours it need only know what lies in a repository"},
	{"layers/lease", []string{"layers/internal/flock", "layers/paths"}, "a claim knows nothing of what is claimed"},
	{"layers/lastuse", nil, "when something was used is told by its name alone"},
	{"layers/background", []string{"layers/paths", "layers/internal/flock"}, "how a snapshot went is told by a file: what a snapshot is does not matter"},
	{"layers/locate", []string{"layers/internal/atomicfile", "layers/paths", xsys}, "where a store is must be the same for all who ask, and each start of our wrapper pays for every import"},
	{"layers/paths", nil, "what files are called, and what their names say as text, is under everything: nothing is looked up for it"},
	{"layers/prune", nil, "a choice that looks at nothing but its input can be printed and tested before it is carried out"},
	{"layers/wrapper", []string{"layers/cargo/...", "layers/locate", "layers/internal/..."}, "what is switched on is a matter of Cargo's configuration, not of layers"},
	{"layers/warm", []string{"layers/cargo", "layers/cargo/incremental", xsys}, "reading ahead is about files; where they came from does not matter"},
	{"layers/alias", []string{xsys}, "how a command sees its directories is between it and the kernel, and each start of our wrapper pays for every import"},
	{"layers/internal", []string{"layers/paths", blake3, xsys}, "tools under everything in layers know nothing of it but what files are called"},
	{"driver", []string{xsys}, "the contract knows neither its drivers nor its users"},
	{"driver/btrfs", []string{"driver", "reflink", "github.com/containerd/btrfs/v2", xsys}, "a driver does not know what is stored in its trees"},
	{"driver/plain", []string{"driver", "reflink", xsys}, "a driver does not know what is stored in its trees"},
	{"driver/drivertest", []string{"driver", "driver/drivertest/...", "reflink", xsys},
		"the suite is told what a driver can do, never which driver it is"},
	{"reflink", []string{xsys}, "cloning files is the lowest floor"},
	{"hack", []string{"hack/...", xsys},
		"the house's own tools drive the program from outside, as a user does"},
	{"hack/macros", []string{"layers/cargo/macros", "layers/cargo/rustsrc"}, "what reading decides of macros is asked of what reads them: no command prints it"},
	{"hack/bench", []string{"hack/...", "layers/cargo", xsys}, "what a planning run takes shows in no command of its own"},
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
