package recompile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/cargo/likeness"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
)

// leftovers are files that a script had written before it was another one: cargo empties no OUT_DIR.
const leftovers = "files of earlier runs"

// outputs are what a unit has written: as it lies in the build directory (kept), or made again.
type outputs struct {
	job   *job
	way   way
	sites *sites
	files []string // of a compilation, by paths
	said  string   // what a script printed, the file with it
	tree  string   // the directory that the script was given
	dirs  []string // to be removed
	kept  bool
}

func (o *outputs) remove() {
	for _, dir := range o.dirs {
		_ = os.RemoveAll(dir) // it goes with the clone at the latest
	}
}

// compare returns the parts in which the outputs differ from others of the same unit, which come first in the words of
// a difference.
func (o *outputs) compare(with *outputs) []difference {
	if o.job.unit.Run {
		found := o.text(o.job.unit.Outputs[0].Path, with.said, o.said)
		return append(found, compareTrees(o, with)...)
	}
	var found []difference
	for _, path := range with.files {
		name := nameOf(path)
		i := slices.IndexFunc(o.files, func(p string) bool { return nameOf(p) == name })
		if i < 0 {
			found = append(found, difference{name, likeness.Difference{Part: "the whole file", Detail: "again there is none"}})
			continue
		}
		if filepath.Ext(name) == ".d" {
			found = append(found, o.text(name, path, o.files[i])...)
			continue
		}
		if filepath.Base(path) != filepath.Base(o.files[i]) {
			found = append(found, difference{name, likeness.Difference{Part: "its name", Detail: "another one", Nature: likeness.ObjectNames}})
		}
		found = append(found, compareFiles(name, path, o.files[i])...)
	}
	for _, path := range o.files {
		name := nameOf(path)
		if !slices.ContainsFunc(with.files, func(p string) bool { return nameOf(p) == name }) {
			found = append(found, difference{name, likeness.Difference{Part: "the whole file", Detail: "there is none"}})
		}
	}
	return found
}

// nameOf is the name of an output, without what rustc has put into it by chance.
func nameOf(path string) string { return string(likeness.Masked([]byte(filepath.Base(path)))) }

func compareFiles(name, there, again string) (found []difference) {
	if builddir.SameFile(there, again) {
		return nil
	}
	a, err := os.ReadFile(there)
	b, errAgain := os.ReadFile(again)
	if err = errors.Join(err, errAgain); err != nil {
		return []difference{{name, likeness.Difference{Part: "the whole file", Detail: err.Error()}}}
	}
	for _, d := range likeness.Compare(a, b) {
		found = append(found, difference{name, d})
	}
	return found
}

// text compares texts that name the checkout: what a restore, the wrapper or the warehouse has written into them for
// another place is no difference.
func (o *outputs) text(name, there, again string) (found []difference) {
	a, err := os.ReadFile(there)
	b, errAgain := os.ReadFile(again)
	if err = errors.Join(err, errAgain); err != nil {
		return []difference{{name, likeness.Difference{Part: "the whole file", Detail: err.Error()}}}
	}
	for _, d := range likeness.Compare([]byte(o.canonical(name, a)), []byte(o.canonical(name, b))) {
		found = append(found, difference{name, d})
	}
	return found
}

func (o *outputs) canonical(name string, text []byte) string {
	s := string(text)
	if filepath.Ext(name) == ".d" {
		s = rustc.WithoutTrailer(handoff.WithoutState(s))
	}
	return o.sites.neutral(s, o.way)
}

// compareTrees compares what a script has left in OUT_DIR, file by file.
func compareTrees(o, with *outputs) (found []difference) {
	there, err := listTree(with.tree)
	again, errAgain := listTree(o.tree)
	if err = errors.Join(err, errAgain); err != nil {
		return []difference{{"out", likeness.Difference{Part: "the whole directory", Detail: err.Error()}}}
	}
	for _, rel := range there {
		name := "out/" + rel
		a, b := filepath.Join(with.tree, rel), filepath.Join(o.tree, rel)
		if !slices.Contains(again, rel) {
			d := likeness.Difference{Part: "the whole file", Detail: "again there is none"}
			if with.kept {
				d.Nature = leftovers
			}
			found = append(found, difference{name, d})
			continue
		}
		if x, y := kindOf(a), kindOf(b); x != y {
			found = append(found, difference{name, likeness.Difference{Part: "the whole file", Detail: fmt.Sprintf("%s, again %s", x, y)}})
			continue
		}
		if target, err := os.Readlink(a); err == nil {
			if other, _ := os.Readlink(b); other != target {
				found = append(found, difference{name, likeness.Difference{Part: "the link", Detail: fmt.Sprintf("%s, again %s", target, other)}})
			}
			continue
		}
		found = append(found, compareFiles(name, a, b)...)
	}
	for _, rel := range again {
		if !slices.Contains(there, rel) {
			found = append(found, difference{"out/" + rel, likeness.Difference{Part: "the whole file", Detail: "there is none"}})
		}
	}
	return found
}

func kindOf(path string) string {
	info, err := os.Lstat(path)
	if err != nil {
		return err.Error()
	}
	switch info.Mode().Type() {
	case 0:
		return "a file"
	case fs.ModeSymlink:
		return "a link"
	}
	return "something else"
}

// listTree lists all but directories, sorted. One that is missing has nothing in it.
func listTree(dir string) (rels []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && !d.IsDir() {
			rels = append(rels, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	return rels, err
}

// A difference is one in a file of a unit.
type difference struct {
	file string
	likeness.Difference
}

func parts(found []difference) (list []Part) {
	for _, d := range found {
		if d.Nature == "" {
			list = append(list, Part{File: d.file, Part: d.Part, Detail: d.Detail})
		}
	}
	return list
}

// byNature returns the names of what cannot be equal, if that is all that differs.
func byNature(found []difference) (names []string, all bool) {
	for _, d := range found {
		if d.Nature == "" {
			return nil, false
		}
		if !slices.Contains(names, d.Nature) {
			names = append(names, d.Nature)
		}
	}
	return names, true
}

// without drops from found what is in varying as well, or could never be equal.
func without(found, varying []difference) (rest []difference) {
	for _, d := range found {
		again := slices.ContainsFunc(varying, func(v difference) bool { return v.file == d.file && v.Part == d.Part })
		if !again && d.Nature == "" {
			rest = append(rest, d)
		}
	}
	return rest
}
