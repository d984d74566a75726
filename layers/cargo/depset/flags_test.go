package depset

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
)

// The processor counts if, and only if, something is compiled for the one that
// is there, however that is said.
func TestNative(t *testing.T) {
	for name, tc := range map[string]struct {
		file, manifest string
		environ        []string
		native         bool
	}{
		"nothing":                 {},
		"another":                 {environ: []string{"RUSTFLAGS=-Ctarget-cpu=x86-64-v3"}},
		"a feature of that name":  {environ: []string{"RUSTFLAGS=--cfg native -Ctarget-feature=+native"}},
		"one word":                {environ: []string{"RUSTFLAGS=-Ctarget-cpu=native"}, native: true},
		"two words":               {environ: []string{"RUSTFLAGS=-O -C target-cpu=native"}, native: true},
		"long":                    {environ: []string{"RUSTFLAGS=--codegen=target-cpu=native"}, native: true},
		"long, two words":         {environ: []string{"RUSTFLAGS=--codegen target-cpu=native"}, native: true},
		"underscore":              {environ: []string{"RUSTFLAGS=-Ctarget_cpu=native"}, native: true},
		"tuned":                   {environ: []string{"RUSTFLAGS=-Ztune-cpu=native"}, native: true},
		"encoded":                 {environ: []string{"CARGO_ENCODED_RUSTFLAGS=-C\x1ftarget-cpu=native"}, native: true},
		"build":                   {file: "build.rustflags = [\"-C\", \"target-cpu=native\"]", native: true},
		"build, a string":         {file: "build.rustflags = \"-C target-cpu=native\"", native: true},
		"target":                  {file: "target.x.rustflags = [\"-Ctarget-cpu=native\"]", native: true},
		"cfg":                     {file: "target.'cfg(unix)'.rustflags = [\"-Ctarget-cpu=native\"]", native: true},
		"target's variable":       {environ: []string{"CARGO_TARGET_X_RUSTFLAGS=-Ctarget-cpu=native"}, native: true},
		"hidden by RUSTFLAGS":     {file: "build.rustflags = [\"-Ctarget-cpu=native\"]", environ: []string{"RUSTFLAGS="}},
		"profile of a manifest":   {manifest: "profile.dev.rustflags = [\"-Ctarget-cpu=native\"]", native: true},
		"profile of a file":       {file: "profile.dev.package.x.rustflags = [\"-Ctarget-cpu=native\"]", native: true},
		"profile's variable":      {environ: []string{"CARGO_PROFILE_DEV_RUSTFLAGS=-C target-cpu=native"}, native: true},
		"a file of flags":         {environ: []string{"RUSTFLAGS=@flags"}, native: true},
		"no such file of flags":   {environ: []string{"RUSTFLAGS=@none"}},
		"specification":           {file: "build.target = \"native.json\"", native: true},
		"another's specification": {file: "build.target = \"other.json\""},
	} {
		c := newCheckout(t)
		cargotest.Write(t, c.dir, map[string]string{
			"ws/.cargo/config.toml": tc.file, "ws/Cargo.toml": tc.manifest, "ws/flags": "-O\n-Ctarget-cpu=native\n",
			"ws/native.json": `{"cpu": "native", "llvm-target": "x"}`, "ws/other.json": `{"cpu": "generic"}`,
		})
		c.tool.Environ = append(c.tool.Environ, tc.environ...)
		f := c.fingerprint(t, rule.Set{})
		i, found := f.Find(ingCPU)
		if found != tc.native || found && (i.Digest == "" || !strings.HasPrefix(i.Value, "native: ")) {
			t.Errorf("%s: the processor counts: %v (%v); want %v", name, found, i, tc.native)
		}
	}
}

// The content of a specification counts, and what it names.
func TestTargetSpecification(t *testing.T) {
	c := newCheckout(t)
	spec := func(text string) *Fingerprint {
		cargotest.Write(t, c.dir, map[string]string{"ws/.cargo/config.toml": "build.target = [\"t.json\", \"x\"]", "ws/t.json": text})
		return c.fingerprint(t, rule.Set{})
	}
	before := spec(`{"cpu": "generic"}`)
	if got := before.Get(ingTargets); got != "t.json, x" {
		t.Errorf("targets %q", got)
	}
	if after := spec(`{"cpu": "other"}`); after.ID == before.ID {
		t.Error("another content, the same id")
	}
	after := spec(`{"linker": "ld.fast"}`)
	if i, _ := after.Find(ingLinker); !strings.Contains(i.Value, "ld.fast") {
		t.Errorf("linkers %v", i)
	}
	if err := os.Remove(c.ws.Root + "/t.json"); err != nil {
		t.Fatal(err)
	}
	if gone := c.fingerprint(t, rule.Set{}); gone.ID == after.ID {
		t.Error("a specification that is gone has the same id")
	}
}

func TestCodegen(t *testing.T) {
	flags := []string{"-Clinker=a", "-C", "linker=b", "--codegen=linker=c", "--codegen", "linker= d", "-Clinker-plugin-lto", "-Zlinker=e", "--cfg", "linker", "-C linker=f"}
	if got, want := codegen(flags, "linker"), []string{"a", "b", "c", "d", "e", "f"}; !slices.Equal(got, want) {
		t.Errorf("codegen = %q; want %q", got, want)
	}
}

func TestFlagFiles(t *testing.T) {
	dir := cargotest.RealTempDir(t)
	cargotest.Write(t, dir, map[string]string{"mem.ld": "", "sub/script.x": "", "abs.map": "", "native/x": "", "args": "", "with space.ld": ""})
	tests := []struct {
		flags string
		want  []string
	}{
		{`["-C", "link-arg=-Tmem.ld"]`, []string{"mem.ld"}},
		{`link-args=-Wl,-T,sub/script.x`, []string{"sub/script.x"}},
		{"-Clink-arg=-Wl,--version-script=" + dir + "/abs.map\x1f-Cx", []string{"abs.map"}},
		{`-L native -Cpanic=abort`, nil}, // a directory
		{`mem.ld mem.ld sub/script.x`, []string{"mem.ld", "sub/script.x"}},
		{`-T -Wl -B`, nil},
		{"@args", []string{"args"}},
		{"-Clink-arg=with space.ld\x1f-g", []string{"with space.ld"}},
		{"", nil},
	}
	for _, tt := range tests {
		var want []string
		for _, w := range tt.want {
			want = append(want, dir+"/"+w)
		}
		if got := flagFiles(dir, tt.flags); !slices.Equal(got, want) {
			t.Errorf("flagFiles(%q) = %v; want %v", tt.flags, got, want)
		}
	}
}

func FuzzFlagFiles(f *testing.F) {
	dir := f.TempDir()
	cargotest.Write(f, dir, map[string]string{"mem.ld": ""})
	for _, s := range []string{"-Tmem.ld", "-Wl,-T,mem.ld", "=\x1f=", "-T\x00", "-B../mem.ld"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, flags string) {
		got := flagFiles(dir, flags)
		if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Errorf("flagFiles(%q) = %v", flags, got)
		}
		for _, path := range got {
			if fi, err := os.Stat(path); err != nil || !fi.Mode().IsRegular() || !filepath.IsAbs(path) {
				t.Errorf("flagFiles(%q) names %q: %v", flags, path, err)
			}
		}
	})
}

// What a linker reads is an input of what is linked, and no ingredient.
func TestUnlinked(t *testing.T) {
	flags := []string{"-Clink-arg=-Ta", "-C", "link-args=-Tb c", "--codegen=link_arg=d", "-Zpre-link-args=e", "-Cprofile-use=f", "--cfg", "g", "-L", "h"}
	if got, want := unlinked(flags), []string{"-C", "-Cprofile-use=f", "--cfg", "g", "-L", "h"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
