package wrapper

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/chain"
)

type files map[string]string

// setup makes files below a directory that has a home, a project and programs.
func setup(t *testing.T, fs files) (s *Setup, top string) {
	t.Helper()
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	fs["bin/"+Program], fs["home/x"], fs["ws/sub/x"] = "#!/bin/sh\n", "", ""
	for name, text := range fs {
		path := filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return &Setup{Dir: top + "/ws/sub", CargoHome: top + "/home", Workspace: top + "/ws", Links: top + "/data/links"}, top
}

func text(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(b)
}

// Whatever was there is run after ours, and is there again afterwards.
func TestEnableAndDisable(t *testing.T) {
	for _, test := range []struct {
		name  string
		level Level
		files files
		next  string // below the top if it begins with a slash
	}{
		{"nothing", User, files{}, ""},
		{"nothing in the project", Project, files{}, ""},
		{"a name", User, files{"home/config.toml": "[build]\nrustc-wrapper = 'sccache'\n"}, "sccache"},
		{"a path", User, files{"home/config": "build.rustc-wrapper = \"t/w\"\n"}, "/t/w"},
		{"an absolute path", Project, files{"ws/.cargo/config.toml": "build = { rustc-wrapper = '/x/y' }"}, "//x/y"},
		{"none on purpose", Project, files{"ws/.cargo/config.toml": "[build]\nrustc-wrapper = ''\n", "home/config.toml": "build.rustc-wrapper = 'sccache'\n"}, ""},
		{"the user's", Project, files{"home/config.toml": "build.rustc-wrapper = 'sccache'\n"}, "sccache"},
		{"that of the directory above", Project, files{".cargo/config.toml": "build.rustc-wrapper = 'kache'\n", "home/config.toml": "build.rustc-wrapper = 'sccache'\n"}, "kache"},
		{"an included one", User, files{"home/config.toml": "include = ['w.toml']\n", "home/w.toml": "build.rustc-wrapper = 'sccache'\n"}, "sccache"},
		{"not that of the project for the user", User, files{"ws/.cargo/config.toml": "build.rustc-wrapper = 'kache'\n"}, ""},
		{"not that below the workspace", Project, files{"ws/sub/.cargo/config.toml": "build.rustc-wrapper = 'kache'\n"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, top := setup(t, test.files)
			s.Environ = []string{"RUSTC_WRAPPER=environment"}
			want := test.next
			if len(want) > 1 && want[0] == '/' {
				if want = want[1:]; want[0] != '/' {
					want = top + "/" + want
				}
			}
			file, err := s.File(test.level)
			if err != nil {
				t.Fatal(err)
			}
			before := text(t, file)
			c, err := s.Enable(test.level, top+"/bin/"+Program)
			if err != nil || !c.Changed || c.Next != want || c.File != file {
				t.Fatalf("Enable = %+v, %v, want next %q", c, err, want)
			}
			if next := chain.Next(c.Value); next != want {
				t.Errorf("%s runs %q, want %q", c.Value, next, want)
			}
			if !sameFile(c.Value, top+"/bin/"+Program) {
				t.Errorf("%s is not the wrapper", c.Value)
			}
			again, err := s.Enable(test.level, top+"/bin/"+Program)
			if err != nil || again.Changed || again.Value != c.Value || again.Next != want {
				t.Errorf("Enable again = %+v, %v", again, err)
			}
			c, err = s.Disable(test.level)
			if err != nil || !c.Changed || c.Forgotten {
				t.Errorf("Disable = %+v, %v", c, err)
			}
			if after := text(t, file); after != before {
				t.Errorf("afterwards %q, want %q", after, before)
			}
			if c, err = s.Disable(test.level); err != nil || c.Changed {
				t.Errorf("Disable again = %+v, %v", c, err)
			}
		})
	}
}

func sameFile(a, b string) bool {
	x, errx := os.Stat(a)
	y, erry := os.Stat(b)
	return errx == nil && erry == nil && os.SameFile(x, y)
}

// Two of ours never call each other.
func TestEnableOverOurs(t *testing.T) {
	s, top := setup(t, files{"home/config.toml": "build.rustc-wrapper = 'sccache'\n"})
	for _, l := range []Level{User, Project} {
		c, err := s.Enable(l, top+"/bin/"+Program)
		if err != nil || c.Next != "sccache" {
			t.Errorf("Enable for the %v = %+v, %v", l, c, err)
		}
	}
	all, err := s.Settings()
	if err != nil || len(all) != 2 || !all[0].Ours || !all[1].Ours || all[0].Next != "sccache" {
		t.Errorf("Settings = %+v, %v", all, err)
	}
}

// The program was moved: enabling again leads there, and what was chained stays.
func TestEnableAfterMove(t *testing.T) {
	for _, former := range []string{"", "build.rustc-wrapper = 'sccache'\n"} {
		s, top := setup(t, files{"home/config.toml": former, "new/" + Program: "#!/bin/sh\n"})
		if _, err := s.Enable(User, top+"/bin/"+Program); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(top + "/bin/" + Program); err != nil {
			t.Fatal(err)
		}
		all, err := s.Settings()
		if err != nil || !all[0].Missing {
			t.Errorf("Settings = %+v, %v, want one missing", all, err)
		}
		c, err := s.Enable(User, top+"/new/"+Program)
		if err != nil || !sameFile(c.Value, top+"/new/"+Program) {
			t.Errorf("Enable = %+v, %v", c, err)
		}
		if all, err = s.Settings(); err != nil || all[0].Missing {
			t.Errorf("Settings = %+v, %v", all, err)
		}
		if _, err := s.Disable(User); err != nil || text(t, top+"/home/config.toml") != former {
			t.Errorf("disabled: %q, %v", text(t, top+"/home/config.toml"), err)
		}
	}
}

func TestDisableWithoutNote(t *testing.T) {
	s, top := setup(t, files{"home/config.toml": "build.rustc-wrapper = 'sccache'\nbuild.jobs = 2\n"})
	if _, err := s.Enable(User, top+"/bin/"+Program); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(s.Links); err != nil {
		t.Fatal(err)
	}
	c, err := s.Disable(User)
	if err != nil || !c.Forgotten || c.Next != "" {
		t.Errorf("Disable = %+v, %v, want forgotten", c, err)
	}
	if got := text(t, top+"/home/config.toml"); got != "build.jobs = 2\n" {
		t.Errorf("disabled: %q", got)
	}
}

func TestRefusals(t *testing.T) {
	s, top := setup(t, files{"home/config.toml": "build.rustc-wrapper = 'sccache'\n"})
	s.Workspace, s.Links, s.NoWorkspace = "", "", errors.New("no project")
	if _, err := s.Enable(Project, "/p"); !errors.Is(err, s.NoWorkspace) {
		t.Errorf("Enable outside of a project: %v", err)
	}
	if _, err := s.Enable(User, "/p"); !errors.Is(err, ErrNoHome) {
		t.Errorf("Enable without a directory for links: %v", err)
	}
	s.Links = top + "/data"
	if err := os.Remove(top + "/home/config.toml"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", top+"/home/config.toml"); err != nil {
		t.Fatal(err)
	}
	var we *WriteError
	if _, err := s.Enable(User, "/p"); !errors.As(err, &we) || we.Value != `"/p"` {
		t.Errorf("Enable in a symlink to nothing: %v", err)
	}
}

// A plan writes nothing, and what was done by it is undone to the byte.
func TestPlanAndUndo(t *testing.T) {
	for name, files := range map[string]files{
		"nothing":     {},
		"empty":       {"home/config.toml": ""},
		"other keys":  {"home/config": "# mine\n[build]\njobs = 2\n"},
		"another one": {"home/config.toml": "build.rustc-wrapper = 'sccache'"},
		"ours":        {"home/config.toml": "build.rustc-wrapper = '/elsewhere/" + Program + "' # by hand\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s, top := setup(t, files)
			file, err := s.File(User)
			if err != nil {
				t.Fatal(err)
			}
			before := text(t, file)
			_, absent := os.Stat(file)
			c, err := s.PlanEnable(User, top+"/bin/"+Program)
			if err != nil || !c.Changed || c.Made != (absent != nil) {
				t.Fatalf("PlanEnable = %+v, %v", c, err)
			}
			if after := text(t, file); after != before || exists(s.Links) {
				t.Errorf("a plan has changed the file to %q, or made %s", after, s.Links)
			}
			if err := c.Apply(); err != nil || text(t, file) == before {
				t.Fatalf("Apply: %v, %q", err, text(t, file))
			}
			if name == "nothing" || name == "other keys" {
				d, err := s.PlanDisable(User)
				if err != nil || !d.Changed || text(t, file) == before {
					t.Fatalf("PlanDisable = %+v, %v", d, err)
				}
			}
			if err := c.Undo(); err != nil || text(t, file) != before || exists(file) != (absent == nil) {
				t.Errorf("Undo: %v, %q, want %q", err, text(t, file), before)
			}
		})
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
