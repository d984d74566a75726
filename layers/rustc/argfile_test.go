package rustc

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// filed is a scene of which the arguments but the first few stand in a file.
func (s *scene) filed(first int, more ...string) {
	path := s.top + "/cargo-argfile.1"
	s.write(path, strings.Join(s.argv[first:], "\n")+"\n")
	s.argv = append(append(s.argv[:first:first], "@"+path), more...)
}

// Arguments in a file are the arguments; what is run is the call as it is.
func TestArgumentFile(t *testing.T) {
	requests(t, newScene, []change{
		{"all", func(s *scene) { s.filed(1) }, ""},
		{"some", func(s *scene) { s.filed(5) }, ""},
		{"a value", func(s *scene) { s.filed(2) }, ""},
		{"ends of lines", func(s *scene) {
			s.write(s.top+"/f", strings.Join(s.argv[1:], "\r\n"))
			s.argv = []string{s.argv[0], "@" + s.top + "/f"}
		}, ""},
		{"another argument", func(s *scene) { s.add("--cfg", "x"); s.filed(1) }, "argument"},
		{"another argument behind", func(s *scene) { s.filed(1, "--cfg", "x") }, "argument"},
		{"two files", func(s *scene) {
			s.write(s.top+"/g", "--cfg\nx\n")
			s.filed(1, "@"+s.top+"/g")
		}, "argument"},
		{"file of nothing", func(s *scene) { s.write(s.top+"/g", ""); s.add("@" + s.top + "/g") }, ""},
		{"elsewhere", func(s *scene) { s.swap(s.out, s.top+"/other"); s.filed(1) }, ""},

		{"gone", func(s *scene) { s.filed(1); s.remove(s.top + "/cargo-argfile.1") }, "foreign"},
		{"relative", func(s *scene) { s.filed(1); s.argv[1] = "@cargo-argfile.1" }, "foreign"},
		{"file in a file", func(s *scene) { s.filed(1); s.write(s.top+"/g", s.argv[1]); s.argv[1] = "@" + s.top + "/g" }, "foreign"},
		{"no text", func(s *scene) { s.write(s.top+"/g", "--cfg\nx\xff\n"); s.add("@" + s.top + "/g") }, "foreign"},
		{"empty line", func(s *scene) { s.write(s.top+"/g", "\n"); s.add("@" + s.top + "/g") }, "foreign"},
		{"shell's quotes", func(s *scene) { s.write(s.top+"/g", "--cfg x"); s.add("@shell:" + s.top + "/g") }, "foreign"},
		{"before a driver", func(s *scene) {
			s.filed(1)
			s.argv = append([]string{s.tools + "/bin/clippy-driver"}, s.argv...)
		}, "foreign"},
		{"directory", func(s *scene) { s.add("@" + s.root) }, "foreign"},
	})
	s := newScene(t)
	c, err := Parse(s.argv)
	if err != nil || c.ArgFile {
		t.Fatalf("no file: %v", err)
	}
	s.filed(1)
	c, err = Parse(s.argv)
	if err != nil || !c.ArgFile || !slices.Equal(c.Argv, s.argv) {
		t.Errorf("what is run is %q; %v", c.Argv, err)
	}
}

// The compiler reads such a file as Parse does.
func TestArgumentFileCompiled(t *testing.T) {
	s := newRealScene(t, map[string]string{"src/lib.rs": `#[cfg(feature = "a b")] pub fn f() {} #[cfg(not(feature = "a b"))] compile_error!("no");`})
	s.add("--cfg", `feature="a b"`)
	rec := s.mustRecord()
	s.filed(1)
	if why := s.holds(rec); why != "" {
		t.Fatalf("in a file: %s", why)
	}
	if again := s.mustRecord(); again.Key != rec.Key || !slices.Equal(again.Files, rec.Files) {
		t.Error("the compiler makes something else of it")
	}
	// A value that stands in a file is a value.
	s.write(s.top+"/cfg", `feature="c"`)
	s.add("--cfg", "@"+s.top+"/cfg")
	if why := s.holds(rec); why != "argument" {
		t.Errorf("value in a file: %q", why)
	}
	s.mustRecord()
}

// A file of arguments is what its lines are, one by one.
func FuzzArgumentFile(f *testing.F) {
	f.Add(strings.Join(usual()[1:], "\n"), 0)
	f.Add(strings.Join(usual()[1:], "\r\n")+"\r\n", 3)
	f.Add("--cfg\n\nx\r", 0)
	f.Add("@/x\n", 2)
	f.Add("\xff", 1)
	f.Fuzz(func(t *testing.T, text string, front int) {
		if strings.Contains(text, "\x00") {
			return // no argument has one
		}
		path := t.TempDir() + "/args"
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		argv := usual()
		front = 1 + int(uint(front)%uint(len(argv)))
		filed, err := Parse(append(argv[:front:front], "@"+path))
		plain, plainErr := Parse(append(argv[:front:front], argumentLines(text)...))
		if strings.HasPrefix(text, "@") || strings.Contains(text, "\n@") {
			if err == nil {
				t.Fatalf("a file in a file: %q", text)
			}
			return
		}
		if err != nil {
			if plainErr == nil && strings.ToValidUTF8(text, "") == text {
				t.Fatalf("%q is understood on the command line only", text)
			}
			return
		}
		if plainErr != nil || !slices.Equal(filed.args, plain.args) || !slices.Equal(filed.positions, plain.positions) || filed.OutDir != plain.OutDir ||
			filed.Input != plain.Input || !slices.Equal(filed.Externs, plain.Externs) || filed.uncovered != plain.uncovered {
			t.Fatalf("%q is %+v in a file and %+v on the command line, %v", text, filed, plain, plainErr)
		}
	})
}
