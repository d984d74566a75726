package rustc

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/rustc/rustctest"
)

// What a question is kept by is all that its answer depends on; what depends on more is no question.
func TestQuestionOf(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"bin/rustc": rustctest.LinkedWith("librustc_driver-1.so"), "lib/librustc_driver-1.so": "", "lib/rustlib/x/lib/libstd.rlib": "", "bin/script": "#!/bin/sh\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	compiler := root + "/bin/rustc"
	target := []string{"-", "--crate-name", "___", "--print=file-names", "--crate-type", "bin", "--print=cfg", "-Wwarnings"}
	key := func(env []string, program string, args ...string) string {
		if q := QuestionOf(append([]string{program}, args...), env); q != nil {
			return q.key
		}
		return ""
	}
	version := key(nil, compiler, "-vV")
	if version == "" || version != key([]string{"HOME=/x", "CARGO_X=y"}, compiler, "-vV") {
		t.Fatalf("the version is not asked for: %q", version)
	}
	keys := []string{version, key(nil, compiler, target...)}
	for _, more := range [][]string{{"--target", "x86_64-unknown-linux-musl"}, {"-Ctarget-feature=+avx"}, {"--cfg", "x"}} {
		keys = append(keys, key(nil, compiler, append(target[:len(target):len(target)], more...)...))
	}
	keys = append(keys, key([]string{"RUSTC_BOOTSTRAP=1"}, compiler, "-vV"), key([]string{"LD_PRELOAD=x.so"}, compiler, "-vV"))
	for _, file := range []string{"lib/librustc_driver-1.so", "bin/rustc"} {
		if err := os.Chtimes(filepath.Join(root, file), time.Time{}, time.Unix(1e9, 0)); err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key(nil, compiler, "-vV"))
	}
	slices.Sort(keys)
	if len(slices.Compact(slices.Clone(keys))) != len(keys) || keys[0] == "" {
		t.Errorf("two have one key, or one has none: %q", keys)
	}

	for _, more := range []string{
		"-Ctarget-cpu=native", "--target=mine.json", "--print=native-static-libs", "--print=cfg=file", "--print", "-Zunstable-options", "@args",
		"--sysroot=x", "-ofile", "--emit=link", "src/lib.rs", "-",
	} {
		if k := key(nil, compiler, append(target[:len(target):len(target)], more)...); k != "" {
			t.Errorf("%s is a question", more)
		}
	}
	for name, k := range map[string]string{
		"nothing": key(nil, compiler), "another version": key(nil, compiler, "-V"), "a source": key(nil, compiler, append([]string{"x.rs"}, target[1:]...)...),
		"a script": key(nil, root+"/bin/script", "-vV"), "a name": key(nil, "rustc", "-vV"), "targets elsewhere": key([]string{"RUST_TARGET_PATH=/x"}, compiler, "-vV"),
		"a compile": key(nil, compiler, strings.Fields("--crate-name a src/lib.rs --emit=link")...),
	} {
		if k != "" {
			t.Errorf("%s is a question", name)
		}
	}
	if err := os.WriteFile(root+"/lib/rustlib/x/target.json", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if k := key(nil, compiler, target...); k != "" {
		t.Error("a toolchain with a target of somebody's is asked")
	}
}

// As many answers are kept as there are questions for, and the oldest go.
func TestKeptQuestions(t *testing.T) {
	dir := t.TempDir()
	for i := range keptQuestions + 3 {
		q := &Question{strings.Repeat("0", i)}
		q.Keep(dir, []byte("answer"))
		if err := os.Chtimes(q.file(dir), time.Time{}, time.Unix(int64(i+1), 0)); err != nil {
			t.Fatal(err)
		}
	}
	_, first := (&Question{""}).Answer(dir)
	text, last := (&Question{strings.Repeat("0", keptQuestions+2)}).Answer(dir)
	if first || !last || string(text) != "answer" {
		t.Errorf("the first is kept: %v; the last: %v, %q", first, last, text)
	}
}
