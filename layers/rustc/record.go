package rustc

import (
	"strconv"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
)

// Portability says where a record's outputs may be used.
type Portability string

const (
	// Anywhere: nothing in them names the directory they were made in, but for
	// debuggers.
	Anywhere Portability = "anywhere"
	// SameDir: where the working directory has the same path.
	SameDir Portability = "same-directory"
	// SameOutDir: where the outputs' directory has the same path, too.
	SameOutDir Portability = "same-place"
)

// An Input is a file that the compiler has read, or for which it has looked and not
// found one: its Digest is Absent then.
type Input struct{ Name, Digest string }

// A Record is what one run of the compiler has read and written.
type Record struct {
	Key         string
	Unit        string
	Request     string // its digest
	Ingredients []Ingredient
	Dir, OutDir string // where it was made
	OutEnv      string // the variable OUT_DIR there
	Portability Portability
	Inputs      []Input
	Natives     []ResolvedNative
	// DepFile is the list of inputs with names that are the same everywhere.
	DepFile string
	// MessageFormat is how messages were asked for, and Messages are they, line by line.
	MessageFormat string
	Messages      []string
	Files         []File
	// Reach is what the unit's own code gets at, should a macro be made of it.
	Reach rustsrc.Reach
	Cost  time.Duration // of the run, by the clock on the wall
	// Incremental: the unit has state of its own, which is not among the files.
	Incremental bool
	// Layers are where the files lie beside the warehouse, if anywhere.
	Layers []InLayer
}

// InLayer is a directory of a layer that holds a record's files.
type InLayer struct{ Layer, Dir string }

// A Run is a call that has succeeded.
type Run struct {
	// Began is an instant before the compiler started, by the kernel's clock for
	// files.
	Began time.Time
	Cost  time.Duration
	// Files are the outputs' paths and kinds, as announced, but for the list of
	// inputs.
	Files []Artifact
	// Messages is all else that the compiler said, line by line.
	Messages []string
	// ViewDirs are other directories that the compiler may have taken for the working
	// directory, when it ran in a view.
	ViewDirs []string
}

func (rec *Record) key() string {
	var b strings.Builder
	b.WriteString(rec.Request + "\n" + string(rec.Portability) + "\n")
	if rec.Portability != Anywhere {
		b.WriteString(rec.Dir + "\n")
	}
	if rec.Portability == SameOutDir {
		b.WriteString(rec.OutDir + "\n")
	}
	for _, in := range rec.Inputs {
		b.WriteString(in.Name + "\x00" + in.Digest + "\n")
	}
	for _, n := range rec.Natives {
		b.WriteString(n.Kind + "\x00" + n.Name + "\x00" + n.What + "\n")
	}
	depfile.Variables(rec.DepFile, func(name, value string, set bool) {
		b.WriteString(name + "\x00" + value + "\x00" + strconv.FormatBool(set) + "\n")
	})
	return digest.OfText(b.String())
}

// Size is that of all files, in bytes.
func (rec *Record) Size() int64 {
	size := int64(0)
	for _, f := range rec.Files {
		size += f.Size
	}
	return size
}
