package cargo

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Reader reads the sources of one place, each file once, for any number of
// manifests to be compared with. It is for one goroutine.
type Reader struct {
	place    *Place
	settings Settings
	trees    *treeReader
}

// NewReader returns a Reader that has read nothing yet.
func NewReader(p *Place, s Settings) *Reader {
	return &Reader{p, s, newTreeReader(p, newDigester(), s)}
}

// diff is the answer to one comparison: text is empty where nothing differs.
type diff struct {
	text    string
	ignored string // what differs among the files git does not list
	lacked  string // absolute name of what is missing; "" where nothing is
}

// comparison compares what a manifest's units were built from with what lies in a
// place, each thing once.
type comparison struct {
	manifest *Manifest
	reader   *Reader
	inputs   []*diff
	trees    []*diff
}

func newComparison(m *Manifest, r *Reader) *comparison {
	return &comparison{m, r, make([]*diff, len(m.Inputs)), make([]*diff, len(m.Trees))}
}

func (c *comparison) warm() {
	var paths []string
	for _, in := range c.manifest.Inputs {
		if in.Kind == InputFile {
			if path, ok := c.reader.place.Abs(in.Loc); ok {
				paths = append(paths, path)
			}
		}
	}
	c.reader.trees.digests.warm(paths, hashWorkers)
}

func (c *comparison) input(i int) *diff {
	if d := c.inputs[i]; d != nil {
		return d
	}
	d := c.compare(c.manifest.Inputs[i])
	c.inputs[i] = d
	return d
}

func (c *comparison) compare(in Input) *diff {
	name := in.Loc.display()
	path, ok := c.reader.place.Abs(in.Loc)
	if !ok {
		return &diff{text: name + " has no counterpart here"}
	}
	switch in.Kind {
	case InputFile:
		st := c.reader.trees.digests.file(path)
		switch {
		case errors.Is(st.err, fs.ErrNotExist):
			return &diff{text: name + " is missing", lacked: path}
		case st.err != nil:
			return &diff{text: name + " cannot be read"}
		case st.digest != in.Value:
			return &diff{text: name + " differs"}
		}
	case InputAbsent:
		if _, err := os.Lstat(path); err == nil {
			return &diff{text: name + " is new"}
		}
	case InputLink:
		real, err := filepath.EvalSymlinks(path)
		if err != nil {
			return &diff{text: name + " leads nowhere", lacked: path}
		}
		if to, _ := newOrigin(c.reader.place).locate(real); to.String() != in.Value {
			return &diff{text: name + " leads to " + to.display()}
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
	entries, _, err := c.reader.trees.read(t.Loc, t.Scope)
	d := new(diff)
	if err != nil {
		d.text = t.Loc.display() + " cannot be read"
	} else {
		compareTrees(d, t, entries)
	}
	if top, ok := c.reader.place.Abs(t.Loc); ok && (err != nil || d.lacked != "") {
		d.lacked = filepath.Join(top, d.lacked)
	}
	c.trees[i] = d
	return d
}

// compareTrees walks two sorted listings together and keeps the first
// difference among the files git lists, and the first among the others.
func compareTrees(d *diff, t Tree, have []TreeEntry) {
	was := t.Entries
	note := func(e TreeEntry, what string) {
		text := t.Loc.join(string(e.Path)).display() + what
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

func (c *comparison) fact(i int, by Rule) *Reason {
	f := c.manifest.Facts[i]
	switch f.Kind {
	case factEnv:
		if c.reader.place.Env != f.Value {
			return &Reason{by, "the [env] table of cargo's configuration differs"}
		}
		return nil
	case factPackage:
		if path, ok := c.reader.place.Abs(f.Loc); ok {
			for _, p := range c.reader.place.Workspace.Packages {
				if p.Root == path && p.Metadata == f.Value {
					return nil
				}
			}
		}
		return &Reason{by, "what the manifest of " + f.Loc.display() + " resolves to differs"}
	case factAbove:
		if above(c.reader.place.Workspace.Root, f.Loc.Path) != f.Value {
			return &Reason{by, "the " + f.Loc.Path + " above the workspace differs"}
		}
		return nil
	}
	return &Reason{by, "unknown fact " + f.Kind}
}

// commit says how the commit that a script may have seen, and unless only
// that counts the branch, differ from what it would see here.
func (c *comparison) commit(origin int, only bool) string {
	o := &c.manifest.Origins[origin]
	switch here := c.reader.place.Git; {
	case o.Git.Commit != here.Commit:
		return "it reads the commit, which is another one here"
	case o.Git.Ref != here.Ref && !only:
		return "it may read the branch, " + branchName(o.Git.Ref) + ", which is " + branchName(here.Ref) + " here"
	case !o.Clean:
		return "it reads the commit, and was built with changes on top of it"
	case c.reader.place.Dirty == nil:
		return ""
	}
	if dirty, err := c.reader.place.Dirty(); err != nil || dirty {
		return "it reads the commit, and there are changes on top of it here"
	}
	return ""
}

func branchName(ref string) string {
	if ref == "" {
		return "none"
	}
	return strings.TrimPrefix(ref, "refs/heads/")
}
