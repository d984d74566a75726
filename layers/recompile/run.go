package recompile

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/calls"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// run is the state of one Run.
type run struct {
	Options
	dir     *builddir.Dir // the clone
	sites   *sites
	jobs    []*job
	standIn string // the program that stands in for the compiler and for scripts
	temp    string
	next    atomic.Int64 // names directories
	mu      sync.Mutex   // for Tell
}

// A job is a unit that is to be compiled again.
type job struct {
	unit    *builddir.Unit
	ways    []way // in which it may have been made, the likeliest first
	unsure  string
	here    bool // cargo was asked whether it would make the unit so in the checkout
	same    bool // it would
	calls   map[*site]*calls.Call
	verdict Verdict
}

// unknown ends a job that was not tried.
func (r *run) unknown(j *job, why string) { r.end(j, Unknown, why) }

func (r *run) end(j *job, result Result, why string) {
	j.verdict.Result, j.verdict.Why = result, why
	r.tell(j)
}

func (r *run) tell(j *job) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Tell != nil {
		r.Tell(&j.verdict)
	}
}

// scratch makes an empty directory in the clone, where hard links to its files can be made.
func (r *run) scratch() (string, error) {
	dir := filepath.Join(r.Clone, paths.TreeAgain, fmt.Sprint(r.next.Add(1)))
	return dir, os.MkdirAll(dir, 0o700)
}
