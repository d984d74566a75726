package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/cargo-cow/cargo-cow/hack/project"
)

// read is a program among whose dependencies are macros that nobody has read by hand, a script that tells rustc a path
// below its output directory (mime_guess's), and one that writes its output in another order on each run
// (font-awesome-as-a-crate's).
var read = project.Crate{Name: "mdbook", Version: "0.5.4"}

// unlike are the crates of read that are compiled wherever it is built anew, each since it holds, or stands upon, what
// font-awesome-as-a-crate's script has written there: the order of that is random, and runs of scripts are not served.
var unlike = []string{"font_awesome_as_a_crate", "mdbook", "mdbook_driver", "mdbook_html"}

// environment builds a project, and a clone of it at another path with one more variable in the environment: the same
// shell in another terminal, an editor, an agent. Nothing is restored.
func (b *bench) environment() error {
	origin, clone := filepath.Join(b.scratch.Dir, "read"), filepath.Join(b.scratch.Dir, "elsewhere", "read")
	if err := b.fetch(read, origin); err != nil {
		return err
	}
	if _, err := b.cow.Run(b.ctx, origin, "init"); err != nil {
		return err
	}
	cold, err := b.build(read.String()+", cold", origin, b.env())
	if err != nil {
		return err
	}
	if err := project.Git(b.ctx, b.scratch.Dir, "clone", "--quiet", origin, clone); err != nil {
		return err
	}
	warm, err := b.build("a clone of it, with one more variable set", clone, b.env("PUBLISHED_SESSION=1"))
	if err != nil {
		return err
	}
	for _, crate := range slices.Compact(slices.Clone(warm)) {
		if err := b.why(clone, crate); err != nil {
			return err
		}
		if !slices.Contains(unlike, crate) {
			err = errors.Join(err, fmt.Errorf("%s is compiled in the clone, of %d units of which %d are: %q", crate, len(cold), len(warm), warm))
		}
	}
	return err
}

// why adds a row: what compiling a crate has cost, and what the warehouse says came in the way.
func (b *bench) why(dir, crate string) error {
	out, err := project.Run(b.ctx, dir, b.cow.Env(), b.cow.Path, "--json", "why-miss", crate)
	if err != nil {
		return err
	}
	for line := range bytes.Lines(out) {
		var miss struct {
			Reason, Why, Detail string
			Cost                int64 `json:"cost_ms"`
		}
		if err := json.Unmarshal(line, &miss); err != nil {
			return fmt.Errorf("read why %s was compiled: %w", crate, err)
		}
		if miss.Reason == "miss" {
			b.row("of these "+crate, time.Duration(miss.Cost)*time.Millisecond, miss.Why+" "+filepath.Base(miss.Detail), 0)
		}
	}
	return nil
}
