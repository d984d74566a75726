// Command macros says what reading decides of the procedural macros that are used
// most, as a table for docs/soundness-macros.md. It has cargo fetch them, in their
// newest versions or those that a lockfile in -dir names.
//
// What is read is more than rustc would read: all of a package's sources but tests,
// examples and build scripts. So a macro may be better than the table says.
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/macros"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
)

func main() {
	log.SetFlags(0)
	dir := flag.String("dir", "", "a project to look at instead of the macros in list.txt")
	why := flag.Bool("why", false, "print each crate that counts")
	flag.Parse()
	if err := run(*dir, *why); err != nil {
		log.Fatal("error: ", err)
	}
}

func run(dir string, why bool) error {
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "macros"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if err := project(dir); err != nil {
			return err
		}
	}
	g, err := resolve(dir)
	if err != nil {
		return err
	}
	var lines []string
	for _, p := range g.packages {
		if p.isMacro() {
			r := g.closure(p, why)
			lines = append(lines, fmt.Sprintf("| %s | %s | %s |", p.Name, p.Version, said(r, macros.Pure(p.Name, p.Version))))
		}
	}
	slices.Sort(lines)
	fmt.Println("| macro | version | by reading |\n|---|---|---|")
	fmt.Println(strings.Join(slices.Compact(lines), "\n"))
	return nil
}

func said(r rustsrc.Reach, known bool) string {
	var list []string
	if r.Pure() {
		list = append(list, "**pure**")
	}
	switch {
	case r.Any != "":
		list = append(list, "anything: "+r.Any)
	case r.Quotes != "" && r.Redefines != "":
		list = append(list, "anything: "+r.Redefines)
	case r.Environment != "":
		list = append(list, "all variables: "+r.Environment)
	}
	if r.Any == "" && (r.Files != "" || r.Asks != "" && r.Paths != "") {
		list = append(list, "files: "+cmp.Or(r.Files, r.Asks+", "+r.Paths))
	}
	if !r.SeesEnvironment() && len(r.Variables) > 0 {
		list = append(list, "variables "+strings.Join(r.Variables, ", "))
	}
	if known {
		list = append(list, "on the list")
	}
	return strings.Join(list, "; ")
}

// project makes one that depends on all of the list.
func project(dir string) error {
	list, err := os.Open("hack/macros/list.txt")
	if err != nil {
		return err
	}
	defer list.Close()
	manifest := "[package]\nname = \"reading\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[dependencies]\n"
	for lines, n := bufio.NewScanner(list), 0; lines.Scan(); n++ {
		name, version, _ := strings.Cut(lines.Text(), " ")
		if name != "" && name[0] != '#' {
			// Under a name of its own: some are read in two versions.
			manifest += fmt.Sprintf("m%d = { package = %q, version = %q }\n", n, name, cmp.Or(version, "*"))
		}
	}
	if err := os.MkdirAll(dir+"/src", 0o777); err != nil {
		return err
	}
	if err := os.WriteFile(dir+"/src/lib.rs", nil, 0o666); err != nil {
		return err
	}
	return os.WriteFile(dir+"/Cargo.toml", []byte(manifest), 0o666)
}

type pkg struct {
	ID, Name, Version string
	ManifestPath      string `json:"manifest_path"`
	Targets           []struct {
		Kind    []string
		SrcPath string `json:"src_path"`
	}
	deps  []string
	reach *rustsrc.Reach
}

func (p *pkg) isMacro() bool {
	for _, t := range p.Targets {
		if slices.Contains(t.Kind, "proc-macro") {
			return true
		}
	}
	return false
}

type graph struct {
	packages []*pkg
	byID     map[string]*pkg
}

func resolve(dir string) (*graph, error) {
	cmd := exec.Command("cargo", "metadata", "--format-version=1", "--filter-platform=x86_64-unknown-linux-gnu")
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("ask cargo: %w", err)
	}
	var m struct {
		Packages []*pkg
		Resolve  struct {
			Nodes []struct {
				ID   string
				Deps []struct {
					Pkg      string
					DepKinds []struct{ Kind string } `json:"dep_kinds"`
				}
			}
		}
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("read cargo's answer: %w", err)
	}
	g := &graph{m.Packages, map[string]*pkg{}}
	for _, p := range m.Packages {
		g.byID[p.ID] = p
	}
	for _, n := range m.Resolve.Nodes {
		for _, d := range n.Deps {
			for _, k := range d.DepKinds {
				if k.Kind == "" { // a normal one
					g.byID[n.ID].deps = append(g.byID[n.ID].deps, d.Pkg)
				}
			}
		}
	}
	return g, nil
}

// closure is what a macro and all that it is made of get at.
func (g *graph) closure(p *pkg, why bool) rustsrc.Reach {
	total := rustsrc.Reach{}
	seen := map[string]bool{}
	var visit func(p *pkg)
	visit = func(p *pkg) {
		if seen[p.ID] {
			return
		}
		seen[p.ID] = true
		r := g.read(p)
		if why && !r.Pure() {
			fmt.Fprintf(os.Stderr, "%s %s: %+v\n", p.Name, p.Version, r)
		}
		total = total.Join(named(r, p.Name))
		for _, id := range p.deps {
			if d := g.byID[id]; d.isMacro() {
				if !macros.Expands(d.Name, d.Version) {
					total = total.Join(rustsrc.Reach{Any: "code by macro " + d.Name})
				}
			} else {
				visit(d)
			}
		}
	}
	visit(p)
	return total
}

// named has the crate's name in what is told of it.
func named(r rustsrc.Reach, crate string) rustsrc.Reach {
	for _, field := range []*string{&r.Any, &r.Environment, &r.Files, &r.Asks, &r.Paths, &r.Redefines} {
		if *field != "" {
			*field = "`" + *field + "` in " + crate
		}
	}
	return r
}

func (g *graph) read(p *pkg) rustsrc.Reach {
	if p.reach != nil {
		return *p.reach
	}
	dir := filepath.Dir(p.ManifestPath)
	var sources []rustsrc.Source
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		switch {
		case err != nil:
			return err
		case e.IsDir() && slices.Contains([]string{"tests", "test", "benches", "examples", "output_tests", "target", "fuzz"}, filepath.Base(rel)):
			return fs.SkipDir
		case rel == "build.rs" || strings.HasSuffix(rel, "tests.rs") || e.IsDir() || filepath.Ext(rel) != ".rs":
			return nil
		}
		text, err := os.ReadFile(path)
		sources = append(sources, rustsrc.Source{Name: path, Text: text})
		return err
	})
	if err != nil {
		return rustsrc.Reach{Any: err.Error()}
	}
	inner := slices.ContainsFunc(p.deps, func(id string) bool { return g.byID[id].isMacro() })
	c := rustsrc.Crate{Sources: sources, Expanded: inner, Base: rustsrc.BaseOf(strings.ReplaceAll(p.Name, "-", "_"))}
	r := c.Reach()
	p.reach = &r
	return r
}
