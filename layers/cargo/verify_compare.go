package cargo

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/inputs"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
)

// Reader reads the sources of one checkout, each file once, however many manifests are
// compared with them. It is for one goroutine.
type Reader struct {
	checkout *checkout.Checkout
	settings rule.Settings
	trees    *inputs.TreeReader
}

// NewReader returns a Reader that has read nothing yet.
func NewReader(co *checkout.Checkout, s rule.Settings) *Reader {
	return &Reader{co, s, inputs.NewTreeReader(co, inputs.NewDigester(), s)}
}

// diff is the result of one comparison.
type diff struct {
	text    string // what differs; "" where nothing does
	ignored string // what differs among the files git does not list
	lacked  string // absolute name of what is missing; "" where nothing is
}

// comparison compares what a manifest's units were built from with what lies in a
// checkout, each input and tree once.
type comparison struct {
	manifest *manifest.Manifest
	reader   *Reader
	inputs   []*diff
	trees    []*diff
}

func newComparison(m *manifest.Manifest, r *Reader) *comparison {
	return &comparison{m, r, make([]*diff, len(m.Inputs)), make([]*diff, len(m.Trees))}
}

func (c *comparison) prefetch() {
	var paths []string
	for _, in := range c.manifest.Inputs {
		if in.Kind == manifest.InputFile {
			if path, ok := c.reader.checkout.Abs(in.Path); ok {
				paths = append(paths, path)
			}
		}
	}
	c.reader.trees.Digests.Prefetch(paths)
}

func (c *comparison) input(i int) *diff {
	if d := c.inputs[i]; d != nil {
		return d
	}
	d := c.compare(c.manifest.Inputs[i])
	c.inputs[i] = d
	return d
}

func (c *comparison) compare(in manifest.Input) *diff {
	name := in.Path.Display()
	path, ok := c.reader.checkout.Abs(in.Path)
	if !ok {
		return &diff{text: name + " has no counterpart here"}
	}
	switch in.Kind {
	case manifest.InputFile:
		st := c.reader.trees.Digests.File(path)
		switch {
		case errors.Is(st.Err, fs.ErrNotExist):
			return &diff{text: name + " is missing", lacked: path}
		case st.Err != nil:
			return &diff{text: name + " cannot be read"}
		case st.Digest != in.Value:
			return &diff{text: name + " differs"}
		}
	case manifest.InputAbsent:
		if _, err := os.Lstat(path); err == nil {
			return &diff{text: name + " is new"}
		}
	case manifest.InputLink:
		real, err := filepath.EvalSymlinks(path)
		if err != nil {
			return &diff{text: name + " leads nowhere", lacked: path}
		}
		if to, _ := checkout.OriginOf(c.reader.checkout).Locate(real); to.String() != in.Value {
			return &diff{text: name + " leads to " + to.Display()}
		}
	default:
		return &diff{text: name + " is an input of unknown kind"}
	}
	return &diff{}
}

func (c *comparison) tree(i int) *diff {
	if d := c.trees[i]; d != nil {
		return d
	}
	t := c.manifest.Trees[i]
	entries, _, err := c.reader.trees.Read(t.Path, t.Scope)
	d := new(diff)
	if err != nil {
		d.text = t.Path.Display() + " cannot be read"
	} else {
		compareTrees(d, t, entries)
	}
	if top, ok := c.reader.checkout.Abs(t.Path); ok && (err != nil || d.lacked != "") {
		d.lacked = filepath.Join(top, d.lacked)
	}
	c.trees[i] = d
	return d
}

// compareTrees walks two sorted listings together and keeps the first
// difference among the files git lists, and the first among the others.
func compareTrees(d *diff, t manifest.Tree, have []manifest.TreeEntry) {
	was := t.Entries
	note := func(e manifest.TreeEntry, what string) {
		text := t.Path.Join(string(e.Path)).Display() + what
		if e.Ignored || e.Value == "/" {
			if d.ignored == "" {
				d.ignored = text
			}
		} else if d.text == "" {
			d.text = text
		}
	}
	for len(was) > 0 || len(have) > 0 {
		switch {
		case len(have) == 0 || len(was) > 0 && was[0].Path < have[0].Path:
			note(was[0], " is missing")
			if d.lacked == "" {
				d.lacked = string(was[0].Path)
			}
			was = was[1:]
		case len(was) == 0 || have[0].Path < was[0].Path:
			note(have[0], " is new")
			have = have[1:]
		default:
			if was[0].Value != have[0].Value {
				e := was[0]
				e.Ignored = e.Ignored && have[0].Ignored
				note(e, " differs")
			}
			was, have = was[1:], have[1:]
		}
	}
}

func (c *comparison) fact(i int, by rule.Rule) *rule.Reason {
	f := c.manifest.Facts[i]
	switch f.Kind {
	case manifest.FactEnv:
		if c.reader.checkout.Env != f.Value {
			return rule.Because(by, "the [env] table of cargo's configuration differs")
		}
		return nil
	case manifest.FactPackage:
		if p := c.packageAt(f.Path); p != nil && p.Metadata == f.Value {
			return nil
		}
		return rule.Because(by, "what the manifest of "+f.Path.Display()+" resolves to differs")
	case manifest.FactVariable:
		name, value, _ := strings.Cut(f.Value, "=")
		if p := c.packageAt(f.Path); p == nil || p.Variables[name] != value {
			return rule.Because(by, "the manifest of "+f.Path.Display()+" says something else for "+name)
		}
		return nil
	case manifest.FactFileAbove:
		if inputs.FileAbove(c.reader.checkout.Workspace.Root, f.Path.Rel) != f.Value {
			return rule.Because(by, "the "+f.Path.Rel+" above the workspace differs")
		}
		return nil
	case manifest.FactTags:
		if !c.sameTags(f.Value) {
			return rule.Because(by, "it may read the tags, which are others here")
		}
		return nil
	}
	return rule.Because(by, "unknown fact "+f.Kind)
}

// packageAt is the package of the workspace in a directory, nil if there is none.
func (c *comparison) packageAt(at rooted.Path) *project.Package {
	if path, ok := c.reader.checkout.Abs(at); ok {
		for i := range c.reader.checkout.Workspace.Packages {
			if p := &c.reader.checkout.Workspace.Packages[i]; p.Root == path {
				return p
			}
		}
	}
	return nil
}

// commit says how the commit that a script may have seen differs from what it would see
// here, "" if it does not.
func (c *comparison) commit(u *manifest.Unit) string {
	o := &c.manifest.Origins[u.Origin]
	switch here := c.reader.checkout.Git; {
	case o.Git.Commit != here.Commit:
		return "it reads the commit, which is another one here"
	case o.Git.Ref != here.Ref && !u.CommitOnly:
		return "it may read the branch, " + branchName(o.Git.Ref) + ", which is " + branchName(here.Ref) + " here"
	case !o.Clean:
		return "it reads the commit, and was built with changes on top of it"
	case c.reader.checkout.Dirty == nil:
		return ""
	}
	if dirty, err := c.reader.checkout.Dirty(); err != nil || dirty {
		return "it reads the commit, and there are changes on top of it here"
	}
	return ""
}

// sameTags reports whether the tags are those with this digest.
func (c *comparison) sameTags(digest string) bool {
	if c.reader.checkout.Tags == nil {
		return digest == ""
	}
	tags, err := c.reader.checkout.Tags()
	return err == nil && tags.Digest == digest
}

func branchName(ref string) string {
	if ref == "" {
		return "none"
	}
	return strings.TrimPrefix(ref, "refs/heads/")
}
