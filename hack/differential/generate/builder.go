package generate

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/cargo-cow/cargo-cow/hack/differential/history"
)

// A builder makes one workspace.
type builder struct {
	rng      *rand.Rand
	files    map[string]string // by path in the world
	inputs   []history.Input
	sites    []site
	packages []*pkg
	settings []history.Step // what is done before the repository is made
	macros   bool           // some package uses the macro package
	tools    bool           // some package uses the package of macro_rules
	features []string       // as cargo takes them
	config   []string       // lines of .cargo/config.toml
	env      []string       // lines of its [env] table
	patched  bool
	values   *int
}

// A pkg is a member of the workspace.
type pkg struct {
	name      string
	dir       string   // in the world
	deps      []string // lines of [dependencies]
	buildDeps []string
	features  []string
	head      []string // more lines of [package]
	items     []string // of lib.rs, outside of functions
	lines     []string // statements of text()
	script    []string // statements of build.rs
	tests     []string // of the package's own tests
	links     bool     // it has a library of C, and says where the header is
}

// A site is something that a step may change.
type site struct {
	input  history.Input
	verb   string // write, link, env, tree, shadow
	render func(value string) string
}

func raw(value string) string { return value }

// value is a text that nothing had before.
func (b *builder) value() string {
	*b.values++
	return fmt.Sprint(*b.values)
}

func (b *builder) chance(n int) bool { return b.rng.IntN(n) == 0 }

// marked appends text to list, each line with its key.
func marked(list *[]string, comment, key, text string) {
	for line := range strings.SplitSeq(text, "\n") {
		*list = append(*list, line+" "+comment+"@"+key)
	}
}

// tells has p print what the expression is.
func (p *pkg) tells(key, expression string) {
	marked(&p.lines, "//", key, fmt.Sprintf(`all.push(format!("%s={}", %s));`, key, expression))
}

// input notes what decides key, and how it is changed. Its first value is written by the caller.
func (b *builder) input(in history.Input, verb string, render func(string) string) {
	b.inputs = append(b.inputs, in)
	b.sites = append(b.sites, site{in, verb, render})
}

// file adds a file of the checkout with a first value.
func (b *builder) file(key, path string, hidden bool, render func(string) string) {
	if _, ok := b.files["a/"+path]; !ok {
		b.files["a/"+path] = render(b.value())
	}
	b.input(history.Input{Key: key, Hidden: hidden, Kind: history.File, Name: path}, "write", render)
}

func (b *builder) depend(p, q *pkg) {
	marked(&p.deps, "#", "use-"+q.name, fmt.Sprintf("%s = { path = \"../%s\" }", q.name, q.name))
	marked(&p.lines, "//", "use-"+q.name, fmt.Sprintf("all.extend(%s::text());", q.name))
}

// archive is the files of the workspace, sorted.
func (b *builder) archive() (files []txtar.File) {
	for _, name := range slices.Sorted(maps.Keys(b.files)) {
		text := b.files[name]
		if text != "" && !strings.HasSuffix(text, "\n") {
			// A txtar file ends with a newline; what is included as it is gets one, too.
			text += "\n"
		}
		files = append(files, txtar.File{Name: name, Data: []byte(text)})
	}
	return files
}
