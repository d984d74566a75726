package linking

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLine(t *testing.T) {
	files := map[string]string{
		"x.ld": "INCLUDE y.ld\nINPUT(o.o -lz)", "libs/y.ld": "GROUP ( libs/q.a )", "libs/q.a": "\x00", "o.o": "\x00",
		"args": "-Tx.ld '--version-script=v er.map' -Lmore", "v er.map": "{ local: *; };", "more/o.o": "\x00", "dirs.ld": "SEARCH_DIR(more)",
	}
	for _, tt := range []struct {
		values            []string
		files, dirs, libs []string
		tools             []string
		odd               string
	}{
		{values: []string{"-Wl,--as-needed,--gc-sections", "-lfoo", "-nodefaultlibs"}, libs: []string{"foo"}},
		{values: []string{"-Wl,-Tx.ld"}, files: []string{"x.ld", "libs/y.ld", "libs/q.a", "o.o"}, libs: []string{"z"}},
		{values: []string{"-Wl,--script=x.ld"}, files: []string{"x.ld", "libs/y.ld", "libs/q.a", "o.o"}, libs: []string{"z"}},
		{values: []string{"-T", "x.ld"}, files: []string{"x.ld", "libs/y.ld", "libs/q.a", "o.o"}, libs: []string{"z"}},
		{values: []string{"-Wl,--version-script=v er.map"}, files: []string{"v er.map"}},
		{values: []string{"-Wl,--dynamic-list,v er.map o.o"}, files: []string{"v er.map", "o.o"}},
		{values: []string{"-Wl,@args"}, files: []string{"args", "x.ld", "libs/y.ld", "libs/q.a", "o.o", "more/o.o", "v er.map"}, dirs: []string{"more"}, libs: []string{"z"}, odd: "@args"},
		{values: []string{"-Wl,-L,more,-l:o.o"}, dirs: []string{"more"}, libs: []string{"o.o"}},
		{values: []string{"--library-path=more", "-Wl,-rpath-link,other"}, dirs: []string{"more", "other"}},
		{values: []string{"-Bmore", "--sysroot=more"}, tools: []string{"more"}, odd: "--sysroot"},
		{values: []string{"dirs.ld"}, files: []string{"dirs.ld"}, dirs: []string{"more"}, odd: "script that names directories"},
		{values: []string{"-Map=x.map"}, odd: "-Map"},
		{values: []string{"libs", "nothing.ld", "", "a\x00b"}},
	} {
		t.Run(strings.Join(tt.values, " "), func(t *testing.T) {
			base := t.TempDir()
			write(t, base, files)
			l := NewLine(base, "libs")
			l.Add(tt.values...)
			var found []string
			for _, f := range l.Files {
				for _, path := range f.Paths {
					rel := strings.TrimPrefix(path, base+"/")
					if _, err := os.Stat(path); err == nil && !slices.Contains(found, rel) {
						found = append(found, rel)
					}
				}
			}
			var dirs, libs []string
			for _, dir := range l.Dirs[1:] {
				if dir = strings.TrimPrefix(dir, base+"/"); !slices.Contains(dirs, dir) {
					dirs = append(dirs, dir)
				}
			}
			for _, lib := range l.Libraries {
				if !slices.Contains(libs, lib.Name) {
					libs = append(libs, lib.Name)
				}
			}
			slices.Sort(found)
			slices.Sort(tt.files)
			if !slices.Equal(found, tt.files) || !slices.Equal(dirs, tt.dirs) || !slices.Equal(libs, tt.libs) || !slices.Equal(l.Tools, tt.tools) || l.Uncovered != tt.odd {
				t.Errorf("files %q, directories %q, libraries %q, tools %q, odd %q", found, dirs, libs, l.Tools, l.Uncovered)
			}
		})
	}
}

// Where a name leads nowhere yet, a file that appears would be taken before another.
func TestLineOrder(t *testing.T) {
	base := t.TempDir()
	write(t, base, map[string]string{"second/x.ld": ""})
	l := NewLine(base, "first", "second")
	l.Add("-Tx.ld")
	want := []string{base + "/x.ld", base + "/first/x.ld", base + "/second/x.ld"}
	if len(l.Files) != 1 || !slices.Equal(l.Files[0].Paths, want) {
		t.Errorf("%q, want %q", l.Files, want)
	}
}

func TestFlags(t *testing.T) {
	var f Flags
	f.Read(strings.Split("-L|native=libs|-Lall|-L|dependency=a/b=c|-L|/x=y|-l|static:+whole-archive=foo:bar|-lbaz|-C|link-arg=-Tx|-Clink-args=a b|"+
		"--codegen=link-arg=c|--codegen|link-arg=d|-Zpre-link-args=e|-C|debuginfo|--extern=f=g.rlib|--cfg|h=\"i\"|--sysroot|s|-O", "|"))
	want := Flags{
		Dirs:      []string{"libs", "all", "a/b=c", "/x=y"},
		Libraries: []Library{{"static:+whole-archive", "foo"}, {"static:+whole-archive", "bar"}, {"", "baz"}},
		Values:    []string{"-Tx", "a b", "c", "d", "e", "g.rlib", "--sysroot=s"},
	}
	if !slices.Equal(f.Dirs, want.Dirs) || !slices.Equal(f.Libraries, want.Libraries) || !slices.Equal(f.Values, want.Values) {
		t.Errorf("%q, want %q", f, want)
	}
}

func TestWords(t *testing.T) {
	got := splitWords([]byte("a 'b c'\td\\ e\n\"f\"g '' \\\"h"))
	if want := []string{"a", "b c", "d e", "fg", "", `"h`}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestMembers(t *testing.T) {
	dir := t.TempDir()
	const long = "a_name_that_is_longer_than_a_header_has_place_for.o"
	write(t, dir, map[string]string{"a.o": "1", long: "22"})
	run := func(args ...string) {
		t.Helper()
		cmd := exec.Command("ar", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	run("qcD", "liba.a", "a.o", long)
	run("qcD", "none.a")
	got, ok := Members(dir + "/liba.a")
	if !ok || !slices.Equal(got, []string{"a.o", long}) {
		t.Errorf("%q, %v", got, ok)
	}
	for _, tt := range []struct {
		rlib []string
		path string
		want bool
	}{
		{[]string{"lib.rmeta", "a.o"}, "liba.a", true}, {[]string{long}, "liba.a", true}, {[]string{"liba.a"}, "liba.a", true},
		{[]string{"lib.rmeta", "b.o"}, "liba.a", false}, {[]string{"b.o"}, "none.a", true}, {[]string{"b.o"}, "a.o", true},
	} {
		if got := Bundles(tt.rlib, dir+"/"+tt.path); got != tt.want {
			t.Errorf("%q bundles %s: %v, want %v", tt.rlib, tt.path, got, tt.want)
		}
	}
}

func TestNames(t *testing.T) {
	for _, name := range (Library{Name: "z"}).Names()[1:] {
		if got := Of(name); got != "z" || !IsLibrary(name) {
			t.Errorf("%s is of %q, a library: %v", name, got, IsLibrary(name))
		}
	}
	for name, want := range map[string]bool{"libz.so.1.2": true, "x.o": true, "libr.rlib": true, "README.md": false, "x.ld": false, "": false} {
		if IsLibrary(name) != want {
			t.Errorf("%s is a library: %v", name, !want)
		}
	}
}

func FuzzMembers(f *testing.F) {
	f.Add("!<arch>\n//                                              4         `\nab/\na.o/            0           0     0     644     1         `\nx\n")
	f.Add("!<arch>\n#1/3            0           0     0     644     5         `\nabcde\n")
	f.Add("!<arch>\n/9              0           0     0     644     9223372036854775807`\n")
	f.Fuzz(func(t *testing.T, text string) {
		names, _ := members(strings.NewReader(text), int64(len(text)))
		if len(names) > len(text)/60 {
			t.Errorf("%d members in %d bytes", len(names), len(text))
		}
	})
}

func FuzzLine(f *testing.F) {
	base := f.TempDir()
	if err := os.WriteFile(base+"/f", []byte("INPUT(f) @f -Lx SEARCH_DIR(y)"), 0o666); err != nil {
		f.Fatal(err)
	}
	f.Add("-Wl,@f,-T,f", "-L", "a b")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		NewLine(base, c).Add(a, b)
		splitWords([]byte(a))
		new(Flags).Read([]string{a, b, c})
	})
}
