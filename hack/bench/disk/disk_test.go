package main

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The lockfiles are of projects that have most packages in common, each in one version.
func TestLockfiles(t *testing.T) {
	var sets []map[string]bool
	for _, s := range samples {
		text, err := files.ReadFile(path.Join("projects", s.name, "Cargo.lock"))
		if err != nil {
			t.Fatal(err)
		}
		set := map[string]bool{}
		for block := range strings.SplitSeq(string(text), "[[package]]\n") {
			lines := strings.SplitN(block, "\n", 3)
			if strings.HasPrefix(block, "name = ") && strings.Contains(block, "\nsource = ") {
				set[lines[0]+" "+lines[1]] = true
			}
		}
		sets = append(sets, set)
	}
	for i, part := range common(sets) {
		t.Logf("%s: %d packages, %.2f of them in all", samples[i].name, len(sets[i]), part)
		if part < 0.7 || part > 0.9 {
			t.Errorf("%s has %.2f of its packages in common with all, want about 0.8", samples[i].name, part)
		}
	}
}

func TestCommon(t *testing.T) {
	got := common([]map[string]bool{{"a": true, "b": true}, {"a": true, "b": true, "c": true, "d": true}, {"b": true}, {"b": true}})
	if want := []float64{.5, .25, 1, 1}; !slices.Equal(got, want) {
		t.Errorf("common parts are %v, want %v", got, want)
	}
}

// A file counts once by its inode, equal ones once by their content, each under its kind.
func TestLook(t *testing.T) {
	one, two := filepath.Join(t.TempDir(), "target"), filepath.Join(t.TempDir(), "target")
	for file, text := range map[string]string{
		filepath.Join(one, "debug/deps/libserde-1.rlib"):       "serde",
		filepath.Join(two, "debug/deps/libserde-1.rlib"):       "serde",
		filepath.Join(one, "debug/deps/one-1"):                 "the first program",
		filepath.Join(two, "debug/deps/two-1"):                 "the other program",
		filepath.Join(two, "debug/deps/two-1.d"):               "two",
		filepath.Join(two, "debug/incremental/two-1/s/x.o"):    "o",
		filepath.Join(two, "debug/build/serde-1/out/build.rs"): "code",
		filepath.Join(two, "debug/.fingerprint/serde-1/hash"):  "0123",
	} {
		mode := os.FileMode(0o644)
		if strings.HasSuffix(file, "/one-1") || strings.HasSuffix(file, "/two-1") {
			mode = 0o755
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(filepath.Join(one, "debug/deps/one-1"), filepath.Join(one, "debug/one")); err != nil {
		t.Fatal(err)
	}
	s, err := look([]target{{one, "one"}, {two, "two"}})
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[string][2]int64{dependencies: {10, 5}, programs: {34, 34}, incremental: {1, 1}, scripts: {4, 4}, rest: {7, 7}} {
		if got := [2]int64{s.all[kind], s.once[kind]}; got != want {
			t.Errorf("%s: %d bytes, equal ones once; want %d", kind, got, want)
		}
	}
}

func TestRows(t *testing.T) {
	s := survey{map[string]int64{dependencies: 3_000_000_000, rest: 1_000_000_000}, map[string]int64{dependencies: 1_000_000_000}}
	got := rows([]figure{
		{tool: plainCargo, bytes: 4_000_000_000, first: 800_000_000, time: time.Minute, survey: s},
		{tool: "cargo-cow", bytes: 1_000_000_000, first: 820_000_000, time: 2 * time.Second, survey: s},
	})[1:]
	want := [][]string{
		{"plain cargo", "4,000 MB", "100.0 %", "800 MB", "4,000 MB", "1,000 MB", "60.0 s"},
		{"cargo-cow", "1,000 MB", "25.0 %", "820 MB", "4,000 MB", "1,000 MB", "2.00 s"},
	}
	for i := range want {
		if !slices.Equal(got[i], want[i]) {
			t.Errorf("row %q, want %q", got[i], want[i])
		}
	}
}
