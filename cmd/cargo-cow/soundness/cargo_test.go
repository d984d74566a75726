package soundness

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// A unit is what cargo's messages tell units apart by.
type unit struct{ Package, Target, Kind string }

func (u unit) String() string { return u.Package + "/" + u.Target + "/" + u.Kind }

// A build is what cargo said of one run.
type build struct {
	result
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
	// The kernel stamps this file: whatever runs from now on leaves newer times.
	mark := filepath.Join(p.w.dir, filepath.Base(p.Dir)+".mark")
	before := stamp(p.w.t, mark)
	r := p.exec("cargo", slices.Concat(args, []string{"--message-format=json"}, tail)...)
	b := &build{result: r, fresh: map[unit]bool{}, executables: map[string]string{}}
	for line := range strings.Lines(r.stdout) {
		var m struct {
			Reason    string
			PackageID string `json:"package_id"`
			Target    struct {
				Name string
				Kind []string
			}
			Profile struct{ Test bool }
			Fresh   bool
			// Executable is null for libraries.
			Executable *string
			OutDir     string `json:"out_dir"`
		}
		if json.Unmarshal([]byte(line), &m) != nil {
			continue // output of a program that cargo ran
		}
		switch m.Reason {
		case "compiler-artifact":
			u := unit{packageName(m.PackageID), m.Target.Name, unitKind(m.Target.Kind[0], m.Profile.Test)}
			b.add(u, m.Fresh)
			if m.Executable != nil {
				b.executables[m.Target.Name] = *m.Executable
			}
		case "build-script-executed":
			u := unit{packageName(m.PackageID), "build-script-build", "run-build-script"}
			b.add(u, !runTime(p.w.t, m.OutDir).After(before))
		}
	}
	p.w.last = b
	return b
}

// mustBuild is Cargo for a build that has to succeed.
func (p *Place) mustBuild(args ...string) *build {
	p.w.t.Helper()
	b := p.Cargo(args...)
	if b.code != 0 {
		p.w.t.Fatalf("cargo %q in %s: exit code %d\n%s\n%s", args, p.Dir, b.code, b.stderr, b.stdout)
	}
	return b
}

// runs builds with the given cargo arguments and tells what the executable
// target then prints, or that the build fails and why: either can be the truth.
func (p *Place) runs(target string, args ...string) string {
	p.w.t.Helper()
	b := p.Cargo(args...)
	if b.code != 0 {
		return "does not build: " + strings.Join(errorCode.FindAllString(b.stdout+b.stderr, 1), "")
	}
	exe, ok := b.executables[target]
	if !ok {
		p.w.t.Fatalf("cargo %q in %s built no executable of %s\n%s", args, p.Dir, target, b.stdout)
	}
	r := p.exec(exe)
	if r.code != 0 {
		p.w.t.Fatalf("%s: %v", exe, r)
	}
	return strings.TrimSpace(r.stdout)
}

var errorCode = regexp.MustCompile(`\bE\d{4}\b`)

func (b *build) add(u unit, fresh bool) {
	if old, ok := b.fresh[u]; ok {
		fresh = fresh && old
	}
	b.fresh[u] = fresh
}

// stamp writes name and returns the time the kernel gave it.
func stamp(t testing.TB, name string) time.Time {
	t.Helper()
	if err := os.WriteFile(name, []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info.ModTime()
}

// runTime is when the build script whose OUT_DIR is outDir last ran: cargo
// 1.95's messages have no freshness for script runs.
func runTime(t testing.TB, outDir string) time.Time {
	t.Helper()
	unit := filepath.Dir(outDir)
	for _, name := range []string{"invoked.timestamp", "run/invoked.timestamp"} {
		if info, err := os.Stat(filepath.Join(unit, name)); err == nil {
			return info.ModTime()
		}
	}
	t.Fatalf("no time of the script run in %s", unit)
	return time.Time{}
}

// packageName takes the name out of a package id, such as
// path+file:///x/app#0.1.0 or path+file:///x/y#app@0.1.0.
func packageName(id string) string {
	url, fragment, _ := strings.Cut(id, "#")
	if name, _, ok := strings.Cut(fragment, "@"); ok {
		return name
	}
	return filepath.Base(url)
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
