package main

import (
	"archive/tar"
	"compress/gzip"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/hack/project"
)

const (
	root    = "../.."
	version = "1.2.3+4.gabcdef"
	date    = 1790000000
)

var here = release{source: root, version: version, date: time.Unix(date, 0).UTC()}

var scratch string // with what all tests look at

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "cargo-cow-dist-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	scratch = dir
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

var makeOnce = sync.OnceValue(func() error {
	if err := dist(root, filepath.Join(scratch, "dist"), ""); err != nil {
		return err
	}
	for _, p := range platforms {
		archive, usr := filepath.Join(scratch, "dist", here.archive(p)), filepath.Join(scratch, p.goarch)
		if err := os.Mkdir(usr, 0o755); err != nil {
			return err
		}
		if out, err := exec.Command("tar", "-xzf", archive, "-C", usr).CombinedOutput(); err != nil {
			return fmt.Errorf("unpack: %w: %s", err, out)
		}
	}
	return nil
})

// dist runs the program in a checkout as make dist does, after the words of a shell's.
func dist(source, out, before string) error {
	run := fmt.Sprintf("%s exec go run ./hack/dist -version %s -out %s", before, version, out)
	cmd := exec.Command("sh", "-c", run)
	cmd.Dir, cmd.Env = source, project.Env(fmt.Sprintf("SOURCE_DATE_EPOCH=%d", date))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", run, err, out)
	}
	return nil
}

// made is the directory that a run has made.
func made(t *testing.T) string {
	t.Helper()
	if err := makeOnce(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(scratch, "dist")
}

// unpacked is where the archive of a platform is unpacked.
func unpacked(t *testing.T, goarch string) string {
	t.Helper()
	made(t)
	return filepath.Join(scratch, goarch)
}

// requires skips the test where a command is missing, or fails it if CI is set.
func requires(t *testing.T, commands ...string) {
	t.Helper()
	for _, name := range commands {
		if _, err := exec.LookPath(name); err != nil {
			missing(t, name+" is not installed: run hack/setup")
		}
	}
}

func missing(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("cannot run, and CI is set: %s", reason)
	}
	t.Skipf("NOT RUN: %s", reason)
}

func output(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	return outputIn(t, dir, project.Env(), name, args...)
}

func outputIn(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	out, err := project.Run(t.Context(), dir, env, name, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// Another directory, time zone, umask and number of processors, and the same bytes.
func TestReproducible(t *testing.T) {
	t.Parallel()
	first := made(t)
	copied := filepath.Join(t.TempDir(), "elsewhere")
	for name := range strings.Lines(output(t, root, "git", "ls-files", "-co", "--exclude-standard")) {
		name = strings.TrimSpace(name)
		data, err := os.ReadFile(filepath.Join(root, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // removed, and not committed yet
		}
		if err := errors.Join(err, write(filepath.Join(copied, name), data, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	second := filepath.Join(t.TempDir(), "again")
	if err := dist(copied, second, "umask 077; TZ=Asia/Kathmandu GOMAXPROCS=1"); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{first, second} {
		output(t, dir, "sha256sum", "--check", "--strict", "--quiet", sums)
	}
	want, err1 := os.ReadFile(filepath.Join(first, sums))
	got, err2 := os.ReadFile(filepath.Join(second, sums))
	if err := errors.Join(err1, err2); err != nil || string(got) != string(want) {
		t.Errorf("the second run made\n%s, the first\n%s(%v)", got, want, err)
	}
	if n := strings.Count(string(want), "\n"); n != 2*len(platforms)+6 {
		t.Errorf("%d files are summed:\n%s", n, want)
	}
}

// No program needs a loader or a library, and each is of its processor and tells its version where it can be run.
func TestStatic(t *testing.T) {
	t.Parallel()
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
	for _, p := range platforms {
		for _, name := range names {
			f, err := elf.Open(filepath.Join(unpacked(t, p.goarch), "bin", name))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			libraries, err := f.ImportedLibraries()
			if f.Machine != machines[p.goarch] || err != nil || len(libraries) > 0 {
				t.Errorf("%s of %s is of %s, with the libraries %v, %v", name, p.goarch, f.Machine, libraries, err)
			}
			if needs := interpreted(t, filepath.Join(unpacked(t, p.goarch), "bin", name)); needs != "" {
				t.Errorf("%s of %s has %s", name, p.goarch, needs)
			}
		}
	}
}

// interpreted is what makes a program one that a loader runs, "" if nothing does.
func interpreted(t *testing.T, path string) string {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, part := range f.Progs {
		if part.Type == elf.PT_INTERP || part.Type == elf.PT_DYNAMIC {
			return part.Type.String()
		}
	}
	return ""
}

// An archive has what is installed and nothing else, all of one time and of no user, and no directories.
func TestArchive(t *testing.T) {
	t.Parallel()
	want := []string{"bin/cargo-cow", "bin/cargo-cow-rustc", "share/man/man1/cargo-cow-rustc.1",
		"share/bash-completion/completions/cargo-cow", "share/zsh/site-functions/_cargo-cow", "share/fish/vendor_completions.d/cargo-cow.fish",
		"share/doc/cargo-cow/LICENSE", "share/doc/cargo-cow/LICENSES-OF-MODULES", "share/doc/cargo-cow/README.md"}
	pages, err := filepath.Glob(filepath.Join(root, "docs/cli/*.md"))
	if err != nil || len(pages) < 2 {
		t.Fatal(pages, err)
	}
	for _, page := range pages {
		want = append(want, "share/man/man1/"+strings.TrimSuffix(filepath.Base(page), ".md")+".1")
	}
	slices.Sort(want)
	for _, p := range platforms {
		headers := entries(t, filepath.Join(made(t), here.archive(p)))
		if got := slices.Sorted(maps.Keys(headers)); !slices.Equal(got, want) {
			t.Errorf("%s has %q, want %q", here.archive(p), got, want)
		}
		for name, h := range headers {
			mode := int64(0o644)
			if strings.HasPrefix(name, "bin/") {
				mode = 0o755
			}
			if h.Mode != mode || h.Uid != 0 || h.Gid != 0 || h.Uname+h.Gname != "" || h.ModTime.Unix() != date || h.Typeflag != tar.TypeReg {
				t.Errorf("%s is %+v", name, *h)
			}
		}
	}
}

func entries(t *testing.T, path string) map[string]*tar.Header {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]*tar.Header{}
	for r := tar.NewReader(unzipped); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		found[h.Name] = h
	}
}

// The licenses are those of all modules in the programs.
func TestLicenses(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(unpacked(t, "amd64"), docs, "LICENSES-OF-MODULES"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for line := range strings.Lines(output(t, "", "go", "version", "-m", filepath.Join(unpacked(t, "amd64"), "bin/cargo-cow"))) {
		if m := strings.Fields(line); len(m) > 2 && m[0] == "dep" {
			if found++; !strings.Contains(string(text), "\n"+m[1]+" "+m[2]+", LICENSE") {
				t.Errorf("no license of %s %s", m[1], m[2])
			}
		}
	}
	if found < 5 || !strings.Contains(string(text), "Copyright 2009 The Go Authors") {
		t.Errorf("%d modules, and Go's license: %.200s", found, text)
	}
}

func TestVersionOf(t *testing.T) {
	for _, test := range []struct{ described, want string }{
		{"v1.2.3-0-gabcdef012345", "1.2.3"},
		{"v1.2.3-0-gabcdef012345-dirty", "1.2.3+0.gabcdef012345.dirty"},
		{"v1.2.3-14-gabcdef012345", "1.2.3+14.gabcdef012345"},
		{"abcdef012345", "0.0.0+700.gabcdef012345"},
		{"abcdef012345-dirty", "0.0.0+700.gabcdef012345.dirty"},
	} {
		got := versionOf(test.described, "700")
		if got != test.want || !wellFormed.MatchString(got) {
			t.Errorf("versionOf(%s) = %s, want %s", test.described, got, test.want)
		}
	}
	for _, bad := range []string{"", "1.2", "v1.2.3", "1.2.3-rc1", "1.2.3+", "1.2.3\n"} {
		if _, err := identify(t.Context(), root, bad, "1"); bad != "" && err == nil {
			t.Errorf("%q is taken for a version", bad)
		}
	}
	if r, err := identify(t.Context(), root, "", ""); err != nil || r.date.Year() < 2020 {
		t.Errorf("this checkout is %+v, %v", r, err)
	}
}

// What this program has not made stays.
func TestReplaceable(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(replaceable(dir), replaceable(filepath.Join(dir, "none"))); err != nil {
		t.Error(err)
	}
	mine := filepath.Join(dir, "mine")
	if err := os.WriteFile(mine, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if replaceable(dir) == nil || replaceable(mine) == nil {
		t.Error("what is somebody's would be removed")
	}
	if err := os.WriteFile(filepath.Join(dir, sums), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := replaceable(dir); err != nil {
		t.Error(err)
	}
}
