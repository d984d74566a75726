package enabling

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/locate"
	"github.com/cargo-cow/cargo-cow/layers/wrapper"
)

// homes are what users have before; a text that begins with an arrow is a link's. A path that ends in a slash is a directory.
var homes = map[string]map[string]string{
	"nothing":           {},
	"other things":      {".cargo/": "", ".local/share/": "", ".config/fish/completions/": "", ".bashrc": "# mine\n"},
	"comments":          {".cargo/config.toml": "# mine\n[net]\nretry = 3   # often\n\n[build]   # how\n  jobs = 2\n\n[profile.dev] # all\nopt-level = 1"},
	"no build":          {".cargo/config.toml": "[net]\nretry = 3"},
	"empty":             {".cargo/config.toml": ""},
	"of another system": {".cargo/config.toml": "\ufeff[net]\r\nretry = 3\r\n"},
	"a symlink":         {".cargo/config.toml": "-> ../dotfiles/cargo.toml", "dotfiles/cargo.toml": "build = { jobs = 2 }\n"},
	"a symlink, empty":  {".cargo/config.toml": "-> ../dotfiles/cargo.toml", "dotfiles/cargo.toml": ""},
	"another wrapper":   {".cargo/config.toml": "[build]\nrustc-wrapper = 'sccache' # quick\njobs = 2\n"},
	"none on purpose":   {".cargo/config.toml": "[build]\nrustc-wrapper = \"\"\n"},
	"the old name":      {".cargo/config": "build.rustc-wrapper = \"tools/wrap\"\n"},
	"both names":        {".cargo/config": "[build]\nrustc-wrapper = 'kache'\n", ".cargo/config.toml": "[build]\nrustc-wrapper = 'sccache'\n"},
	"included":          {".cargo/config.toml": "include = ['w.toml']\n", ".cargo/w.toml": "build.rustc-wrapper = 'sccache'\n"},
	"a symlink, another wrapper": {
		".cargo/config.toml": "-> " + "cargo.toml", ".cargo/cargo.toml": "build = { rustc-wrapper = 'x/y', jobs = 2 } # mine\n",
	},
	"completions of another's": {
		".local/share/bash-completion/completions/cargo-cow": "# mine\n", ".local/share/zsh/site-functions/_cargo-cow": "#compdef cargo-cow\n",
		".config/fish/completions/cargo-cow.fish": "-> nowhere",
	},
}

var allShells = []string{"/bin/bash", "/usr/bin/fish", "zsh", "/bin/tcsh", ""}

// newUser has a home with these files, and a program to enable.
func newUser(t *testing.T, files map[string]string) (u *User, home, program string) {
	t.Helper()
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	home, program = top+"/home", top+"/"+wrapper.Program
	lay(t, top, map[string]string{"home/": "", wrapper.Program: "#!/bin/sh\n"})
	lay(t, home, files)
	dirs := locate.UserOf(func(name string) string { return map[string]string{"HOME": home}[name] })
	return &User{
		Wrapper: &wrapper.Setup{Dir: top, CargoHome: home + "/.cargo", Links: dirs.Wrappers()},
		Dirs:    dirs,
		Shell:   "/bin/bash",
		Script: func(shell string) ([]byte, error) {
			if shell == "zsh" {
				return []byte("#compdef cargo-cow\ncompdef x\n"), nil
			}
			return []byte("# completion for " + shell + "\ncomplete x"), nil
		},
	}, home, program
}

func lay(t *testing.T, top string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(top, name)
		dir := filepath.Dir(path)
		if strings.HasSuffix(name, "/") {
			dir = path
		}
		err := os.MkdirAll(dir, 0o755)
		if to, ok := strings.CutPrefix(text, "-> "); ok && err == nil {
			err = os.Symlink(to, path)
		} else if dir != path && err == nil {
			mode := fs.FileMode(0o640)
			if filepath.Base(name) == wrapper.Program {
				mode = 0o755
			}
			err = os.WriteFile(path, []byte(text), mode)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// snapshot is all that is in a directory: each file's kind, mode and bytes, and with times when it was changed.
func snapshot(t *testing.T, dir string, times bool) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := os.Lstat(path)
		if err != nil {
			return err
		}
		said := fi.Mode().String()
		if times {
			said += fi.ModTime().String()
		}
		var content []byte
		switch {
		case fi.Mode().IsRegular():
			content, err = os.ReadFile(path)
		case fi.Mode()&fs.ModeSymlink != 0:
			var to string
			to, err = os.Readlink(path)
			content = []byte(to)
		}
		all[strings.TrimPrefix(path, dir)] = fmt.Sprintf("%s %q", said, content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func wantSame(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	for _, path := range slices.Sorted(maps.Keys(got)) {
		if want[path] != got[path] {
			t.Errorf("%s: %q is %s, was %s", what, path, got[path], want[path])
		}
	}
	for path := range want {
		if got[path] == "" {
			t.Errorf("%s: %q is gone", what, path)
		}
	}
}

// changed are the files that are not the same.
func changed(before, after map[string]string) map[string]How {
	all := map[string]How{}
	for path, now := range after {
		if was := before[path]; was != now && !strings.HasPrefix(now, "d") {
			all[path] = Change
			if was == "" {
				all[path] = Create
			}
		}
	}
	for path, was := range before {
		if after[path] == "" && !strings.HasPrefix(was, "d") {
			all[path] = Remove
		}
	}
	return all
}

// wantTouched: the plan has told of each file that was changed since, and of no other.
func wantTouched(t *testing.T, home string, touches []Touch, before, after map[string]string) {
	t.Helper()
	told := map[string]How{}
	for _, touch := range touches {
		path := touch.File
		if real, err := filepath.EvalSymlinks(path); err == nil && touch.How == Change {
			path = real
		}
		if touch.How == Write {
			touch.How = Change
		}
		told[strings.TrimPrefix(path, home)] = touch.How
	}
	if got := changed(before, after); !maps.Equal(got, told) {
		t.Errorf("told %v, changed %v", told, got)
	}
}

func (u *User) mustEnable(t *testing.T, program string) *Plan {
	t.Helper()
	p, err := u.PlanEnable(program)
	if err == nil {
		err = p.CarryOut()
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (u *User) mustDisable(t *testing.T) *Plan {
	t.Helper()
	p, err := u.PlanDisable()
	if err == nil {
		err = p.CarryOut()
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A plan touches nothing and tells all; what is enabled twice is not touched; and what was enabled is disabled without a trace.
func TestThereAndBack(t *testing.T) {
	for name, files := range homes {
		for _, shell := range allShells {
			t.Run(name+", "+filepath.Base(shell), func(t *testing.T) {
				u, home, program := newUser(t, files)
				u.Shell = shell
				before, exact := snapshot(t, home, false), snapshot(t, home, true)
				plan, err := u.PlanEnable(program)
				if err != nil || !plan.Changes() {
					t.Fatalf("PlanEnable = %+v, %v", plan, err)
				}
				wantSame(t, "planned", snapshot(t, home, true), exact)
				touches := plan.Touches()
				if err := plan.CarryOut(); err != nil {
					t.Fatal(err)
				}
				enabled := snapshot(t, home, true)
				wantTouched(t, home, touches, exact, enabled)
				set, err := u.Wrapper.Settings()
				if err != nil || len(set) == 0 || !set[0].Ours || set[0].Missing || !u.Dirs.IsAutomatic() {
					t.Errorf("after enabling: %+v, %v; automatic: %v", set, err, u.Dirs.IsAutomatic())
				}
				if again := u.mustEnable(t, program); again.Changes() {
					t.Errorf("enabling again touches %v", again.Touches())
				}
				if plan, err = u.PlanDisable(); err != nil {
					t.Fatal(err)
				}
				wantSame(t, "enabled again", snapshot(t, home, true), enabled)
				touches = plan.Touches()
				if err := plan.CarryOut(); err != nil {
					t.Fatal(err)
				}
				wantTouched(t, home, touches, enabled, snapshot(t, home, true))
				wantSame(t, "disabled", snapshot(t, home, false), before)
				exact = snapshot(t, home, true)
				if again := u.mustDisable(t); again.Changes() {
					t.Errorf("disabling again touches %v", again.Touches())
				}
				wantSame(t, "disabled again", snapshot(t, home, true), exact)
			})
		}
	}
}

// In whatever order somebody enables, with whatever shell, home of cargo's and place of the program, one disabling leaves no trace.
func TestAnyOrder(t *testing.T) {
	names := slices.Sorted(maps.Keys(homes))
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 0))
		name := names[r.IntN(len(names))]
		u, home, program := newUser(t, homes[name])
		lay(t, filepath.Dir(home), map[string]string{"other/" + wrapper.Program: "#!/bin/sh\n"})
		before := snapshot(t, home, false)
		var story []string
		for range 1 + r.IntN(5) {
			u.Shell = allShells[r.IntN(len(allShells))]
			u.Wrapper.CargoHome = home + []string{"/.cargo", "/cargo-2"}[r.IntN(2)]
			from := []string{program, filepath.Dir(home) + "/other/" + wrapper.Program}[r.IntN(2)]
			if r.IntN(4) == 0 {
				u.mustDisable(t)
				story = append(story, "disable")
			} else {
				u.mustEnable(t, from)
				story = append(story, fmt.Sprint("enable ", u.Shell, u.Wrapper.CargoHome, from))
			}
		}
		u.mustDisable(t)
		if after := snapshot(t, home, false); !maps.Equal(before, after) {
			t.Errorf("seed %d: in a home with %s after %q:", seed, name, story)
			wantSame(t, "disabled", after, before)
		}
	}
}

// What cannot be done is done in no part.
func TestAllOrNothing(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"a symlink to nothing":               {".cargo/config.toml": "-> nothing"},
		"no directory of cargo's":            {".cargo": "a file"},
		"no data":                            {".local": "a file"},
		"no data, another wrapper":           {".local/share/cargo-cow": "a file", ".cargo/config.toml": "build.rustc-wrapper = 'sccache'\n"},
		"what says so is a directory":        {".local/share/cargo-cow/automatic/": "", ".cargo/config.toml": "build.rustc-wrapper = 'sccache'\n"},
		"what says so is one, and no config": {".local/share/cargo-cow/automatic/": ""},
		"build is no table":                  {".cargo/config.toml": "build = 3\n"},
		"no TOML":                            {".cargo/config.toml": "[build\n"},
	} {
		t.Run(name, func(t *testing.T) {
			u, home, program := newUser(t, files)
			before := snapshot(t, home, false)
			p, err := u.PlanEnable(program)
			if err == nil {
				err = p.CarryOut()
			}
			if err == nil {
				t.Errorf("enabled, by %v", p.Touches())
			}
			wantSame(t, "after "+fmt.Sprint(err), snapshot(t, home, false), before)
		})
	}
	u, _, program := newUser(t, nil)
	u.Dirs = locate.User{}
	if _, err := u.PlanEnable(program); !errors.Is(err, wrapper.ErrNoHome) {
		t.Errorf("without a home: %v", err)
	}
}

// Disabling that fails at one of two configurations leaves the other enabled.
func TestDisableAllOrNothing(t *testing.T) {
	u, home, program := newUser(t, map[string]string{"cargo-2/config.toml": "-> ../dotfiles/a", "dotfiles/a": "net.retry = 3\n"})
	second := *u.Wrapper
	second.CargoHome = home + "/cargo-2"
	u.mustEnable(t, program)
	first := u.Wrapper
	u.Wrapper = &second
	u.mustEnable(t, program)
	u.Wrapper = first
	p, err := u.PlanDisable()
	if err != nil || len(p.Configs) != 2 {
		t.Fatalf("PlanDisable: %d files, %v", len(p.Configs), err)
	}
	lay(t, home, map[string]string{"aside/": ""})
	if err := os.Rename(home+"/dotfiles/a", home+"/aside/a"); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, home, false)
	if err := p.CarryOut(); err == nil {
		t.Error("disabled a file that is gone")
	}
	wantSame(t, "after a failure", snapshot(t, home, false), before)
}

// Whoever was killed between two steps does the rest when called again.
func TestKilled(t *testing.T) {
	for _, name := range []string{"nothing", "comments", "a symlink, another wrapper", "the old name"} {
		for killed := range 3 {
			u, home, program := newUser(t, homes[name])
			before := snapshot(t, home, false)
			someSteps := func(p *Plan, err error) {
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range p.steps[:min(killed, len(p.steps))] {
					if err := s.do(); err != nil {
						t.Fatal(err)
					}
				}
			}
			someSteps(u.PlanEnable(program))
			u.mustEnable(t, program)
			if again := u.mustEnable(t, program); again.Changes() {
				t.Errorf("%s, killed after %d: enabling again touches %v", name, killed, again.Touches())
			}
			someSteps(u.PlanDisable())
			u.mustDisable(t)
			if left := changed(before, snapshot(t, home, false)); len(left) > 0 {
				t.Errorf("%s, killed after %d: left %v", name, killed, left)
			}
		}
	}
}

// Completions are no reason to fail, and whoever has a file there keeps it.
func TestCompletions(t *testing.T) {
	const file = ".local/share/bash-completion/completions/cargo-cow"
	script := "# completion for bash\ncomplete x"
	for name, tt := range map[string]struct {
		before string
		state  State
		how    How
		left   bool // disabling leaves it
	}{
		"none":            {"", Installed, Create, false},
		"another's":       {"# mine\n", Foreign, "", true},
		"a link":          {"-> " + "elsewhere", Foreign, "", true},
		"ours":            {string(marked([]byte(script))), Installed, "", false},
		"an earlier one":  {string(marked([]byte("complete y\n"))), Installed, Write, false},
		"edited":          {string(marked([]byte(script))) + "\n", Edited, "", true},
		"mark alone":      {markHead, Edited, "", true},
		"not at the head": {"\n" + string(marked([]byte(script))), Foreign, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{}
			if tt.before != "" {
				files[file] = tt.before
			}
			u, home, program := newUser(t, files)
			before := snapshot(t, home, true)["/"+file]
			p := u.mustEnable(t, program)
			c := p.Completions[0]
			if c.State != tt.state || c.how != tt.how || c.Err != nil || c.File != home+"/"+file {
				t.Errorf("enabled: %+v, want %s by %q", c, tt.state, tt.how)
			}
			if after := snapshot(t, home, true)["/"+file]; (after == before) != (tt.how == "") {
				t.Errorf("enabled: %s, was %s", after, before)
			}
			p = u.mustDisable(t)
			if exists(home+"/"+file) != tt.left {
				t.Errorf("disabled: there is %v", !tt.left)
			}
			if told := len(p.Completions) == 1; told != (tt.state != Foreign) {
				t.Errorf("disabled: told of %+v", p.Completions)
			}
		})
	}
	u, home, program := newUser(t, map[string]string{".local/share/bash-completion": "a file"})
	if p := u.mustEnable(t, program); p.Completions[0].Err == nil || !u.Dirs.IsAutomatic() {
		t.Errorf("where none can be installed: %+v", p.Completions[0])
	}
	u.mustDisable(t)
	if got := snapshot(t, home, false); len(got) != 4 {
		t.Errorf("left: %v", got)
	}
}

// Whatever says that all is enabled, disabling ends it; and what wrapper enable has made ends with it.
func TestDisableWithoutNote(t *testing.T) {
	for _, text := range []string{"", "garbage", noteHead + "directory \"/\"\nconfig 3\n"} {
		u, home, program := newUser(t, map[string]string{".cargo/config.toml": "build.rustc-wrapper = 'sccache'\n"})
		if _, err := u.Wrapper.Enable(wrapper.User, program); err != nil {
			t.Fatal(err)
		}
		u.mustEnable(t, program)
		lay(t, home, map[string]string{".local/share/cargo-cow/automatic": text})
		p := u.mustDisable(t)
		got, err := os.ReadFile(home + "/.cargo/config.toml")
		if err != nil || string(got) != "build.rustc-wrapper = 'sccache'\n" || u.Dirs.IsAutomatic() || p.Configs[0].Forgotten {
			t.Errorf("noted %q: left %q, %v, %+v", text, got, err, p.Configs[0])
		}
		if !exists(u.Wrapper.Links) || exists(filepath.Join(u.Dirs.Data, "enabled")) {
			t.Errorf("noted %q: links of others are to stay, ours to go", text)
		}
	}
	// A link that is lost has taken what was there before with it, and that is told.
	u, _, program := newUser(t, homes["another wrapper"])
	u.mustEnable(t, program)
	if err := os.RemoveAll(u.Dirs.Data); err != nil {
		t.Fatal(err)
	}
	if p := u.mustDisable(t); !p.Configs[0].Forgotten {
		t.Error("a lost link is not told of")
	}
}

func FuzzNote(f *testing.F) {
	n := &note{configs: files{"/a/b"}, empty: files{"/a \"b\"\n"}, completions: files{"/\xff"}, dirs: files{"/", "/x"}}
	for _, text := range []string{n.text(), "", noteHead, noteHead + "config \"relative\"\nnew \"/x\"\nempty\n", noteHead + "config \"/a\"\nconfig \"/a\""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n := parse(text)
		if _, lists := n.lists(); slices.ContainsFunc(slices.Concat(*lists[0], *lists[1], *lists[2], *lists[3]), func(p string) bool { return !filepath.IsAbs(p) }) {
			t.Errorf("%q names what is no absolute path: %+v", text, n)
		}
		if again := parse(n.text()); fmt.Sprint(again) != fmt.Sprint(n) {
			t.Errorf("%+v comes back as %+v", n, again)
		}
	})
}

func FuzzWhose(f *testing.F) {
	for _, text := range []string{"", "\n", markHead, zshHead, zshHead + "x", zshHead + "x\n" + markHead, "complete x\n", string(marked([]byte("a\nb")))} {
		f.Add([]byte(text), []byte("x"))
	}
	f.Fuzz(func(t *testing.T, text, more []byte) {
		whose(text)
		ours := marked(text)
		if whose(ours) != Installed {
			t.Errorf("%q is not found to be ours", ours)
		}
		if len(more) > 0 && whose(slices.Concat(ours, more)) == Installed {
			t.Errorf("%q with %q is still ours", ours, more)
		}
	})
}
