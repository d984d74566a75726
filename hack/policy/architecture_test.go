package policy

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// The page that says what is where, which is believed more than it is checked.
const architecture = "docs/architecture.md"

// fenced returns the first block in code fences after the words.
func fenced(page, after string) string {
	_, rest, _ := strings.Cut(page, after)
	_, rest, _ = strings.Cut(rest, "\n```\n")
	block, _, _ := strings.Cut(rest, "\n```\n")
	return block + "\n"
}

// The arrows of the page are those of the table.
func TestArrowsPage(t *testing.T) {
	want := arrows(rules)
	if fenced(string(read(t, architecture)), "\nImports point one way") != want {
		t.Errorf("the arrows in %s are not those of the rules, which are:\n```\n%s```", architecture, want)
	}
}

// arrows draws what rules say of packages of ours; those that may import none come last, together.
func arrows(rules []rule) string {
	var b strings.Builder
	var leaves []string
	for _, r := range rules {
		var ours []string
		for _, may := range r.May {
			if first, _, _ := strings.Cut(may, "/"); !strings.Contains(first, ".") {
				ours = append(ours, may)
			}
		}
		if len(ours) == 0 {
			leaves = append(leaves, r.From)
			continue
		}
		b.WriteString(wrapped(r.From+" ──▶ ", ours))
	}
	if len(leaves) > 0 {
		b.WriteString(wrapped("", append(leaves[:len(leaves)-1], leaves[len(leaves)-1]+" ──▶ nothing of ours")))
	}
	return b.String()
}

// wrapped lists the names after head, which further lines leave room for.
func wrapped(head string, names []string) string {
	const width = 120
	var b strings.Builder
	line := head
	for i, name := range names {
		if i < len(names)-1 {
			name += ","
		}
		if utf8.RuneCountInString(line+name) > width && line != head {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = strings.Repeat(" ", utf8.RuneCountInString(head))
		}
		line += name + " "
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
	return b.String()
}

func TestArrows(t *testing.T) {
	long := strings.Repeat("layers/", 15)
	got := arrows([]rule{{"a", []string{"b", xsys, "c/..."}, ""}, {"d/", []string{xsys}, ""}, {"f", nil, ""}, {"e", []string{long + "1", long + "2"}, ""}})
	want := "a ──▶ b, c/...\ne ──▶ " + long + "1,\n      " + long + "2\nd/, f ──▶ nothing of ours\n"
	if got != want {
		t.Errorf("arrows are\n%s, want\n%s", got, want)
	}
}

// The page lists each package, on a line of its own or by name on that of what it is part of ("layers/cargo/*"), and
// none that does not exist.
func TestHousePage(t *testing.T) {
	house := houseLines(fenced(string(read(t, architecture)), "\n## The house\n"))
	if len(house) == 0 {
		t.Fatalf("%s lists no package", architecture)
	}
	var names []string
	for _, p := range packages(t) {
		names = append(names, p.name())
	}
	for _, complaint := range missing(house, names) {
		t.Errorf("%s: %s", architecture, complaint)
	}
}

// houseLines has what is said of each package or pattern; more lines about one are indented.
func houseLines(block string) map[string]string {
	lines := map[string]string{}
	var name string
	for line := range strings.Lines(block) {
		said := line
		if !strings.HasPrefix(line, " ") {
			name, said, _ = strings.Cut(strings.TrimSpace(line), " ")
		}
		if name != "" {
			lines[name] += " " + strings.TrimSpace(said)
		}
	}
	return lines
}

var word = regexp.MustCompile(`[\w-]+`)

// missing says what is wrong with the list for the packages named.
func missing(house map[string]string, names []string) []string {
	var complaints []string
	for _, name := range names {
		if _, ok := house[name]; ok {
			continue
		}
		parent, part := name, ""
		found := false
		for !found && strings.Contains(parent, "/") {
			parent, part = filepath.Dir(parent), filepath.Base(parent)
			_, found = house[parent+"/*"]
		}
		switch {
		case !found:
			complaints = append(complaints, name+" is not listed")
		case !slices.Contains(word.FindAllString(house[parent+"/*"], -1), part):
			complaints = append(complaints, parent+"/* does not name "+part)
		}
	}
	for name := range house {
		exists := slices.Contains(names, name)
		if parent, ok := strings.CutSuffix(name, "*"); ok {
			exists = slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, parent) })
		}
		if !exists {
			complaints = append(complaints, name+" does not exist")
		}
	}
	slices.Sort(complaints)
	return complaints
}

func TestMissing(t *testing.T) {
	house := houseLines("a     all\na/*   parts: one,\n      two\nb/*   old\nc     gone\n")
	got := missing(house, []string{"a", "a/one", "a/two/deep", "a/three", "d"})
	want := []string{"a/* does not name three", "b/* does not exist", "c does not exist", "d is not listed"}
	if !slices.Equal(got, want) {
		t.Errorf("missing = %q, want %q", got, want)
	}
}

// The forms in which pages name what is in a file: `dir/file.go`, `file.go:name`, and `Name` (`file.go`.
var (
	mention    = regexp.MustCompile("`([\\w./*-]+\\.go)(?::([\\w.]+))?`")
	saidToBeIn = regexp.MustCompile("`([\\w.]+)`\\s+\\(`([\\w./-]+\\.go)`")
	folder     = regexp.MustCompile("`((?:cmd|docs|driver|hack|layers|reflink)/[\\w./-]+)`")
)

// Every file of ours that a page names exists, and declares what the page says it does. The design notes are left out:
// they tell what was when they were written.
func TestNamedFilesExist(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(root, "docs/*.md"))
	if err != nil || len(paths) < 2 {
		t.Fatalf("found %d pages: %v", len(paths), err)
	}
	files := goFiles(t)
	for _, path := range append(paths, filepath.Join(root, "README.md")) {
		name, err := filepath.Rel(root, path)
		if err != nil {
			t.Fatal(err)
		}
		page := string(read(t, name))
		for _, m := range mention.FindAllStringSubmatch(page, -1) {
			if !declaredIn(t, files, m[1], m[2]) {
				t.Errorf("%s: there is no %s", name, m[0])
			}
		}
		for _, m := range saidToBeIn.FindAllStringSubmatch(page, -1) {
			if !declaredIn(t, files, m[2], m[1]) {
				t.Errorf("%s: %s is not in %s", name, m[1], m[2])
			}
		}
		for _, m := range folder.FindAllStringSubmatch(page, -1) {
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil && !mention.MatchString(m[0]) {
				t.Errorf("%s: there is no %s", name, m[0])
			}
		}
	}
}

// A qualified name of the code: `Type.method`, `package.Function`.
var qualifiedName = regexp.MustCompile("`([A-Za-z]+\\.[A-Za-z]+)`")

// What the page on the architecture calls by a qualified name is declared somewhere, wherever the page says so.
func TestQualifiedNamesExist(t *testing.T) {
	files := goFiles(t)
	names := qualifiedName.FindAllStringSubmatch(string(read(t, "docs/architecture.md")), -1)
	if len(names) < 20 {
		t.Fatalf("found %d names", len(names))
	}
	for _, m := range names {
		switch filepath.Ext(m[1]) {
		case ".go", ".lock":
			continue
		}
		if !declaredIn(t, files, "*.go", m[1]) {
			t.Errorf("docs/architecture.md: nothing is called %s", m[1])
		}
	}
}

// declaredIn tells whether one of the files, named by the end of its path or by a pattern, declares the name; without a
// name, whether there is one. A name may leave out a method's type, or have its package in front.
func declaredIn(t *testing.T, files []string, path, name string) bool {
	t.Helper()
	pattern := strings.Split(path, "/")
	first, last, qualified := strings.Cut(name, ".")
	return slices.ContainsFunc(files, func(file string) bool {
		parts := strings.Split(file, "/")
		if len(parts) < len(pattern) {
			return false
		}
		end := strings.Join(parts[len(parts)-len(pattern):], "/")
		if ok, err := filepath.Match(path, end); err != nil || !ok {
			return false
		}
		return name == "" || slices.ContainsFunc(declared(t, file), func(d string) bool {
			return d == name || strings.HasSuffix(d, "."+name) || qualified && d == last && filepath.Base(filepath.Dir(file)) == first
		})
	})
}

func TestDeclaredIn(t *testing.T) {
	files := goFiles(t)
	for _, test := range []struct {
		path, name string
		want       bool
	}{
		{"hack/policy/arrows_test.go", "", true},
		{"arrows_test.go", "ruleFor", true},
		{"policy/arrows_test.go", "rule.allows", true},
		{"policy/arrows_test.go", "allows", true},
		{"arrows_*.go", "policy.ruleFor", true},
		{"arrows_test.go", "layers.ruleFor", false},
		{"policy/arrows_test.go", "architecture", false},
		{"rows_test.go", "", false},
		{"hack/arrows_test.go", "", false},
	} {
		if got := declaredIn(t, files, test.path, test.name); got != test.want {
			t.Errorf("declaredIn(%s, %s) = %v", test.path, test.name, got)
		}
	}
}

// Tests and scripts as pages name them: `TestName`, `TestName/case`, `TestName…` for all that begin so; `script.txt`,
// with stars for several.
var (
	testMention   = regexp.MustCompile("`((?:Test|Benchmark|Fuzz)\\w+)(…?)[`/]")
	scriptMention = regexp.MustCompile("`([\\w*]+\\.txt)`")
)

// Every test and script that a page points to for proof is there.
func TestNamedTestsExist(t *testing.T) {
	var tests []string
	for _, file := range goFiles(t) {
		if strings.HasSuffix(file, "_test.go") {
			tests = append(tests, declared(t, file)...)
		}
	}
	pages, err := filepath.Glob(filepath.Join(root, "docs/*.md"))
	if err != nil || len(pages) < 2 {
		t.Fatalf("found %d pages: %v", len(pages), err)
	}
	for _, path := range pages {
		name := filepath.Base(path)
		page := string(read(t, "docs/"+name))
		for _, m := range testMention.FindAllStringSubmatch(page, -1) {
			found := slices.ContainsFunc(tests, func(test string) bool {
				return test == m[1] || m[2] != "" && strings.HasPrefix(test, m[1])
			})
			if !found {
				t.Errorf("docs/%s: there is no %s", name, m[1]+m[2])
			}
		}
		for _, m := range scriptMention.FindAllStringSubmatch(page, -1) {
			found, err := filepath.Glob(filepath.Join(root, "cmd/cargo-cow/testdata/script", m[1]))
			if err != nil || len(found) == 0 {
				t.Errorf("docs/%s: there is no script %s", name, m[1])
			}
		}
	}
}

var whereRow = regexp.MustCompile("^\\| (.+) \\| `([^`]+)` \\| `([^`]+)` \\|$")

// The tables of "Where is what" have what a user would look for: the file by its whole path, the function as it is
// declared.
func TestWhereIsWhat(t *testing.T) {
	const least = 35
	_, section, _ := strings.Cut(string(read(t, architecture)), "\n## Where is what\n")
	section, _, _ = strings.Cut(section, "\n## ")
	seen := map[string]bool{}
	files := goFiles(t)
	for line := range strings.Lines(section) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") || line == "| behaviour | file | function |" || line == "|---|---|---|" {
			continue
		}
		m := whereRow.FindStringSubmatch(line)
		switch {
		case m == nil:
			t.Errorf("%s: not behaviour, `file` and `function`: %s", architecture, line)
		case seen[m[1]]:
			t.Errorf("%s: twice: %s", architecture, m[1])
		case !slices.Contains(files, m[2]):
			t.Errorf("%s: %s: there is no %s", architecture, m[1], m[2])
		case !slices.Contains(declared(t, m[2]), m[3]):
			t.Errorf("%s: %s: %s declares no %s", architecture, m[1], m[2], m[3])
		}
		if m != nil {
			seen[m[1]] = true
		}
	}
	if len(seen) < least {
		t.Errorf("%s: the tables have %d behaviours, want %d or more", architecture, len(seen), least)
	}
}
