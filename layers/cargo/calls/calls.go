// Package calls has cargo say how it makes the units of a build directory: by which call of the compiler, or by which
// run of a script, with all arguments, the environment and the working directory. Nothing is made for that.
//
// Cargo works on a hollow copy of the build directory: what it reads of units is there, and of their outputs only names
// and times, by which it decides. In it every build script is this program, and so is the compiler's wrapper. They note
// how they were called; the wrapper then says that all went well, and a script what it said before. So cargo goes from
// unit to unit, and asks for those whose hash was emptied, however fresh they are.
//
// A copy is for one cargo at a time. Functions that note and read calls may be used by any number of processes at once.
package calls

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Variable is set, to the directory where calls are noted, in the environment of cargo and so of the stand-in.
const Variable = "CARGO_COW_ASKING"

// SaidSuffix is behind the name of OUT_DIR in the name of the file that holds what a script said.
const SaidSuffix = ".cargo-cow-said"

// A Call is one call of the compiler or one run of a build script, as cargo makes it.
type Call struct {
	Args []string // the program first: the compiler, or what is configured to be run with it; or the script
	Env  []string
	Dir  string
}

// noted is a Call on disk. Arguments need not be UTF-8.
type noted struct {
	Args, Env [][]byte
	Dir       []byte
}

// IsScript reports whether the call is a build script's run.
func (c *Call) IsScript() bool { return len(c.Args) == 1 && c.Getenv("OUT_DIR") != "" }

// Getenv returns a variable of the call's environment, "" if it is not set.
func (c *Call) Getenv(name string) string {
	for _, kv := range c.Env {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v
		}
	}
	return ""
}

// Note notes a call in dir.
func Note(dir string, c *Call) error {
	text, err := json.Marshal(noted{bytesOf(c.Args), bytesOf(c.Env), []byte(c.Dir)})
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, paths.TempPrefix)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(dir, strings.TrimPrefix(filepath.Base(f.Name()), paths.TempPrefix))+paths.JSONSuffix)
}

// Take returns the calls that were noted in dir since the last Take. Those that a build which was broken off has left
// in part are passed over.
func Take(dir string) ([]*Call, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*"+paths.JSONSuffix))
	if err != nil {
		return nil, err
	}
	var all []*Call
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if err := os.Remove(name); err != nil {
			return nil, err
		}
		var n noted
		if err := json.Unmarshal(text, &n); err != nil || len(n.Args) == 0 {
			return nil, fmt.Errorf("read call %s: %w", name, err)
		}
		c := &Call{Args: textsOf(n.Args), Env: textsOf(n.Env), Dir: string(n.Dir)}
		all = append(all, c)
	}
	return all, nil
}

func bytesOf(texts []string) [][]byte {
	list := make([][]byte, len(texts))
	for i, t := range texts {
		list[i] = []byte(t)
	}
	return list
}

func textsOf(list [][]byte) []string {
	texts := make([]string, len(list))
	for i, b := range list {
		texts[i] = string(b)
	}
	return texts
}

// OutDir is the directory that the outputs of the compiler go to, or OUT_DIR of a script; "" if the call has none.
func (c *Call) OutDir() string {
	if c.IsScript() {
		return c.Getenv("OUT_DIR")
	}
	return c.option("--out-dir")
}

// Incremental is the directory of the compiler's incremental state, "" if it keeps none.
func (c *Call) Incremental() string { return c.codegen("incremental") }

// Crate is how rustc is told to call the crate.
func (c *Call) Crate() string { return c.option("--crate-name") }

// option returns the value of an option, the last one given.
func (c *Call) option(name string) (value string) {
	for i, a := range c.Args {
		if v, ok := strings.CutPrefix(a, name+"="); ok {
			value = v
		} else if a == name && i+1 < len(c.Args) {
			value = c.Args[i+1]
		}
	}
	return value
}

// codegen returns the value of a -C option, the last one given.
func (c *Call) codegen(name string) (value string) {
	for i, a := range c.Args {
		if a == "-C" && i+1 < len(c.Args) {
			a = "-C" + c.Args[i+1]
		}
		if v, ok := strings.CutPrefix(a, "-C"+name+"="); ok {
			value = v
		}
	}
	return value
}

// Searches reports whether the compiler looks for crates in dir.
func (c *Call) Searches(dir string) bool {
	for i, a := range c.Args {
		if a == "-L" && i+1 < len(c.Args) {
			a = "-L" + c.Args[i+1]
		}
		if a == "-Ldependency="+dir || a == "-Lcrate="+dir || a == "-Lall="+dir || a == "-L"+dir {
			return true
		}
	}
	return false
}

// A Subject is what a call says of the unit that it makes.
type Subject struct {
	Profile string // profile directory
	ID      string // the unit's id; "" where neither a name nor a directory has it
	Crate   string // of a compilation
	Run     bool   // of a script
}

// Subject says which unit the call makes in a build directory. ok is false if it makes none there.
func (c *Call) Subject(buildDir string) (s Subject, ok bool) {
	rel, inside := paths.Under(c.OutDir(), buildDir)
	if !inside || rel == "" {
		return s, false
	}
	s = Subject{Run: c.IsScript(), Crate: c.Crate()}
	if front, dir, found := strings.Cut(rel, "/build/"); found {
		s.Profile = front
		parts := strings.Split(dir, "/")
		// PACKAGE-ID, and OUT_DIR in it; or PACKAGE/ID/out for both.
		s.ID = parts[0][strings.LastIndexByte(parts[0], '-')+1:]
		if len(parts) == 3 {
			s.ID = parts[1]
		}
		return s, true
	}
	s.Profile = filepath.Dir(rel)
	s.ID = strings.TrimPrefix(c.codegen("extra-filename"), "-")
	return s, true
}
