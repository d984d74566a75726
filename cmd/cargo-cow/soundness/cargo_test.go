package soundness

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

// A unit is what cargo's messages tell units apart by.
type unit struct{ Package, Target, Kind string }

func (u unit) String() string { return u.Package + "/" + u.Target + "/" + u.Kind }

// A build is what cargo said of one run.
type build struct {
	fixture.Result
	// fresh has every unit cargo reported. Units that differ only in their
	// features or profile fall together and are fresh only if all are.
	fresh map[unit]bool
	// executables by the name of their target.
	executables map[string]string
}

// ran lists the units that were not fresh, sorted.
func (b *build) ran() []string {
	var ran []string
	for u, fresh := range b.fresh {
		if !fresh {
			ran = append(ran, u.String())
		}
	}
	slices.Sort(ran)
	return ran
}

// Cargo runs a cargo command that builds, and reads its messages.
func (p *Place) Cargo(args ...string) *build {
	p.w.t.Helper()
	var tail []string
	if i := slices.Index(args, "--"); i >= 0 {
		args, tail = args[:i:i], args[i:]
	}
	if target := filepath.Join(p.Dir, "target"); !exists(target) {
		fixture.Acquaint(p.w.t, target, p.env)
	}
	// The kernel stamps this file: whatever runs from now on leaves newer times.
	mark := filepath.Join(p.w.dir, filepath.Base(p.Dir)+".mark")
	before := fixture.Stamp(p.w.t, mark)
	r := p.exec("cargo", slices.Concat(args, []string{"--message-format=json"}, tail)...)
	b := &build{Result: r, fresh: map[unit]bool{}, executables: map[string]string{}}
	for _, m := range fixture.Messages(r.Stdout) {
		if m.Reason == "build-script-executed" {
			b.add(unit{m.Package(), "build-script-build", "run-build-script"}, !fixture.RunTime(p.w.t, m.OutDir).After(before))
			continue
		}
		b.add(unit{m.Package(), m.Target.Name, unitKind(m.Target.Kind[0], m.Profile.Test)}, m.Fresh)
		if m.Executable != nil {
			b.executables[m.Target.Name] = *m.Executable
		}
	}
	p.w.last = b
	return b
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// mustBuild is Cargo for a build that has to succeed.
func (p *Place) mustBuild(args ...string) *build {
	p.w.t.Helper()
	b := p.Cargo(args...)
	if b.Code != 0 {
		p.w.t.Fatalf("cargo %q in %s: exit code %d\n%s\n%s", args, p.Dir, b.Code, b.Stderr, b.Stdout)
	}
	return b
}

// runs builds with the given cargo arguments and tells what the executable
// target then prints, or that the build fails and why: either can be the truth.
func (p *Place) runs(target string, args ...string) string {
	p.w.t.Helper()
	b := p.Cargo(args...)
	if b.Code != 0 {
		return "does not build: " + strings.Join(errorCode.FindAllString(b.Stdout+b.Stderr, 1), "")
	}
	exe, ok := b.executables[target]
	if !ok {
		p.w.t.Fatalf("cargo %q in %s built no executable of %s\n%s", args, p.Dir, target, b.Stdout)
	}
	r := p.exec(exe)
	if r.Code != 0 {
		p.w.t.Fatalf("%s: %v", exe, r)
	}
	return strings.TrimSpace(r.Stdout)
}

var errorCode = regexp.MustCompile(`\bE\d{4}\b`)

func (b *build) add(u unit, fresh bool) {
	if old, ok := b.fresh[u]; ok {
		fresh = fresh && old
	}
	b.fresh[u] = fresh
}

// unitKind is the word cargo-cow has for a kind of target; what is built with the
// test harness is told from what is not.
func unitKind(kind string, test bool) string {
	switch {
	case kind == "custom-build":
		return "build-script"
	case test && kind != "test":
		return kind + " test"
	case kind == "rlib" || kind == "dylib" || kind == "cdylib" || kind == "staticlib":
		return "lib"
	}
	return kind
}

// explained lists the units that cargo-cow says will be rebuilt, as far as
// cargo reported on them in b: a build directory holds units of other commands.
func explained(t testing.TB, lines []map[string]any, b *build) []string {
	t.Helper()
	dirty := map[string]bool{}
	for _, l := range lines {
		if l["reason"] != "unit" || l["verdict"] != "dirty" {
			continue
		}
		u := unit{l["package"].(string), l["target"].(string), unitKind(l["kind"].(string), l["test"] == true)}
		if _, ok := b.fresh[u]; ok {
			dirty[u.String()] = true
		}
	}
	return slices.Sorted(maps.Keys(dirty))
}

// reasons lists why cargo-cow has units rebuilt, for the log of a failure.
func reasons(lines []map[string]any) []string {
	var list []string
	for _, l := range lines {
		if l["reason"] == "unit" && l["verdict"] == "dirty" {
			list = append(list, fmt.Sprintf("%v/%v/%v: %v: %v", l["package"], l["target"], l["kind"], l["rule"], l["detail"]))
		}
	}
	return list
}
