package rustc

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// A Question is a call that has the compiler tell of itself, and compiles nothing: its version, and what
// it knows of a target. In each build directory that is new to it cargo asks both before it builds, and
// keeps the answers there (cargo 1.85 to 1.100, util/rustc.rs and build_context/target_info.rs). They are
// the same for all build directories, as long as the compiler and what it was asked are.
type Question struct{ key string }

// QuestionOf returns nil where a call is no question, or one whose answer may have other reasons than
// those that are known here: a compiler that is no program of a toolchain, a target that a file
// describes, the processor of this machine, unstable flags.
func QuestionOf(argv, env []string) *Question {
	if len(argv) < 2 || !filepath.IsAbs(argv[0]) || !isVersion(argv[1:]) && !isOfTarget(argv[1:]) {
		return nil
	}
	t, ok := installed(argv[0])
	if described, _ := filepath.Glob(t.sysroot + "/lib/rustlib/*/target.json"); !ok || len(described) > 0 {
		return nil
	}
	var variables []string
	for _, kv := range env {
		if strings.HasPrefix(kv, "RUST_TARGET_PATH=") {
			return nil
		}
		// Those of rustc, and those of the linker that loads it.
		if strings.HasPrefix(kv, "RUST") || strings.HasPrefix(kv, "LD_") {
			variables = append(variables, kv)
		}
	}
	slices.Sort(variables)
	parts := slices.Concat([]string{questionHeader, identityOf(t.program), t.libraries()}, argv, []string{""}, variables)
	return &Question{digest.OfText(strings.Join(parts, "\x00"))}
}

func isVersion(args []string) bool { return slices.Equal(args, []string{"-vV"}) }

// toldOfTarget are what cargo has printed of a target. With these alone rustc compiles nothing.
var toldOfTarget = []string{"file-names", "sysroot", "split-debuginfo", "crate-name", "cfg"}

// isOfTarget reports whether arguments ask for nothing but what rustc knows of a target, given no source.
func isOfTarget(args []string) bool {
	asks := false
	for i, a := range args {
		if what, ok := strings.CutPrefix(a, "--print="); ok {
			asks = true
			if !slices.Contains(toldOfTarget, what) {
				return false
			}
			continue
		}
		if i > 0 && a == "-" || strings.ContainsAny(a, "/@") || strings.HasPrefix(a, "-Z") || strings.HasSuffix(a, ".json") ||
			strings.Contains(a, "native") || a == "--print" || strings.HasPrefix(a, "-o") || strings.HasPrefix(a, "--emit") ||
			strings.HasPrefix(a, "--sysroot") {
			return false
		}
	}
	return asks && args[0] == "-"
}

// ReadsSource reports whether the compiler looks at what it gets for a source, to answer.
func ReadsSource(argv []string) bool { return slices.Contains(argv, "-") }

// questionHeader begins a kept answer; a digest of what follows comes next, and a newline.
const questionHeader = "cargo-cow rustc answer 1\n"

// Answer returns what the compiler has answered, by a file in dir.
func (q *Question) Answer(dir string) (text []byte, ok bool) {
	b, err := regular.Read(q.file(dir))
	if err != nil {
		return nil, false
	}
	rest, known := strings.CutPrefix(string(b), questionHeader)
	sum, answer, whole := strings.Cut(rest, "\n")
	return []byte(answer), known && whole && sum == digest.OfText(answer)
}

func (q *Question) file(dir string) string { return filepath.Join(dir, questionPrefix+q.key) }

const (
	// questionPrefix begins the names of the files.
	questionPrefix = "rustc-"
	// keptQuestions bounds how many there are: two for each toolchain and target, and set of flags.
	keptQuestions = 64
)

// Keep keeps an answer. If it cannot be kept, the compiler is asked again.
func (q *Question) Keep(dir string, answer []byte) {
	if os.MkdirAll(dir, 0o700) != nil {
		return
	}
	text := questionHeader + digest.Of(answer) + "\n" + string(answer)
	if atomicfile.WriteUnsynced(q.file(dir), []byte(text), 0o600) != nil {
		return
	}
	kept, _ := filepath.Glob(filepath.Join(dir, questionPrefix+"*"))
	if len(kept) <= keptQuestions {
		return
	}
	age := map[string]time.Time{}
	for _, path := range kept {
		if fi, err := os.Lstat(path); err == nil {
			age[path] = fi.ModTime()
		}
	}
	slices.SortFunc(kept, func(a, b string) int { return age[a].Compare(age[b]) })
	for _, path := range kept[:len(kept)-keptQuestions] {
		_ = os.Remove(path)
	}
}
