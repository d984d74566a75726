package world

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// observe runs cargo in c, with the tool, and what it has built.
func (c *Checkout) observe(args []string) *Outcome {
	t := c.World.tool
	first := c.isHollow() || c.looked
	c.looked = false
	o := observe(func(name string, args ...string) *exec.Cmd {
		if name == "cargo" {
			name = t.Cargo()
		}
		return c.Command(t.Env(c), name, args...)
	}, args)
	o.First = first
	return o
}

// message is a line of cargo's --message-format=json.
type message struct {
	Reason    string
	PackageID string `json:"package_id"`
	Target    struct {
		Name string
		Kind []string
	}
	Profile    struct{ Test bool }
	Filenames  []string
	Executable *string
	Fresh      bool
	Message    struct{ Rendered string }
}

// line is what tests print; whatever else the test harness prints is not looked at.
var line = regexp.MustCompile(`^[a-z0-9]+\.[a-z-]+=`)

// result is the harness's verdict, whose time is another each run.
var result = regexp.MustCompile(`^test result: \w+\. \d+ passed; \d+ failed`)

func observe(command func(name string, args ...string) *exec.Cmd, args []string) *Outcome {
	cargo := append(slices.Clone(args), "--message-format=json", "--offline")
	if args[0] == "test" {
		cargo = append(cargo, "--no-fail-fast", "--", "--nocapture", "--test-threads=1")
	}
	cmd := command("cargo", cargo...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	o := &Outcome{Succeeded: err == nil}
	var programs []string
	for l := range bytes.Lines(stdout) {
		var m message
		if json.Unmarshal(l, &m) != nil || m.Reason == "" {
			o.tests(string(l))
			continue
		}
		if m.Reason == "compiler-artifact" {
			o.Units = append(o.Units, m.unit())
		}
		if m.Executable != nil && !m.Profile.Test && (m.Target.Kind[0] == "bin" || m.Target.Kind[0] == "example") {
			programs = append(programs, *m.Executable)
		}
		if m.Reason == "compiler-message" && !o.Succeeded && strings.HasPrefix(m.Message.Rendered, "error") {
			o.Error += m.Message.Rendered
		}
	}
	if !o.Succeeded {
		o.Error += stderr.String()
		return o
	}
	if args[0] == "doc" {
		o.documents(command("").Dir)
	}
	slices.Sort(programs)
	for _, p := range slices.Compact(programs) {
		out, err := command(p).Output()
		for l := range bytes.Lines(out) {
			o.Says = append(o.Says, filepath.Base(p)+": "+strings.TrimSpace(string(l)))
		}
		if err != nil {
			o.Says = append(o.Says, filepath.Base(p)+": exit.code="+err.Error())
		}
	}
	slices.Sort(o.Says)
	return o
}

// tests takes up a line of what tests print.
func (o *Outcome) tests(text string) {
	if text = strings.TrimSpace(text); line.MatchString(text) {
		o.Says = append(o.Says, "test: "+text)
	} else if r := result.FindString(text); r != "" {
		o.Says = append(o.Says, "test: "+r)
	}
}

// documents takes up the pages of crates that rustdoc has written below dir.
func (o *Outcome) documents(dir string) {
	pages, _ := filepath.Glob(filepath.Join(dir, "target", "doc", "*", "*.html")) // the pattern is right
	for _, page := range pages {
		o.Says = append(o.Says, "doc: "+filepath.Base(filepath.Dir(page))+"."+filepath.Base(page)+"="+digest(page))
	}
}

// key is the name of the line without the program's; not one of an input where the line has none.
func key(says string) string {
	_, l, _ := strings.Cut(says, ": ")
	k, _, _ := strings.Cut(l, "=")
	return k
}

// id is where cargo puts a unit's profile and id into the names of its files: target/debug/deps/libapp-ID.rlib, or
// target/debug/build/app/ID/out/libapp.rlib.
var id = regexp.MustCompile(`/(?:target|intermediate)/(.+?)/(?:deps|build|examples)/.*[-/]([0-9a-f]{16})(?:[./]|$)`)

// unit is what the message is about.
func (m *message) unit() Unit {
	u := Unit{Package: m.pkg(), Target: m.Target.Name, Kind: m.Target.Kind[0], Fresh: m.Fresh}
	if m.Profile.Test {
		u.Kind += " test"
	}
	for _, name := range m.Filenames {
		if found := id.FindStringSubmatch(name); found != nil {
			u.ID = found[1] + "/" + u.Package + "-" + found[2]
		}
	}
	return u
}

// pkg takes the package's name out of its id, such as path+file:///x/app#0.1.0 or path+file:///x/y#app@0.1.0.
func (m *message) pkg() string {
	url, fragment, _ := strings.Cut(m.PackageID, "#")
	if name, _, ok := strings.Cut(fragment, "@"); ok {
		return name
	}
	url, _, _ = strings.Cut(url, "?")
	return filepath.Base(url)
}

// exists reports whether there is anything at path.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
