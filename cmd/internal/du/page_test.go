package du

import (
	"encoding/json"
	"fmt"
	"html/template"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

func TestMain(m *testing.M) { fixture.Main(m) }

const workspace = `
-- .gitignore --
target
data
-- Cargo.toml --
[package]
name = "tool"
version = "0.1.0"
edition = "2021"
[dependencies]
heavy = { path = "heavy" }
-- heavy/Cargo.toml --
[package]
name = "heavy"
version = "0.1.0"
edition = "2021"
-- heavy/src/lib.rs --
pub static DATA: &[u8] = include_bytes!("../data");
-- src/lib.rs --
pub fn word() -> &'static str { "one" }
-- src/main.rs --
fn main() { println!("{}", tool::word()); }
`

// hostile is a path that would end what it stands in, be it a text, an attribute or a script,
// and be one.
const hostile = `it's "a" <!--</script><script>document.title="hurt"</script><img src=x onerror="document.title='hurt'">&amp;`

// scene is a store with three layers in two lines, build directories of two worktrees, and
// what undo would bring back.
func scene(t *testing.T) (a *fixture.Checkout) {
	t.Helper()
	w := fixture.NewWorld(t, filepath.Join(loopfs.Btrfs(t, loopfs.Size(2<<30)), "w"), "CARGO_NET_OFFLINE=true", fixture.InPath(t))
	a = w.At(hostile)
	a.Lay(workspace)
	a.Must("cargo", "generate-lockfile", "--quiet", "--offline")
	a.Repository()
	data(a)
	a.Cow("init")
	a.Build("build")
	a.Cow("snapshot", "--label", "one")
	edit(a)
	a.Cow("snapshot", "--label", `two, "<b>"`)
	b := a.Worktree("b")
	b.Write("heavy/data", a.Read("heavy/data"))
	b.Cow("init")
	b.Build("build")
	b.Cow("restore")
	edit(b)
	// Of heavy's unit these layers have what no build directory has any more.
	data(a)
	a.Build("build")
	data(b)
	b.Build("build")
	b.Cow("snapshot", "--label", "three")
	a.Must("sync", "-f", ".")
	return a
}

// data makes what heavy includes anew, 3 MB.
func data(c *fixture.Checkout) {
	c.T.Helper()
	c.Must("sh", "-c", "head -c 3000000 /dev/urandom >heavy/data")
}

func edit(c *fixture.Checkout) {
	c.T.Helper()
	c.Must("sh", "-c", "echo '// edited' >>src/lib.rs")
	c.Build("build")
}

// figures are what a line of du --json says, or what the page does.
type figures struct {
	name               string
	total, frees, cost int64
}

func figuresOf(line map[string]any, name string) figures {
	n := func(field string) int64 { f, _ := line[field].(float64); return int64(f) }
	key, _ := line[name].(string)
	return figures{key, n("total"), n("frees"), n("cost_ms")}
}

func ofReason(lines []map[string]any, reason string) []map[string]any {
	return slices.DeleteFunc(slices.Clone(lines), func(l map[string]any) bool { return l["reason"] != reason })
}

// rows reads a table of the page: the texts, and the numbers behind them, of each row.
func (b *browser) rows(table string) (texts [][]string, numbers [][]int64) {
	b.t.Helper()
	b.eval(fmt.Sprintf(`[...document.querySelectorAll("#%s tbody tr")].map(r => [...r.cells].slice(1).map(c => c.textContent))`, table), &texts)
	b.eval(fmt.Sprintf(`[...document.querySelectorAll("#%s tbody tr")].map(r => [...r.cells].slice(1).map(c => Number(c.dataset.value || 0)))`, table), &numbers)
	return texts, numbers
}

func TestPage(t *testing.T) {
	t.Parallel()
	a := scene(t)
	file := a.World.Path("du #1?.html")
	wrote := ofReason(a.Cow("du", "--html", file), "du-page")
	if len(wrote) != 1 || wrote[0]["path"] != file || int64(wrote[0]["bytes"].(float64)) != int64(len(a.Read(file))) {
		t.Fatalf("du --html says %v of a page of %d bytes", wrote, len(a.Read(file)))
	}
	b := newBrowser(t, "light")
	address := (&url.URL{Scheme: "file", Path: file}).String()
	b.open(address)
	if os.Getenv("CARGO_COW_TEST_PAGE") != "" { // to be looked at
		if err := os.WriteFile(os.Getenv("CARGO_COW_TEST_PAGE"), []byte(a.Read(file)), 0o666); err != nil {
			t.Fatal(err)
		}
	}

	said := a.Cow("du")
	holdings := ofReason(said, "holding")
	keys := checkTrees(t, b, holdings)
	together := ofReason(said, "du")[0]["together"].(float64)
	if got, want := b.text(`document.getElementById("total").textContent`), "Total "+takes(len(holdings), int64(together)); got != want {
		t.Errorf("the page says %q, want %q", got, want)
	}
	if got := b.text(`document.getElementById("together").dataset.value`); got != fmt.Sprintf("%.0f", together) {
		t.Errorf("all take %s together, du says %.0f", got, together)
	}
	for _, by := range groupsOfTrees {
		checkPutTogether(t, b, by, ofReason(a.Cow("du", "--by", by), "group"))
	}
	checkLineage(t, b, a)
	t.Run("sets", func(t *testing.T) { checkSets(t, b, a, address, keys) })
	t.Run("keys", func(t *testing.T) { checkKeys(t, b, address) })
	t.Run("harmless", func(t *testing.T) { checkHarmless(t, b, a, address, a.Read(file)) })
	for _, scheme := range []string{"light", "dark"} {
		t.Run(scheme, func(t *testing.T) { checkContrast(t, scheme, address) })
	}
}

// checkTrees compares the table and the map with lines of du --json, and returns how trees
// are called by them: layers by their ids, others by their paths.
func checkTrees(t *testing.T, b *browser, holdings []map[string]any) (keys []string) {
	t.Helper()
	texts, numbers := b.rows("trees")
	var boxes map[string]string
	b.eval(`Object.fromEntries([...document.querySelectorAll(".box[data-trees], .chip")].map(b => [b.dataset.trees, b.innerText + b.getAttribute("aria-label")]))`, &boxes)
	if len(texts) != len(holdings) || len(boxes) != len(holdings) {
		t.Fatalf("the page has %d rows and %d boxes for %d trees", len(texts), len(boxes), len(holdings))
	}
	kinds := map[any]int{}
	for i, h := range holdings {
		want := figuresOf(h, "path")
		if got := (figures{want.name, numbers[i][2], numbers[i][3], numbers[i][4]}); got != want {
			t.Errorf("row %d has %v, du says %v", i, got, want)
		}
		cost := ""
		key := want.name
		if h["kind"] == "layer" {
			key, cost = h["layer"].(string), phrase.Cost(want.cost)
		}
		label, _ := h["label"].(string)
		if got, want := []string{texts[i][0], texts[i][2], texts[i][3], texts[i][4], texts[i][6]}, []string{h["kind"].(string), phrase.Size(want.total), phrase.Size(want.frees), cost, label}; !slices.Equal(got, want) {
			t.Errorf("row %d says %q, du %q", i, got, want)
		}
		for _, part := range []string{phrase.Size(want.total), phrase.Size(want.frees), cost} {
			if box := boxes[fmt.Sprint(i)]; !strings.Contains(box, part) {
				t.Errorf("the box of %s says %q, without %q", key, box, part)
			}
		}
		keys = append(keys, key)
		kinds[h["kind"]]++
	}
	if kinds["layer"] != 3 || kinds["build directory"] != 2 || kinds["undo"] != 1 {
		t.Errorf("there are %v: this looks at the wrong thing", kinds)
	}
	return keys
}

func checkPutTogether(t *testing.T, b *browser, by string, said []map[string]any) {
	t.Helper()
	texts, numbers := b.rows("group-" + by)
	if len(texts) != len(said) || len(said) < 2 && by != "project" {
		t.Fatalf("by %s the page has %d rows for %d groups", by, len(texts), len(said))
	}
	for i, g := range said {
		want := figuresOf(g, "group")
		if got := (figures{texts[i][0], numbers[i][2], numbers[i][3], numbers[i][4]}); got != want || float64(numbers[i][1]) != g["trees"] {
			t.Errorf("by %s row %d has %v of %d trees, du says %v of %v", by, i, got, numbers[i][1], want, g["trees"])
		}
		if got, want := texts[i][2:], []string{phrase.Size(want.total), phrase.Size(want.frees), phrase.Cost(want.cost)}; !slices.Equal(got, want) {
			t.Errorf("by %s row %d says %q, want %q", by, i, got, want)
		}
		// What is selected with the group is what the group frees.
		b.eval(fmt.Sprintf(`document.querySelectorAll("#group-%s tbody .tick")[%d].click()`, by, i), nil)
		if got := b.text(`document.getElementById("said").dataset.frees`); got != fmt.Sprint(want.frees) {
			t.Errorf("by %s, %s selected frees %s, want %d", by, want.name, got, want.frees)
		}
		b.eval(`document.getElementById("clear").click()`, nil)
	}
}

// checkLineage: each layer is told with the one it was made from.
func checkLineage(t *testing.T, b *browser, a *fixture.Checkout) {
	t.Helper()
	var got []string
	b.eval(`[...document.querySelectorAll("#lineage .made")].map(l => [l.dataset.layer, l.querySelector(".name").textContent, l.querySelector(".from").textContent].join("|"))`, &got)
	var want []string
	for _, l := range a.Cow("list", "--graph") {
		from := "made from nothing"
		if parent, _ := l["parent"].(string); parent != "" {
			from = "made from " + phrase.ID(parent)
		}
		label, _ := l["label"].(string)
		want = append(want, phrase.ID(l["layer"].(string))+"|"+label+"|"+from)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the lineage is %q, want %q", got, want)
	}
	// The parts of the drawing meet.
	var off []string
	b.eval(`[...document.querySelectorAll("#lineage svg")].map(s => s.getBoundingClientRect()).filter((r, i, all) => i && (Math.abs(r.left - all[i-1].left) > 0.5 || Math.abs(r.top - all[i-1].bottom) > 0.5)).map(r => r.left + " " + r.top)`, &off)
	if len(off) > 0 {
		t.Errorf("parts of the lineage are drawn elsewhere: %q", off)
	}
	if !strings.Contains(strings.Join(got, " "), "made from "+got[len(got)-1][:8]) {
		t.Errorf("nothing was made from the oldest layer in %q: this looks at the wrong thing", got)
	}
}

// checkSets: what the page says that sets of trees free, du says too.
func checkSets(t *testing.T, b *browser, a *fixture.Checkout, address string, keys []string) {
	b.t = t
	var sets [][]string
	for i := range keys {
		sets = append(sets, []string{keys[i]}, []string{keys[i], keys[(i+1)%len(keys)]}, slices.Concat(keys[:i], keys[i+1:]))
	}
	sets = append(sets, keys)
	for _, set := range sets {
		var words []string
		for _, key := range set {
			words = append(words, url.QueryEscape(key))
		}
		b.eval(fmt.Sprintf(`new Promise(done => { addEventListener("hashchange", () => done(1), { once: true }); location.hash = "#" + %q })`, "none"+strings.Join(words, "")), new(int))
		b.eval(fmt.Sprintf(`new Promise(done => { addEventListener("hashchange", () => done(1), { once: true }); location.hash = "#select=" + %q })`, strings.ReplaceAll(strings.Join(words, ","), "+", "%20")), new(int))
		want := ofReason(a.Cow(append([]string{"du"}, set...)...), "du")[0]
		frees, cost := int64(want["frees"].(float64)), int64(want["cost_ms"].(float64))
		if got := b.text(`document.getElementById("said").textContent`); got != "Removing "+phrase.Count(len(set), "tree")+" "+phrase.Loss(frees, cost) {
			t.Errorf("of %q the page says %q, want %d bytes and %d ms", set, got, frees, cost)
		}
		if got := b.text(`[said.dataset.frees, said.dataset.cost, said.dataset.trees]`); got != fmt.Sprintf("%d,%d,%d", frees, cost, len(set)) {
			t.Errorf("of %q the page has %s, want %d bytes and %d ms", set, got, frees, cost)
		}
	}

	// Two layers that share only with each other: together they free what neither does.
	alone := int64(0)
	var ids []string
	for _, h := range ofReason(a.Cow("du", "one", `two, "<b>"`), "holding") {
		alone += figuresOf(h, "path").frees
		ids = append(ids, phrase.ID(h["layer"].(string)))
	}
	b.open(address + "#select=" + strings.Join(ids, ","))
	var frees int64
	b.eval(`Number(said.dataset.frees)`, &frees)
	if want := ofReason(a.Cow("du", ids[0], ids[1]), "du")[0]["frees"]; float64(frees) != want || frees < alone+3_000_000 {
		t.Errorf("both layers free %d together and %d alone; du says %v, and 3 MB are only theirs", frees, alone, want)
	}
	if got := b.text(`document.getElementById("apart").textContent`); !strings.Contains(got, phrase.Size(frees-alone)+" more") {
		t.Errorf("the page says %q of what is only theirs", got)
	}
	if got := b.text(`document.getElementById("command").textContent`); got != "cargo cow rm "+ids[0]+" "+ids[1] && got != "cargo cow rm "+ids[1]+" "+ids[0] {
		t.Errorf("the page advises %q", got)
	}
	if got := b.text(`document.getElementById("goes").textContent`); got != phrase.Size(frees-alone)+" of it with the selection" {
		t.Errorf("what is shared says %q", got)
	}
	b.open(address + "#select=one,%,__proto__,%00,nothing,-1,0")
	if got := b.text(`said.dataset.trees`); got != "1" {
		t.Errorf("%s trees are selected by one label and what is none", got)
	}
}

// checkKeys: all can be done with the keyboard, and it shows where one is.
func checkKeys(t *testing.T, b *browser, address string) {
	b.t = t
	b.open(address)
	var buttons int
	b.eval(`document.querySelectorAll("button").length - 1`, &buttons) // all but Clear, which is not there yet
	reached := map[string]bool{}
	for range 3 * buttons {
		b.key("Tab")
		var at struct {
			N     int
			Shown bool
		}
		b.eval(`(() => { const e = document.activeElement, s = getComputedStyle(e);
			return { n: [...document.querySelectorAll("button")].indexOf(e), shown: s.outlineStyle === "solid" && parseFloat(s.outlineWidth) >= 2 } })()`, &at)
		if at.N >= 0 {
			reached[fmt.Sprint(at.N)] = true
			if !at.Shown {
				t.Errorf("button %d has the focus, and it does not show", at.N)
			}
		}
	}
	if len(reached) != buttons {
		t.Errorf("of %d buttons the tab key reaches %d", buttons, len(reached))
	}

	b.eval(`document.querySelector("button.box").focus()`, nil)
	b.key("Enter")
	if got := b.text(`[document.activeElement.ariaPressed, document.querySelectorAll("tr.on").length, document.querySelector(".bar").hidden, live.textContent === said.textContent]`); !regexp.MustCompile(`^true,[1-9]\d*,false,true$`).MatchString(got) {
		t.Errorf("Enter on a box: %s", got)
	}
	if got := b.text(`location.hash`); !strings.HasPrefix(got, "#select=") {
		t.Errorf("with a box selected the address ends in %q", got)
	}
	b.key("Escape")
	if got := b.text(`[document.activeElement.ariaPressed, document.querySelector(".bar").hidden]`); got != "false,true" {
		t.Errorf("Escape after Enter: %s", got)
	}

	_, before := b.rows("trees")
	slices.SortStableFunc(before, func(a, b []int64) int { return int(b[2] - a[2]) })
	b.eval(`document.querySelectorAll("#trees thead button")[2].focus()`, nil)
	b.key("Enter")
	_, after := b.rows("trees")
	if !slices.EqualFunc(before, after, slices.Equal) {
		t.Errorf("sorted by what they take in all: %v", after)
	}
	b.key("Enter")
	_, after = b.rows("trees")
	if !slices.IsSortedFunc(after, func(a, b []int64) int { return int(a[2] - b[2]) }) {
		t.Errorf("sorted once more: %v", after)
	}
	if got := b.text(`[...document.querySelectorAll("#trees thead th")].map(h => h.ariaSort)`); got != "none,none,ascending,none,none,none,none,none" {
		t.Errorf("the heads say %s", got)
	}
}

// checkHarmless: whatever a path is, the page is the page, asks for nothing, and nobody
// complains.
func checkHarmless(t *testing.T, b *browser, a *fixture.Checkout, address, text string) {
	b.t = t
	b.open(address)
	if got, want := b.text("document.title"), "What takes space in "+a.World.Path("store"); got != want {
		t.Errorf("the title is %q, want %q", got, want)
	}
	if got := b.text(`[document.scripts.length, document.images.length, document.querySelectorAll("b b, td b").length]`); got != "2,0,0" {
		t.Errorf("there are %s scripts, images and bold cells", got)
	}
	texts, _ := b.rows("trees")
	shown := 0
	for _, row := range texts {
		if strings.Contains(row[7], a.Dir) {
			shown++
		}
	}
	if shown != 3 {
		t.Errorf("%q is shown %d times as it is in %q", a.Dir, shown, texts)
	}
	var keys []string
	b.eval(`JSON.parse(document.getElementById("data").textContent).trees.map(t => t.key)`, &keys)
	if !slices.Contains(keys, a.Target()) {
		t.Errorf("%q is not in %q", a.Target(), keys)
	}

	for _, to := range b.requests {
		if !strings.HasPrefix(to, "file://") && !strings.HasPrefix(to, "data:") && to != "about:blank" {
			t.Errorf("the page asks for %s", to)
		}
	}
	if len(b.complaints) > 0 {
		t.Errorf("the browser complains: %s", b.complaints)
	}
	for _, link := range regexp.MustCompile(`(?i)(?:href|src|action)="[^"]*"|url\(|@import|https?:`).FindAllString(text, -1) {
		if !strings.HasPrefix(link, `href="#`) && link != `href="data:,"` {
			t.Errorf("the page has %s", link)
		}
	}

	// A script that came in all the same would not run: no other is allowed.
	b.eval(`(() => { const s = document.createElement("script"); s.textContent = "document.title = 'hurt'"; document.body.append(s); document.body.append(Object.assign(new Image(), { src: "http://127.0.0.1:9/" })) })()`, nil)
	if got := b.text("document.title"); strings.Contains(got, "hurt") {
		t.Error("a script that is not the page's has run")
	}
	if len(b.complaints) == 0 {
		t.Error("the browser let something in, or nobody would hear of it")
	}
}

// contrast is the least contrast of a text with what it stands on, and that text (WCAG 2.2,
// 1.4.3: 4.5 is asked for).
const contrast = `(() => {
	const parse = c => c.match(/[\d.]+/g).map(Number);
	const light = c => { const [r, g, b] = parse(c).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b };
	let worst = { ratio: 21, text: "" };
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let node; node = texts.nextNode();) {
		const at = node.parentElement;
		if (!node.textContent.trim() || !at.checkVisibility() || at.closest("script, .skip, .unseen, .from")) continue;
		let ground = at;
		while (ground.parentElement && parse(getComputedStyle(ground).backgroundColor)[3] === 0) ground = ground.parentElement;
		const a = light(getComputedStyle(at).color), b = light(getComputedStyle(ground).backgroundColor);
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (ratio < worst.ratio) worst = { ratio, text: node.textContent };
	}
	return worst;
})()`

func checkContrast(t *testing.T, scheme, address string) {
	b := newBrowser(t, scheme)
	for _, selected := range []string{"", "#select=one,three"} {
		b.open(address + selected)
		var worst struct {
			Ratio float64
			Text  string
		}
		b.eval(contrast, &worst)
		if worst.Ratio < 4.5 || worst.Text == "" {
			t.Errorf("%q has a contrast of %.2f (%s)", worst.Text, worst.Ratio, selected)
		}
	}
	var ground int
	b.eval(`Number(getComputedStyle(document.body).backgroundColor.match(/\d+/)[0])`, &ground)
	if dark := ground < 128; dark != (scheme == "dark") {
		t.Errorf("the ground is %d of 255", ground)
	}
}

// The script says sizes and times as phrase does.
func TestScriptSpeaksAsPhrase(t *testing.T) {
	t.Parallel()
	p := &page{Policy: policy(), Script: template.JS(pageScript)}
	var want []string
	for _, bytes := range []int64{0, 1, 999, 1000, 1049, 1050, 1150, 1250, 1251, 1350, 9_949, 9_950, 12_500, 13_500, 999_499, 999_500, 1_250_000, 2_750_000, 123_456_789, 1_230_000_000, 12_345_678_901_234} {
		for _, ms := range []int64{0, 1, 999, 1000, 1240, 1250, 1350, 59_949, 59_950, 125_499, 3_599_499, 3_599_500, 90_061_000} {
			n := len(p.Rows)
			p.Rows = append(p.Rows, tableRow{Trees: fmt.Sprint(n), Name: fmt.Sprint(n)})
			p.Data.Trees = append(p.Data.Trees, sumTree{Key: fmt.Sprintf("/tree/%d", n)})
			p.Data.Pieces = append(p.Data.Pieces, sumShare{Amount: bytes, Holders: []int{n}}, sumShare{Amount: 77, Held: true, Holders: []int{n}})
			p.Data.Work = append(p.Data.Work, sumShare{Amount: ms, Holders: []int{n}})
			want = append(want, "Removing 1 tree "+phrase.Loss(bytes, ms))
		}
	}
	text, err := p.html()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "page.html")
	if err := replaceFile(file, text); err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, "light")
	b.open("file://" + file)
	var got []string
	b.eval(`[...document.querySelectorAll("tr[data-trees] .tick")].map(tick => { tick.click(); const text = said.textContent; tick.click(); return text })`, &got)
	if len(got) != len(want) {
		t.Fatalf("%d texts for %d trees", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("the page says %q, want %q", got[i], want[i])
		}
	}
}

// What stands in a script as data is data, whatever it is.
func TestDataIsEscaped(t *testing.T) {
	p := &page{Data: sums{Trees: []sumTree{{Key: hostile + "\u2028\x00]]>", Label: "<!--<script>"}}}}
	text, err := p.html()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), `<script type="application/json" id="data">`)
	data, _, _ := strings.Cut(rest, "</script>")
	var back sums
	if err := json.Unmarshal([]byte(data), &back); err != nil || len(back.Trees) != 1 || back.Trees[0] != p.Data.Trees[0] {
		t.Errorf("%q is read back as %v: %v", data, back, err)
	}
	if strings.ContainsAny(data, "<>&\u2028") {
		t.Errorf("%q could end or begin something", data)
	}
}

func TestReplaceFile(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "page"), filepath.Join(dir, "link")
	if err := os.Symlink("page", link); err != nil {
		t.Fatal(err)
	}
	check := func(what string, err error, want string) {
		t.Helper()
		got, _ := os.ReadFile(path)
		names, _ := filepath.Glob(filepath.Join(dir, ".*"))
		if string(got) != want || len(names) > 0 || (err == nil) != (what == "") {
			t.Errorf("%s: %v; the file has %q, and beside it is %q", what, err, got, names)
		}
	}
	check("a link to nothing", replaceFile(link, []byte("no")), "")
	check("", replaceFile(path, []byte("one")), "one")
	check("", replaceFile(link, []byte("two")), "two")
	if info, err := os.Lstat(link); err != nil || info.Mode().IsRegular() {
		t.Errorf("the link is no more: %v", err)
	}
	check("a directory", replaceFile(dir, []byte("three")), "two")
	check("a device", replaceFile(os.DevNull, []byte("three")), "two")
	check("below a file", replaceFile(filepath.Join(path, "x"), []byte("three")), "two")
}
