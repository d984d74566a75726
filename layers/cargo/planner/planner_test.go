package planner

import (
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

const planLog = `   0.071s DEBUG prepare_target{force=false package_id=a v1.0.0 target="a"}: cargo::core::compiler::fingerprint: fingerprint at: /tmp/plan/0/debug/.fingerprint/a-0123456789abcdef/lib-a
   0.071s DEBUG prepare_target{force=false package_id=a v1.0.0 target="a"}: cargo::core::compiler::fingerprint: fingerprint at: /tmp/plan/0/debug/.fingerprint/a-0123456789abcdef/lib-a
   0.072s DEBUG cargo::compiler::fingerprint: fingerprint at: /tmp/plan/0/debug/build/b/0123456789abcdef/fingerprint/run-build-script-build-script-build
   0.072s DEBUG cargo::compiler::fingerprint: fingerprint at: /tmp/plan/1/debug/.fingerprint/other-0123456789abcdef/lib-other
   0.072s DEBUG cargo::compiler::fingerprint: fingerprint at: /tmp/plan/0/../../etc/passwd
error: could not compile ` + "`a`" + ` (lib)
error: another
`

func TestReadPlan(t *testing.T) {
	keys, said := readPlan(strings.NewReader(planLog), "/tmp/plan/0")
	want := []string{"debug/.fingerprint/a-0123456789abcdef/lib-a", "debug/build/b/0123456789abcdef/fingerprint/run-build-script-build-script-build"}
	if !slices.Equal(keys, want) {
		t.Errorf("units %v, want %v", keys, want)
	}
	if said != "could not compile `a` (lib)" {
		t.Errorf("cargo said %q", said)
	}
}

func FuzzReadPlan(f *testing.F) {
	f.Add(planLog, "/tmp/plan/0")
	f.Fuzz(func(t *testing.T, log, scratch string) {
		keys, _ := readPlan(strings.NewReader(log), scratch)
		for _, k := range keys {
			if !paths.IsLocal(k) {
				t.Errorf("unit %q leads out", k)
			}
		}
	})
}

func TestBuildArgs(t *testing.T) {
	for _, tt := range []struct {
		b    Build
		want string
	}{
		{Build{Profile: "debug"}, "build --quiet --frozen --profile dev"},
		{Build{Profile: "release", All: true}, "build --quiet --frozen --profile release --workspace --all-targets"},
		{Build{Profile: "x86_64-unknown-linux-gnu/own", Check: true}, "check --quiet --frozen --profile own --target x86_64-unknown-linux-gnu"},
	} {
		if got := strings.Join(tt.b.args(), " "); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.b, got, tt.want)
		}
	}
}

// Cargo asks for the compiler's identity and for the names of what it would
// write; everything else would compile.
func TestRefuseCompile(t *testing.T) {
	for args, want := range map[string]bool{
		"rustc -vV": false,
		"rustc - --crate-name ___ --print=file-names --crate-type bin": false,
		"rustc --print cfg": false,
		"rustc --crate-name a --edition=2021 src/lib.rs --emit=dep-info,metadata,link": true,
		"rustc --crate-name vV src/vV.rs":                                              true,
	} {
		if got := RefuseCompile(strings.Fields(args)); got != want {
			t.Errorf("%s: refused %v, want %v", args, got, want)
		}
	}
}
